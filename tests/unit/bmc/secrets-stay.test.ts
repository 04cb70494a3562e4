/**
 * What a user has changed stays changed on every door, whatever happens to the machine or the BMC afterwards: no old secret
 * opens anything again, and none is dropped. The same for what keeps requests out: the policy of the system interface, and
 * the addresses that nothing is sent to.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { SystemInterface } from '../../../src/ipmi/in-band/system-interface.ts';
import { IpmiState } from '../../../src/ipmi/ipmi-state.ts';
import { LanFace } from '../../../src/ipmi/lan-face.ts';
import type { RemoteAddress } from '../../../src/ipmi/session/link.ts';
import { SolService } from '../../../src/ipmi/sol/sol-service.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { fileStore } from '../../../src/store/file-store.ts';
import { KcsGuest } from '../../support/in-band-bench.ts';
import { type Exchange, IpmiClient } from '../../support/ipmi-client.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';

const account = '/redfish/v1/AccountService/Accounts';
const system = '/redfish/v1/Systems/1';
const cd = `${system}/VirtualMedia/Cd/Actions/VirtualMedia`;
const app = 0x06;

let folder: string;
let bench: RedfishBench;
let lan: LanFace;
let kcs: KcsGuest;
/** Opened by the old password, and by the new one. */
let oldToken: string;
let newToken: string;
const sent: Uint8Array[] = [];
const link = { localPort: 623, send: (datagram: Uint8Array, _: RemoteAddress) => void sent.push(datagram) };

/** A BMC on the state that is there, with the configuration it always had. */
async function begin(): Promise<void> {
  const store = fileStore(folder, ({ file, reason }) => {
    throw new Error(`${file}: ${reason}`);
  });
  bench = new RedfishBench({ store, hostAccess: 'no-users' });
  await bench.start();
  const { bmc } = bench;
  const { console, sol: settings, events, users, clock } = bmc;
  const state = new IpmiState(bmc);
  const sol = new SolService({ console, settings, events, users, clock, log: silentLogger, replayBytes: 0 });
  lan = new LanFace({ bmc, state, commands: ipmiCommands, sol });
  const common = { bmc, state, commands: ipmiCommands, lan: lan.context(623) } as const;
  kcs = new KcsGuest(new SystemInterface(common));
}
async function end(): Promise<void> {
  lan.stop();
  await bench.stop();
}

let lastAddress = 0;
function opensIpmi(user: string, password: string, suite: number): boolean {
  lastAddress = (lastAddress + 1) % 200;
  const address = `192.0.2.${lastAddress + 10}`;
  const exchange: Exchange = (datagram) => {
    sent.length = 0;
    lan.receive(datagram, { address, port: 40_000 }, link);
    return sent.splice(0);
  };
  return new IpmiClient(exchange, { user, password, suite, role: 0 }).login() === 'ok';
}
const post = (url: string, body: unknown) => bench.ask('POST', url, { body });
const settle = () => bench.clock.advanceAsync(3_000);
async function logIn(name: string, password: string): Promise<string | undefined> {
  const { headers } = await bench.ask('POST', '/redfish/v1/SessionService/Sessions', {
    as: undefined,
    body: { UserName: name, Password: password },
  });
  return headers['x-auth-token'];
}
/** A ticket for the serial console's WebSocket, which is its only key. */
const ticketBy = async (token: string) =>
  (
    await bench.ask('POST', `${system}/Actions/Oem/QemuBmcComputerSystem.OpenSerialConsole`, {
      as: undefined,
      headers: { 'x-auth-token': token },
      body: {},
    })
  ).status;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-secrets-'));
  await begin();
  oldToken = (await logIn('operator', 'operator')) ?? '';
  // The operator gets another password, the reader goes.
  expect((await bench.ask('PATCH', `${account}/3`, { body: { Password: 'another one' } })).status).toBe(200);
  expect((await bench.ask('DELETE', `${account}/4`)).status).toBe(204);
  expect(kcs.command(app, 0x47, 3, 2, ...Buffer.alloc(16, 'x'))[0]).not.toBe(0);
  newToken = (await logIn('operator', 'another one')) ?? '';
  expect(newToken).not.toBe('');
});
afterEach(async () => {
  await end();
  rmSync(folder, { recursive: true, force: true });
});

async function allIsAsItWasMade(): Promise<void> {
  const basic = async (as: string) => (await bench.ask('GET', system, { as })).status;
  expect(await basic('operator:another one')).toBe(200);
  expect(await basic('operator:operator')).toBe(401);
  expect(await basic('reader:reader')).toBe(401);
  for (const suite of [3, 17]) {
    expect([suite, opensIpmi('operator', 'another one', suite)]).toEqual([suite, true]);
    expect([suite, opensIpmi('operator', 'operator', suite)]).toEqual([suite, false]);
    expect([suite, opensIpmi('reader', 'reader', suite)]).toEqual([suite, false]);
  }
  expect(await ticketBy(newToken)).toBe(200);
  expect(await ticketBy(oldToken)).toBe(401);
  expect(await logIn('operator', 'operator')).toBeUndefined();
  const to = { Destination: 'https://127.0.0.1/events', Protocol: 'Redfish' };
  expect((await post('/redfish/v1/EventService/Subscriptions', to)).status).toBe(400);
  // The guest still changes no users.
  expect(kcs.command(app, 0x47, 3, 2, ...Buffer.alloc(16, 'x'))[0]).not.toBe(0);
}

const happenings: Readonly<Record<string, () => Promise<void>>> = {
  'a power cycle': async () => {
    await post(`${system}/Actions/ComputerSystem.Reset`, { ResetType: 'On' });
    await settle();
    expect(await post(`${system}/Actions/ComputerSystem.Reset`, { ResetType: 'PowerCycle' })).toMatchObject({
      status: 204,
    });
    await settle();
    expect(bench.bmc.power.state).toBe('on');
  },
  'another boot device': async () => {
    const Boot = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Continuous' };
    expect((await bench.ask('PATCH', system, { body: { Boot } })).status).toBe(200);
    await post(`${system}/Actions/ComputerSystem.Reset`, { ResetType: 'On' });
    await settle();
  },
  'an image in the drive, and out of it': async () => {
    const Image = 'file:a%20disc.iso';
    expect((await post(`${cd}.InsertMedia`, { Image })).status).toBe(204);
    expect((await post(`${cd}.EjectMedia`, {})).status).toBe(204);
  },
  'a restart of the BMC': async () => {
    await end();
    await begin();
  },
  'settings that become the defaults, but for users': async () => {
    const reset = '/redfish/v1/Managers/1/Actions/Manager.ResetToDefaults';
    expect((await post(reset, { ResetType: 'PreserveNetworkAndUsers' })).status).toBe(204);
    await end();
    await begin();
  },
};

describe('changed users', () => {
  test.each(Object.keys(happenings))('stay as they were made after %s', async (name) => {
    await allIsAsItWasMade();
    await happenings[name]?.();
    await allIsAsItWasMade();
  });

  test('stay as they were made after all of it, in any order', async () => {
    for (const name of [...Object.keys(happenings), ...Object.keys(happenings).reverse()]) {
      await happenings[name]?.();
    }
    await allIsAsItWasMade();
  });
});
