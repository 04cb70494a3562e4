/** Follows the links of a Redfish service, as a client would. */
import type { Resource } from '../../src/redfish/definition.ts';
import type { RedfishBench } from './redfish-bench.ts';

export interface Crawl {
  /** By path, what links lead to. */
  readonly bodies: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** Links that lead nowhere, with the status that says so. */
  readonly dead: readonly string[];
}

/** From the root, as administrator. @param more paths that no link of the kind that is followed leads to */
export async function crawl(bench: RedfishBench, more: readonly string[] = []): Promise<Crawl> {
  const bodies = new Map<string, Record<string, unknown>>();
  const dead: string[] = [];
  const queue = ['/redfish/v1/', ...more];
  for (let uri = queue.shift(); uri !== undefined; uri = queue.shift()) {
    if (bodies.has(uri)) continue;
    const reply = await bench.ask('GET', uri);
    if (reply.status !== 200) dead.push(`${uri}: ${reply.status}`);
    else {
      bodies.set(uri, reply.body);
      queue.push(...linksOf(reply.body).filter((link) => !bodies.has(link)));
    }
  }
  return { bodies, dead };
}

/** References and the descriptions of actions; not the targets of actions. */
function linksOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(linksOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    (name === '@odata.id' || name === '@Redfish.ActionInfo') && typeof child === 'string'
      ? [child.split('#', 1)[0] ?? '']
      : linksOf(child),
  );
}

/** Whether a path is one that the definition is for. */
export function isAt({ path }: Pick<Resource, 'path'>, uri: string): boolean {
  const pattern = path.replace(/[$.]/g, '\\$&').replace(/:\w+/g, '[^/]+');
  return new RegExp(`^${pattern}/?$`).test(uri);
}
