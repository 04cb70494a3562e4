/**
 * Hostile requests to a Redfish service, made from its own schemas so that most get as far as the handlers, and from
 * what has the right form nowhere. After each one: no fault of ours, a message of a registry with each refusal, and
 * nothing changed by one.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { RedfishBench } from './redfish-bench.ts';
import { type RedfishTarget, redfishTargets } from './redfish-targets.ts';

export interface Schema {
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

export function bodyOf({ properties = {} }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const known = Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, nearly(child)]));
  const unknown = fc.dictionary(fc.string({ maxLength: 12 }), anything, { maxKeys: 1 });
  return fc
    .tuple(
      fc.record(known, { requiredKeys: [] }),
      fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: unknown }),
    )
    .map(([body, more]) => ({ ...more, ...body }));
}

/** All that a refusal must leave as it is. */
export function stateOf({ bmc, redfish, sessions }: RedfishBench): string {
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

export interface FuzzOutcome {
  readonly requests: number;
  readonly taken: number;
  readonly refused: number;
  /** More of the heap, and beside it, than before. */
  readonly grownBytes: number;
}

interface Request {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const methods = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS', 'get', 'TRACE', '', '\0'];
const queries = [
  '$select',
  '$expand',
  '$filter',
  '$top',
  '$skip',
  '$skiptoken',
  'only',
  'excerpt',
  '$orderby',
];
const headerNames = [
  ...['accept', 'accept-encoding', 'content-type', 'content-length', 'if-match', 'if-none-match'],
  ...['odata-version', 'odata-maxversion', 'x-auth-token', 'authorization', 'range', 'host', 'origin'],
  ...['x-forwarded-for', 'x-http-method-override', 'transfer-encoding', 'prefer', 'cookie', 'x'],
];
const values = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '*',
    '*/*',
    '""',
    'W/"x"',
    '4.0',
    '-1',
    '1',
    '999999999999',
    '.($levels=6)',
    '%00',
    '\r\n',
  ),
  fc.constantFrom(
    'Basic ',
    'Basic YWRtaW4=',
    'Bearer x',
    'bytes=0-',
    'application/json',
    'multipart/form-data',
  ),
);

/** What is wrong with each part that a request has, and seldom with all of them. */
function requests({ method, uri, schema }: RedfishTarget): fc.Arbitrary<Request> {
  const usually = <T>(value: T, others: fc.Arbitrary<T>, weight = 4) =>
    fc.oneof({ weight, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: others });
  const place = fc.oneof(
    fc.tuple(fc.constantFrom(...queries), values).map(([name, value]) => `${uri}?${name}=${value}`),
    fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `${uri}/${text}`),
    fc.nat(uri.length).map((at) => uri.slice(0, at)),
    fc.constantFrom(`${uri}/../`, `${uri}%2f`, `${uri}%`, `/${uri}`, `${uri}#`, `${uri};x`, '', '/redfish'),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.nat(200).map((depth) => '['.repeat(depth)),
    fc.nat(200).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
    fc.constantFrom('', 'null', '[]', '"x"', '1', '{', '{"__proto__":{"a":1}}', '{"a":1,"a":2}', '\ufeff{}'),
  );
  const json = bodyOf(schema as Schema).map((body) => JSON.stringify(body));
  return fc.record({
    method: usually(method as string, fc.constantFrom(...methods)),
    uri: usually(uri, place),
    headers: fc.dictionary(fc.constantFrom(...headerNames), values, { maxKeys: 2 }),
    body: fc.oneof({ weight: 4, arbitrary: json }, { weight: 1, arbitrary: text }),
  });
}

/** @throws {Error} at the first answer that is wrong, with the request that leads to it */
export class RedfishFuzz {
  readonly #seed: number;
  #taken = 0;
  #refused = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** @param count in all: each place gets its share, from a service of its own */
  async run(count: number): Promise<FuzzOutcome> {
    const targets = await redfishTargets();
    const share = Math.ceil(count / targets.length);
    // What is made once by the first requests of all is no growth.
    await this.#attack(targets[0] as RedfishTarget, 20);
    this.#taken = 0;
    this.#refused = 0;
    const before = bytesInUse();
    for (const target of targets) await this.#attack(target, share);
    const grownBytes = bytesInUse() - before;
    const [taken, refused] = [this.#taken, this.#refused];
    return { requests: taken + refused, taken, refused, grownBytes };
  }

  async #attack(target: RedfishTarget, count: number): Promise<void> {
    const seed = this.#seed;
    let bench: RedfishBench | undefined;
    for (const request of fc.sample(requests(target), { numRuns: count, seed })) {
      // One that was taken may have locked the administrator out.
      const admin = bench?.bmc.users.get(2);
      if (!bench || admin?.name !== 'admin' || !admin.enabled || admin.limit !== 'administrator') {
        await bench?.stop();
        bench = new RedfishBench();
        await bench.start();
      }
      await this.#ask(bench, request);
    }
    await bench?.stop();
  }

  async #ask(bench: RedfishBench, { method, uri, headers, body }: Request): Promise<void> {
    const admin = bench.bmc.users.get(2);
    if (!admin) throw new Error('the administrator has gone');
    const { token, session } = bench.sessions.open(admin, '192.0.2.9');
    const before = stateOf(bench);
    const asked = { 'content-type': 'application/json', 'x-auth-token': token, ...headers };
    const reply = await bench.ask(method, uri, { body, as: undefined, headers: asked });
    const after = stateOf(bench);
    bench.sessions.end(session.id, { name: 'bench', face: 'bmc' });
    const wrong = (what: string) =>
      new Error(
        `${what}: ${reply.status} to ${JSON.stringify({ method, uri, headers, body })}: ${reply.text}`,
      );
    // What DSP0266 §7.3 wants for a query that a service does not know.
    const isUnknownQuery = reply.status === 501 && uri.includes('?$');
    if ((reply.status >= 500 && !isUnknownQuery) || reply.status < 200) throw wrong('a fault of ours');
    if (reply.status < 400) {
      this.#taken++;
      // The machine does what it was told, rather than have ever more of it wait.
      await bench.clock.advanceAsync(1_000, 500);
      return;
    }
    this.#refused++;
    if (method !== 'HEAD') {
      const told = reply.body?.error?.['@Message.ExtendedInfo'] ?? [];
      const isTold =
        told.length > 0 && told.every(({ MessageId: id }: { MessageId: string }) => messageId.test(id));
      if (!isTold) throw wrong('a refusal without a message');
    }
    if (after !== before) throw wrong('a refusal that has changed something');
  }
}

const messageId = /^\w+\.\d+\.\d+\.\w+$/;

/** After the rubbish has been collected. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
