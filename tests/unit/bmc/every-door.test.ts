/**
 * One change of a user, made through any door, on all doors: within a second what was true before opens nothing any more,
 * not even what it had opened, and what is true now does. Changes × who makes them × what is open.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { SystemInterface } from '../../../src/ipmi/in-band/system-interface.ts';
import { IpmiState } from '../../../src/ipmi/ipmi-state.ts';
import { LanFace } from '../../../src/ipmi/lan-face.ts';
import type { RemoteAddress } from '../../../src/ipmi/session/link.ts';
import { SolService } from '../../../src/ipmi/sol/sol-service.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { KcsGuest } from '../../support/in-band-bench.ts';
import { type Exchange, IpmiClient } from '../../support/ipmi-client.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';

const victim = { id: 3, name: 'operator', password: 'operator', changed: 'another password' } as const;
const account = `/redfish/v1/AccountService/Accounts/${victim.id}`;
const local = { name: 'test', face: 'bmc' } as const;
const [app, chassis] = [0x06, 0x00];

let store: Store;
let bench: RedfishBench;
let lan: LanFace;
let kcs: KcsGuest;
const sent: Uint8Array[] = [];
const link = { localPort: 623, send: (datagram: Uint8Array, _: RemoteAddress) => void sent.push(datagram) };

beforeEach(async () => {
  store = memoryStore();
  await begin();
});
afterEach(() => end());

/** One life of the BMC on the store. */
async function begin(): Promise<void> {
  bench = new RedfishBench({ store });
  await bench.start();
  const { bmc } = bench;
  const { console, sol: settings, events, users, clock } = bmc;
  const state = new IpmiState(bmc);
  const sol = new SolService({ console, settings, events, users, clock, log: silentLogger, replayBytes: 0 });
  lan = new LanFace({ bmc, state, commands: ipmiCommands, sol });
  const options = { bmc, state, commands: ipmiCommands, lan: lan.context(623) } as const;
  kcs = new KcsGuest(new SystemInterface(options));
}

async function end(): Promise<void> {
  lan.stop();
  await bench.stop();
}

/** Each from an address of its own: a wrong password slows its sender down, and nobody else. */
let lastAddress = 0;
function exchange(): Exchange {
  lastAddress = (lastAddress + 1) % 200;
  const address = `192.0.2.${lastAddress + 10}`;
  return (datagram) => {
    sent.length = 0;
    lan.receive(datagram, { address, port: 40_000 }, link);
    return sent.splice(0);
  };
}

function ipmi(user: string, password: string, suite: number, role = 0): IpmiClient | undefined {
  const client = new IpmiClient(exchange(), { user, password, suite, role });
  return client.login() === 'ok' ? client : undefined;
}

const padded = (text: string) => [...Buffer.alloc(16, 0).fill(text, 0, text.length, 'latin1')];

/** Commands of IPMI by which it is done: Set User Password, Set User Access, Set User Name. */
const byIpmi = {
  password: [[0x47, [victim.id, 2, ...padded(victim.changed)]]],
  disable: [[0x47, [victim.id, 0]]],
  role: [[0x43, [0x91, victim.id, 2]]],
  delete: [[0x45, [victim.id, ...padded('')]]],
} as const satisfies Record<string, readonly (readonly [number, readonly number[]])[]>;
type Change = keyof typeof byIpmi;

const doors: Readonly<Record<string, (change: Change) => Promise<void> | void>> = {
  'IPMI over LAN': (change) => {
    const admin = ipmi('admin', 'admin', 17);
    admin?.command(app, 0x3b, [4]);
    for (const [cmd, data] of byIpmi[change]) {
      expect(admin?.command(app, cmd, data)).toMatchObject({ completionCode: 0 });
    }
  },
  'the system interface': (change) => {
    for (const [cmd, data] of byIpmi[change]) expect(kcs.command(app, cmd, ...data)[0]).toBe(0);
  },
  Redfish: async (change) => {
    const bodies = {
      password: { Password: victim.changed },
      disable: { Enabled: false },
      role: { RoleId: 'ReadOnly' },
    };
    const { status } =
      change === 'delete'
        ? await bench.ask('DELETE', account)
        : await bench.ask('PATCH', account, { body: bodies[change] });
    expect([change, status < 300]).toEqual([change, true]);
  },
  'the BMC itself': (change) => {
    const { users } = bench.bmc;
    const changes = {
      password: { password: Buffer.from(victim.changed) },
      disable: { enabled: false },
      role: { limit: 'user' },
      delete: { name: '' },
    } as const;
    users.update(victim.id, changes[change], local);
  },
};

interface Opened {
  readonly session: IpmiClient;
  readonly token: string;
  readonly stream: { over: boolean };
}

/** Everything a user can have open. */
async function openAll(): Promise<Opened> {
  const session = ipmi(victim.name, victim.password, 17);
  const body = { UserName: victim.name, Password: victim.password };
  const login = await bench.ask('POST', '/redfish/v1/SessionService/Sessions', { as: undefined, body });
  const token = login.headers['x-auth-token'];
  if (!session || token === undefined) throw new Error('the doors were not open to begin with');
  expect(session.command(app, 0x3b, [3])).toMatchObject({ completionCode: 0 });
  const reply = await bench.service.handle({
    method: 'GET',
    url: '/redfish/v1/EventService/SSE',
    headers: { 'x-auth-token': token, accept: 'text/event-stream' },
    body: new Uint8Array(),
    from: '192.0.2.9:50000',
    address: '192.0.2.9',
    gone: new AbortController().signal,
  });
  expect(reply.status).toBe(200);
  const stream = { over: false };
  void (async () => {
    for await (const _ of reply.body as AsyncIterable<string>);
    stream.over = true;
  })();
  return { session, token, stream };
}

const systems = '/redfish/v1/Systems';
const basic = async (password: string) =>
  (await bench.ask('GET', systems, { as: `${victim.name}:${password}` })).status;
const byToken = async (token: string, method = 'GET', uri = systems, body?: unknown) =>
  (
    await bench.ask(method, uri, {
      as: undefined,
      headers: { 'x-auth-token': token },
      ...(body !== undefined && { body }),
    })
  ).status;

describe.each(Object.keys(doors))('changed through %s', (door) => {
  const make = async (change: Change) => {
    await doors[door]?.(change);
    await bench.clock.advance(1000);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  test('a password: the new one opens IPMI and Redfish, the old one and what it had opened nothing', async () => {
    const { session, token, stream } = await openAll();
    await make('password');
    expect(await basic(victim.changed)).toBe(200);
    for (const suite of [3, 17]) {
      expect([suite, ipmi(victim.name, victim.changed, suite)]).toEqual([suite, expect.anything()]);
      expect([suite, ipmi(victim.name, victim.password, suite)]).toEqual([suite, undefined]);
    }
    expect(session.command(app, 0x01)).toBeUndefined();
    expect(await byToken(token)).toBe(401);
    expect(stream.over).toBe(true);
    expect(await basic(victim.password)).toBe(401);
  });

  test.each(['disable', 'delete'] as const)('%s: nothing is open any more', async (change) => {
    const { session, token, stream } = await openAll();
    await make(change);
    for (const suite of [3, 17])
      expect([suite, ipmi(victim.name, victim.password, suite)]).toEqual([suite, undefined]);
    expect(session.command(app, 0x01)).toBeUndefined();
    expect(await byToken(token)).toBe(401);
    expect(stream.over).toBe(true);
    expect(await basic(victim.password)).toBe(401);
  });

  test('a lower role: what is open goes on with the new rights and no others', async () => {
    const { session, token } = await openAll();
    const reset = `${systems}/1/Actions/ComputerSystem.Reset`;
    await make('role');
    const asked = session.command(chassis, 0x02, [0]);
    expect(asked === undefined || asked.completionCode === 0xd4).toBe(true);
    expect(ipmi(victim.name, victim.password, 17, 0x13)).toBeUndefined();
    expect(ipmi(victim.name, victim.password, 17, 0x12)).toBeDefined();
    expect(await byToken(token, 'POST', reset, { ResetType: 'On' })).toBe(403);
    expect(await byToken(token)).toBe(200);
    expect(bench.bmc.power.state).toBe('off');
    expect(await basic(victim.password)).toBe(200);
  });
});

const system = `${systems}/1`;
const cd = `${system}/VirtualMedia/Cd/Actions/VirtualMedia`;
async function done(method: string, uri: string, body: unknown): Promise<void> {
  const { status } = await bench.ask(method, uri, { body });
  expect([uri, status < 300]).toEqual([uri, true]);
  await bench.clock.advance(10_000);
}
const reset = (ResetType: string) => done('POST', `${system}/Actions/ComputerSystem.Reset`, { ResetType });

/** What has made others forget a secret, or remember one: each leaves something of its own behind. */
const happenings: Readonly<Record<string, () => Promise<void>>> = {
  'a change of the boot device': async () => {
    const Boot = { BootSourceOverrideEnabled: 'Continuous', BootSourceOverrideTarget: 'Pxe' };
    await done('PATCH', system, { Boot });
    expect(bench.bmc.boot.override).toMatchObject({ target: 'pxe' });
  },
  'an image that is inserted and taken out': async () => {
    await done('POST', `${cd}.InsertMedia`, { Image: 'http://192.0.2.7/a.iso', TransferMethod: 'Upload' });
    await done('POST', `${cd}.EjectMedia`, {});
  },
  'a power cycle': async () => {
    await reset('On');
    await reset('PowerCycle');
    expect(bench.bmc.power.state).toBe('on');
  },
  'a restart of the BMC': async () => {
    await end();
    await begin();
  },
};

describe('after a change of users and policies', () => {
  test.each(Object.keys(happenings))('%s brings no old secret back, and drops none', async (happening) => {
    const other = { id: 4, name: 'reader' } as const;
    await doors.Redfish?.('password');
    await done('PATCH', `/redfish/v1/AccountService/Accounts/${other.id}`, { Enabled: false });
    bench.bmc.hostAccess.set('no-users', local);
    await happenings[happening]?.();
    for (const suite of [3, 17]) {
      const open = (name: string, password: string) => ipmi(name, password, suite) !== undefined;
      expect([suite, open(victim.name, victim.changed), open('admin', 'admin')]).toEqual([suite, true, true]);
      expect([suite, open(victim.name, victim.password), open(other.name, other.name)]).toEqual([
        ...[suite, false, false],
      ]);
    }
    expect([await basic(victim.changed), await basic(victim.password)]).toEqual([200, 401]);
    expect((await bench.ask('GET', systems, { as: other.name })).status).toBe(401);
    for (const [cmd, data] of byIpmi.password) expect(kcs.command(app, cmd, ...data)[0]).toBe(0xd4);
    expect(bench.bmc.hostAccess.policy).toBe('no-users');
  });
});

test('what the changes are refused for is there to begin with', async () => {
  const { session, token, stream } = await openAll();
  await bench.clock.advance(1000);
  expect(session.command(app, 0x01)).toMatchObject({ completionCode: 0 });
  expect(await byToken(token, 'POST', `${systems}/1/Actions/ComputerSystem.Reset`, { ResetType: 'On' })).toBe(
    204,
  );
  expect(stream.over).toBe(false);
});
