/**
 * Texts that are more than texts to somebody else (shells, QEMU's options, SQL, XML, logs, terminals, file systems) into every
 * text that can be set: kept byte for byte, or refused with nothing changed. Neither way does anything else change its shape.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redfishResources } from '../../../src/redfish/resources.ts';
import { injectionCorpus as corpus } from '../../support/injection-corpus.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { crawl, isAt } from '../../support/redfish-crawl.ts';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Paths of names to texts that may be anything. */
function textsIn(schema: Schema, path: readonly string[] = []): (readonly string[])[] {
  if (schema.anyOf) return schema.anyOf.flatMap((each) => textsIn(each, path));
  if (schema.type === 'string' && !schema.enum && schema.const === undefined) return [path];
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => textsIn(child, [...path, name]));
}

const nested = (path: readonly string[], value: string): unknown =>
  path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
const at = (body: unknown, path: readonly string[]): unknown =>
  path.reduce((inner, name) => (inner as Readonly<Record<string, unknown>> | null | undefined)?.[name], body);

/** Names and kinds of values, whatever the values. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null)
    return value === null ? 'text' : typeof value === 'string' ? 'text' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, shapeOf(child)]));
}

let bench: RedfishBench;
let uris: readonly string[];
beforeAll(async () => {
  bench = new RedfishBench();
  await bench.start();
  uris = [...(await crawl(bench, [])).bodies.keys()];
});
afterAll(() => bench.stop());

test('every text that can be set keeps what it is given byte for byte, or refuses it and keeps what it had', async () => {
  const wrong: string[] = [];
  const seen = new Set<string>();
  let kept = 0;
  let refused = 0;
  for (const definition of redfishResources) {
    const { patch } = definition;
    if (!patch) continue;
    // The bench’s own administrator must be able to go on.
    const uri = uris.find((each) => isAt(definition, each) && !each.endsWith('/Accounts/2'));
    if (uri === undefined) continue;
    const target = uri.endsWith('/Accounts/3') ? uri.replace(/3$/, '4') : uri;
    for (const path of textsIn(patch.schema as Schema)) {
      // Never read back: what passwords do is in `every-door`, what names of servers' users do in `virtual-media`.
      if (path.at(-1) === 'Password' || (uri.includes('/VirtualMedia/') && path.at(-1) === 'UserName'))
        continue;
      seen.add(`${definition.path} ${path.join('/')}`);
      for (const text of corpus) {
        const before = (await bench.ask('GET', target)).body;
        const { status } = await bench.ask('PATCH', target, { body: nested(path, text) });
        const after = (await bench.ask('GET', target)).body;
        const what = `${target} ${path.join('/')} ${JSON.stringify(text.slice(0, 40))}: ${status}`;
        if (status >= 500) wrong.push(what);
        else if (status >= 400) {
          refused++;
          if (JSON.stringify(at(after, path)) !== JSON.stringify(at(before, path)))
            wrong.push(`${what}, and changed`);
        } else {
          kept++;
          // Credentials in an image's address are used and not shown.
          const wanted = path.at(-1) === 'Image' ? text.replace('user:pass@', '') : text;
          // A community counts as a password: only the core tells it.
          const found =
            path.at(-1) === 'TrapCommunity' ? bench.bmc.lan.configuration.community : at(after, path);
          if (found !== wanted) wrong.push(`${what}, but ${JSON.stringify(found)}`);
        }
        const [was, is] = [shapeOf(before), shapeOf(after)].map((shape) => JSON.stringify(shape));
        if (was !== is && path.at(-1) !== 'Image') wrong.push(`${what}, another shape`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(seen.size).toBeGreaterThan(5);
  expect(kept).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(20);
  process.stdout.write(`${seen.size} texts, ${kept} kept, ${refused} refused\n`);
}, 60_000);
