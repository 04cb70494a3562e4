/** The configuration of the BMC as a document: what it holds, and what becomes of one that is put back. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

const root = '/redfish/v1';
const exportUri = `${root}/Managers/1/Actions/Oem/QemuBmcManager.ExportConfiguration`;
const upload = `${root}/UpdateService/upload`;
const actor = { name: 'bench', face: 'bmc' } as const;

let bench: RedfishBench;
beforeEach(async () => {
  bench = await started();
});
afterEach(() => bench.stop());

async function started(): Promise<RedfishBench> {
  const made = new RedfishBench();
  await made.start();
  return made;
}

// biome-ignore lint/suspicious/noExplicitAny: a document that tests take apart and spoil
type Document = any;

async function exported(from = bench): Promise<Document> {
  const reply = await from.ask('POST', exportUri);
  expect(reply.status).toBe(200);
  return reply.body;
}

/** @returns how the task ended, and all that it said */
async function restore(
  document: unknown,
  as = 'admin',
  on = bench,
): Promise<{ state: string; said: string }> {
  async function* stream() {
    yield Buffer.from(JSON.stringify(document));
  }
  const headers = { 'content-type': 'application/json' };
  const reply = await on.ask('POST', upload, { headers, stream: stream(), as });
  expect(reply.status, reply.text).toBe(202);
  for (let tries = 0; tries < 100; tries++) {
    const { body, text } = await on.ask('GET', reply.body['@odata.id']);
    if (body.TaskState !== 'Running') return { state: body.TaskState, said: text };
    await on.clock.advance(10);
  }
  throw new Error('the task does not end');
}

/** Changes one thing of each kind. */
function change({ bmc, redfish }: RedfishBench): void {
  bmc.users.update(4, { limit: 'operator', sol: false }, actor);
  bmc.machineSettings.set({ memoryMb: 4096, bootOrder: ['cd0'] }, actor);
  const sensor = bmc.sensors.analog('cpuTemp');
  sensor.configure({ thresholds: { ...sensor.settings.thresholds, 'upper-critical': 77 } }, actor);
  bmc.lan.update({ badPasswords: { threshold: 4, event: true, forgetAfterS: 60, lockoutS: 60 } }, actor);
  const [destination] = bmc.lan.destinations;
  if (destination) bmc.lan.setDestination(2, { ...destination, address: '192.0.2.77' }, actor);
  bmc.sol.update({ accumulateMs: 100 }, actor);
  const [first, ...rest] = bmc.pef.settings.filters;
  if (first) bmc.pef.update({ filters: [{ ...first, actions: ['reset'], sensorNumber: 7 }, ...rest] }, actor);
  bmc.power.setRestorePolicy('always-on', actor);
  bmc.boot.set({ target: 'pxe', persistent: true }, actor);
  bmc.frontPanel.disable(new Set(['reset']), actor);
  bmc.sel.setUtcOffset(90, actor);
  bmc.asset.setTag('rack 7', actor);
  redfish.state.settings.setIdentification('mine', actor);
  redfish.state.sessions.setIdleTimeoutS(600, actor);
}

describe('the document', () => {
  it('holds all settings and no secret', async () => {
    bench.bmc.lan.update({ kgHex: 'deadbeef', community: 'whisper' }, actor);
    const { text, body } = await bench.ask('POST', exportUri);
    expect(body).toMatchObject({ format: 'qemu-bmc configuration', version: 1 });
    const sections = [
      'users',
      'passwords',
      'machine',
      'sensors',
      'lan',
      'sol',
      'hostAccess',
      'pef',
      'power',
      'bootOverride',
      'frontPanel',
    ];
    expect(Object.keys(body.settings)).toEqual([...sections, 'clock', 'asset', 'redfish']);
    expect(body.settings.users[0]).toMatchObject({ id: 2, name: 'admin', limit: 'administrator' });
    expect(text).not.toMatch(/password"|deadbeef|whisper|PRIVATE/);
  });

  it('is for administrators', async () => {
    expect((await bench.ask('POST', exportUri, { as: 'operator' })).status).toBe(403);
    const { state, said } = await restore(await exported(), 'operator');
    expect([state, said]).toEqual(['Exception', expect.stringContaining('InsufficientPrivilege')]);
  });

  it('that has just been taken changes nothing when it is put back', async () => {
    change(bench);
    const before = await exported();
    expect((await restore(before)).state).toBe('Completed');
    expect(await exported()).toEqual(before);
  });

  it('brings all settings to another BMC, and back to the former ones', async () => {
    const plain = await exported();
    change(bench);
    const document = await exported();
    expect(document).not.toEqual(plain);
    const other = await started();
    try {
      expect((await restore(document, 'admin', other)).state).toBe('Completed');
      expect(await exported(other)).toEqual(document);
      const { bmc } = other;
      expect(bmc.users.get(4)).toMatchObject({ name: 'reader', limit: 'operator' });
      expect(bmc.pef.settings.filters[0]).toMatchObject({ sensorNumber: 7, sensorType: 1, trigger: 1 });
      expect(bmc.pef.settings.filters[0]?.generatorAddress).toBeUndefined();
      expect(bmc.boot.override).toMatchObject({ target: 'pxe', persistent: true });
      expect((await restore(plain, 'admin', other)).state).toBe('Completed');
      expect(await exported(other)).toEqual(plain);
    } finally {
      await other.stop();
    }
  });
});

describe('users of the document', () => {
  it('keep the password that their name has here; new ones have none, and others go', async () => {
    const document = await exported();
    const [admin, , reader] = document.settings.users;
    document.settings.users = [admin, { ...reader, id: 9 }, { ...reader, id: 5, name: 'new' }];
    expect((await restore(document)).state).toBe('Completed');
    const { users } = bench.bmc;
    expect(users.list().map(({ id, name }) => [id, name])).toEqual([
      [2, 'admin'],
      [5, 'new'],
      [9, 'reader'],
    ]);
    expect((await bench.ask('GET', `${root}/Systems`, { as: 'reader' })).status).toBe(200);
    expect(users.get(5)?.password).toHaveLength(0);
    expect((await bench.ask('GET', `${root}/Systems`, { as: 'new:' })).status).toBe(401);
  });

  it('are refused when nobody could log in as administrator', async () => {
    const document = await exported();
    document.settings.users = document.settings.users.map((user: object) => ({ ...user, limit: 'user' }));
    expect((await restore(document)).said).toContain('nobody who has a password here');
    expect(bench.bmc.users.get(2)?.limit).toBe('administrator');
  });
});

describe('a document', () => {
  it('may leave sections out, which stay as they are', async () => {
    change(bench);
    const format = { format: 'qemu-bmc configuration', version: 1 };
    expect((await restore({ ...format, settings: { asset: { tag: 'b', controllerName: 'c' } } })).state).toBe(
      'Completed',
    );
    expect(bench.bmc.asset.tag).toBe('b');
    expect(bench.bmc.sol.configuration.accumulateMs).toBe(100);
  });

  it.each<[string, (document: Document) => void, string]>([
    ['of another kind', (d) => (d.format = 'other'), 'format:'],
    ['of a later version', (d) => (d.version = 2), 'version: 2 is unknown'],
    ['with an unknown member', (d) => (d.color = 1), 'color:'],
    ['with an unknown section', (d) => (d.settings.color = {}), 'settings.color: there is no such setting'],
    ['with an unknown setting', (d) => (d.settings.sol.color = 1), 'settings.sol.color: there is no such'],
    ['without a setting', (d) => delete d.settings.sol.enabled, 'settings.sol.enabled: is missing'],
    [
      'with a wrong type',
      (d) => (d.settings.pef.filters[3].offsets = 'x'),
      'settings.pef.filters.3.offsets:',
    ],
    ['with too few of a list', (d) => d.settings.pef.policies.pop(), 'settings.pef.policies: a list of 16'],
    [
      'with an unknown sensor',
      (d) => (d.settings.sensors.none = {}),
      'settings.sensors.none: there is no such sensor',
    ],
    ['with a name twice', (d) => (d.settings.users[2].name = 'admin'), 'settings.users.2: another user'],
    ['with a bad address', (d) => (d.settings.lan.destinations[1].address = 'x'), 'LAN destinations'],
    [
      'with too many processors',
      (d) => (d.settings.machine = { cpus: 999 }),
      'settings.machine.cpus: a whole number',
    ],
    [
      'with a machine that cannot be',
      (d) => (d.settings.machine = { cpus: 3, sockets: 2 }),
      'cannot be shared out',
    ],
    ['with a proto', (d) => (d.settings = JSON.parse('{"__proto__": {}}')), '__proto__'],
  ])('%s is refused by the name of what is wrong, and changes nothing', async (_, spoil, words) => {
    const before = await exported();
    const document = structuredClone(before);
    // Whatever comes first would be changed if the whole were not checked, or not taken back.
    document.settings.asset.tag = 'changed';
    document.settings.users[1].limit = 'user';
    spoil(document);
    const { state, said } = await restore(document);
    expect(state).toBe('Exception');
    expect(said).toContain(words);
    expect(await exported()).toEqual(before);
  });
});
