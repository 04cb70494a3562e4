/**
 * Whatever is written to whatever can be written, called on whatever action there is: never a 5xx, always a message of a
 * registry, and nothing has changed when the answer is a refusal.
 */
import fc from 'fast-check';
import type { TObject } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actionPath } from '../../../src/redfish/actions.ts';
import { redfishResources } from '../../../src/redfish/resources.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { crawl, isAt } from '../../support/redfish-crawl.ts';

const runs = 40;

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, '', 0, -1, 2 ** 53, '\0', '\ud800', 'a'.repeat(5000), [], {}, [null], true),
) as fc.Arbitrary<unknown>;

/** What nearly fits: right in parts, so that the handlers behind the schemas get to see it. */
function nearly(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: fitting(schema) }, { weight: 1, arbitrary: anything });
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fitting));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  switch (schema.type) {
    case 'string':
      return fc.oneof(
        fc.string({ unit: 'binary', maxLength: 24 }),
        fc.constantFrom(
          '192.0.2.7',
          '::',
          '/redfish/v1/',
          '+01:00',
          '2030-01-01T00:00:00Z',
          'http://192.0.2.1/x',
        ),
      );
    case 'integer':
    case 'number': {
      const { minimum = -10, maximum = 1_000_000 } = schema;
      return fc.oneof(fc.integer({ min: minimum, max: maximum }), fc.constantFrom(minimum, maximum, 0.5));
    }
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(nearly(schema.items ?? {}), { maxLength: 4 });
    case 'object':
      return bodyOf(schema);
    default:
      return anything;
  }
}

function bodyOf({ properties = {} }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const known = Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, nearly(child)]));
  const unknown = fc.dictionary(fc.string({ maxLength: 12 }), anything, { maxKeys: 1 });
  return fc
    .tuple(
      fc.record(known, { requiredKeys: [] }),
      fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: unknown }),
    )
    .map(([body, more]) => ({ ...more, ...body }));
}

interface Target {
  readonly title: string;
  readonly method: 'PATCH' | 'POST';
  readonly uri: string;
  readonly schema: TObject;
}

/** One place for each definition that takes a body, and one for each action. */
async function targetsOf(): Promise<readonly Target[]> {
  const bench = new RedfishBench();
  await bench.start();
  const uris = [...(await crawl(bench)).bodies.keys()];
  await bench.stop();
  return redfishResources.flatMap((definition): Target[] => {
    // The last one: of the accounts not the administrator's, who asks.
    const uri = uris.findLast((each) => isAt(definition, each));
    if (uri === undefined) return [];
    const { patch, create, actions } = definition;
    return [
      ...(patch ? [{ title: `PATCH ${uri}`, method: 'PATCH' as const, uri, schema: patch.schema }] : []),
      ...(create ? [{ title: `POST ${uri}`, method: 'POST' as const, uri, schema: create.schema }] : []),
      ...actions.map((action) => ({
        title: `POST ${actionPath(uri, action)}`,
        method: 'POST' as const,
        uri: actionPath(uri, action),
        schema: action.parameters,
      })),
    ];
  });
}

/** All that a refusal must leave as it is. */
function stateOf({ bmc, redfish, sessions }: RedfishBench): string {
  return JSON.stringify([
    bmc.users.list(),
    bmc.lan.configuration,
    bmc.lan.access,
    bmc.sol.configuration,
    bmc.boot.override,
    bmc.power.state,
    bmc.power.restorePolicy,
    bmc.asset.tag,
    bmc.sel.time,
    bmc.sel.utcOffsetMinutes,
    bmc.identify.state,
    bmc.events.list().length,
    redfish.state.settings,
    redfish.state.settings.httpBasicAuth,
    redfish.state.settings.identification,
    sessions.idleTimeoutS,
    bmc.store.load('tls-request'),
  ]);
}

describe.each(await targetsOf())('$title', ({ method, uri, schema }) => {
  let bench: RedfishBench;
  beforeAll(async () => {
    bench = new RedfishBench();
    await bench.start();
  });
  afterAll(() => bench.stop());

  it('takes it or refuses it, and a refusal changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(bodyOf(schema as Schema), async (body) => {
        const admin = bench.bmc.users.get(2);
        if (!admin) throw new Error('the administrator has gone');
        const { token, session } = bench.sessions.open(admin, '192.0.2.9');
        const before = stateOf(bench);
        const reply = await bench.ask(method, uri, {
          body,
          as: undefined,
          headers: { 'x-auth-token': token },
        });
        const after = stateOf(bench);
        bench.sessions.end(session.id, { name: 'bench', face: 'bmc' });
        expect(reply.status, reply.text).toBeLessThan(500);
        if (reply.status < 400) return;
        const told = reply.body.error['@Message.ExtendedInfo'];
        expect(told.length).toBeGreaterThan(0);
        for (const { MessageId: id, Message: text, Resolution: resolution } of told) {
          expect(id).toMatch(/^\w+\.\d+\.\d+\.\w+$/);
          expect(text.length).toBeLessThan(1000);
          expect(resolution).toBeTypeOf('string');
        }
        expect(after).toBe(before);
      }),
      { numRuns: runs },
    );
  });
});
