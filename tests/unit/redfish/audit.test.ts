/**
 * Who changes anything over Redfish is in the audit log: each property that can be written, each action and each
 * collection that takes members is tried with values that fit its schema. Whenever something is kept anew thereby, or the
 * resource reads otherwise, there must be an entry with the name of whoever asked, and it holds no password.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { redfishTargets } from '../../support/redfish-targets.ts';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Kept by what the BMC does of itself. */
const notSettings = new Set(['events', 'power-on-time', 'restart', 'self-test']);
/** What the resource tells of the moment. */
const ofTheMoment =
  /"(?:DateTime|@odata\.etag|Reading\w*|LastResetTime|TimeStamp|SensorReading\w*)":("[^"]*"|[^,}]*)/g;
const secret = 'Not-to-be-seen-1';

const texts = [
  ...[
    secret,
    'Tag-7',
    '192.0.2.7',
    '+01:00',
    '2030-01-01T00:00:00Z',
    'http://192.0.2.1/x.iso',
    '1',
    'admin2',
  ],
  'https://192.0.2.1/events',
];

/** Some values that fit; not all that do. */
function values(schema: Schema): readonly unknown[] {
  if (schema.anyOf) return schema.anyOf.flatMap(values);
  if (schema.enum) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  const { minimum = 0, maximum = 1_000_000 } = schema;
  switch (schema.type) {
    case 'string':
      return texts;
    case 'integer':
    case 'number':
      return [...new Set([minimum, minimum + 1, minimum + 2, 60, 120, maximum])].filter(
        (value) => value >= minimum && value <= maximum,
      );
    case 'boolean':
      return [true, false];
    case 'array':
      return [[], ...values(schema.items ?? {}).map((item) => [item])];
    case 'object':
      return bodies(schema);
    default:
      return [null];
  }
}

/** One for each value of each property, with the first values of those that must be there. */
function bodies({ properties = {}, required = [] }: Schema): readonly Readonly<Record<string, unknown>>[] {
  const needed = Object.fromEntries(required.map((name) => [name, values(properties[name] ?? {})[0]]));
  const single = Object.entries(properties).flatMap(([name, schema]) =>
    values(schema).map((value) => ({ ...needed, [name]: value })),
  );
  return single.length === 0 ? [needed] : single;
}

/** What changes without an entry, and why. */
const unaudited: Readonly<Record<string, string>> = {
  'POST /redfish/v1/EventService/Actions/EventService.SubmitTestEvent':
    'an event for those who listen; nothing is kept',
};

/** At least these have been seen to change something. */
const changing = [
  'PATCH /redfish/v1/AccountService AccountLockoutThreshold',
  'PATCH /redfish/v1/AccountService/Accounts/4 Password',
  'PATCH /redfish/v1/AccountService/Accounts/4 RoleId',
  'PATCH /redfish/v1/Chassis/1 AssetTag',
  'PATCH /redfish/v1/Managers/1 DateTimeLocalOffset',
  'PATCH /redfish/v1/Managers/1 ServiceIdentification',
  'PATCH /redfish/v1/Managers/1/SerialInterfaces/1 BitRate',
  'PATCH /redfish/v1/Managers/1/SerialInterfaces/1 InterfaceEnabled',
  'PATCH /redfish/v1/SessionService SessionTimeout',
  'PATCH /redfish/v1/Systems/1 Boot',
  'PATCH /redfish/v1/Systems/1 IndicatorLED',
  'PATCH /redfish/v1/Systems/1 LocationIndicatorActive',
  'PATCH /redfish/v1/Systems/1 PowerRestorePolicy',
];
const seen = new Set<string>();

describe.each(await redfishTargets())('$title', ({ title, method, uri, resource, schema }) => {
  let bench: RedfishBench;
  const saved: string[] = [];
  beforeAll(async () => {
    bench = new RedfishBench();
    await bench.start();
    const { store } = bench.bmc;
    const { save } = store;
    store.save = (name, value) => {
      const isNew = JSON.stringify(store.load(name)) !== JSON.stringify(value);
      if (isNew && !notSettings.has(name)) saved.push(name);
      save(name, value);
    };
  });
  afterAll(() => bench.stop());

  const shown = async () => (await bench.ask('GET', resource)).text.replace(ofTheMoment, '');

  it('leaves an entry for each change, without a secret', async () => {
    const missing: string[] = [];
    // A PATCH may leave out what it likes.
    const fitting = bodies({ ...(schema as Schema), ...(method === 'PATCH' && { required: [] }) });
    for (const body of fitting) {
      const before = await shown();
      const entries = bench.bmc.events.list().length;
      saved.length = 0;
      const { status } = await bench.ask(method, uri, { body });
      await bench.clock.advanceAsync(0);
      const changed = saved.length > 0 || (await shown()) !== before;
      if (status >= 400 || !changed) continue;
      const own = bench.bmc.events
        .list()
        .slice(entries)
        .filter(({ actor }) => actor?.name === 'admin' && actor.face === 'redfish');
      const [name = ''] = Object.keys(body).slice(-1);
      if (own.length > 0) seen.add(method === 'PATCH' ? `${title} ${name}` : title);
      else if (!(title in unaudited)) missing.push(`${JSON.stringify(body)}: ${saved.join()}`);
    }
    expect(missing).toEqual([]);
    const passwords = bench.bmc.events.list().filter((entry) => {
      const isName = /AssetTag|ServiceIdentification|UserName|Context|Accounts$/.test(
        JSON.stringify(schema) + uri,
      );
      return !isName && JSON.stringify(entry).includes(secret);
    });
    expect(passwords).toEqual([]);
    // Keys for certificates take their time.
  }, 120_000);
});

describe('the audit log', () => {
  it('has been looked at for what changes most', () => {
    expect([...seen]).toEqual(expect.arrayContaining(changing));
  });

  it('never holds the password that an account is given', async () => {
    const bench = new RedfishBench();
    await bench.start();
    const account = '/redfish/v1/AccountService/Accounts/4';
    const { status } = await bench.ask('PATCH', account, { body: { Password: secret } });
    expect(status).toBeLessThan(300);
    const last = bench.bmc.events.list().at(-1);
    expect(last?.changes).toContainEqual({ name: 'password', before: '(secret)', after: '(secret)' });
    expect(JSON.stringify(bench.bmc.events.list())).not.toContain(secret);
    const { body } = await bench.ask('GET', '/redfish/v1/Managers/1/LogServices/AuditLog/Entries');
    expect(body.Members.at(-1)).toMatchObject({ Username: 'admin', OriginatorType: 'Client' });
    await bench.stop();
  });
});
