/**
 * A whole state directory, as a BMC in use leaves it, damaged in every way: whoever starts with it runs, keeps what was
 * there aside, says so, and lets nobody in who could not get in before.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bmc } from '../../../src/bmc/bmc.ts';
import type { EventEntry } from '../../../src/bmc/event-log.ts';
import { keptUuid } from '../../../src/bmc/identity.ts';
import { PasswordLogin } from '../../../src/bmc/password-login.ts';
import { CertificateStore } from '../../../src/http/certificate-store.ts';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { IpmiState } from '../../../src/ipmi/ipmi-state.ts';
import { LanFace } from '../../../src/ipmi/lan-face.ts';
import { sensorKey } from '../../../src/ipmi/records/sensor-numbers.ts';
import { SolService } from '../../../src/ipmi/sol/sol-service.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { AddressPolicy } from '../../../src/media/address-policy.ts';
import { Redfish } from '../../../src/redfish/redfish.ts';
import { type DamageReport, fileStore } from '../../../src/store/file-store.ts';
import { tester } from '../../support/actors.ts';
import { IpmiClient } from '../../support/ipmi-client.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';
import {
  MemoryImages,
  ScriptedFetcher,
  ScriptedLibrary,
  ScriptedRemote,
} from '../../support/scripted-media.ts';

const random = systemRandom();
const limitMs = 5_000;
const chosen = 'chosen-later';

interface Life {
  readonly bmc: Bmc;
  readonly damage: readonly DamageReport[];
  /** How an IPMI login with this password ends. */
  login(password: string): string;
  /** Status of a Redfish request with this password. */
  redfish(method: string, url: string, password: string, body?: unknown): Promise<number>;
  stop(): Promise<void>;
}

/** One life of the appliance on a state directory: core and faces, without sockets. */
async function live(folder: string): Promise<Life> {
  const clock = new ScriptedClock();
  const damage: DamageReport[] = [];
  const store = fileStore(folder, (report) => damage.push(report));
  const machine = new FakeMachine({ clock, limitable: true });
  const uuid = keptUuid(store, random);
  const bmc = new Bmc({
    machine,
    identity: {
      uuid,
      serialNumber: 'QB',
      manufacturer: 'qemu-bmc',
      product: 'bench',
      firmwareVersion: '1.0.0',
    },
    users: [{ name: 'admin', password: 'password', wellKnownPassword: true, limit: 'administrator' }],
    restorePolicy: 'previous',
    media: {
      images: new MemoryImages(),
      fetcher: new ScriptedFetcher(),
      remote: new ScriptedRemote(),
      library: new ScriptedLibrary(),
    },
    softOffTimeoutMs: 1000,
    store,
    clock,
    random,
    log: silentLogger,
  });
  const { console, sol: settings, events, users, loginGuard: guard } = bmc;
  const log = silentLogger;
  const lan = new LanFace({
    bmc,
    state: new IpmiState(bmc),
    sol: new SolService({ console, settings, events, users, clock, log, replayBytes: 0 }),
    commands: ipmiCommands,
  });
  const certificates = await CertificateStore.open({
    ...{ store, events, clock, random },
    own: { subject: { commonName: 'bench' }, names: ['localhost'] },
  });
  const redfish = new Redfish({
    bmc,
    login: new PasswordLogin({ users, guard, clock, random, log }),
    certificates,
    endpoints: {
      ...{ hostName: 'bench', fqdn: 'bench.example', httpsPort: 443, httpPort: undefined },
      ...{ ipmiPort: 623, trapPort: 162, vncPort: undefined },
    },
    sensorKey,
    destinations: new AddressPolicy({ allow: [], deny: [] }),
    compatibility: true,
  });
  await bmc.start({ powerReturned: true, powerOn: false });
  let source = 0;
  return {
    bmc,
    damage,
    login(password) {
      const sent: Uint8Array[] = [];
      const link = { localPort: 623, send: (datagram: Uint8Array) => void sent.push(datagram) };
      const remote = { address: `192.0.2.${++source}`, port: 40_000 };
      const client = new IpmiClient(
        (datagram) => {
          sent.length = 0;
          lan.receive(datagram, remote, link);
          return sent.splice(0);
        },
        { password },
      );
      return client.login();
    },
    async redfish(method, url, password, body) {
      const address = `192.0.2.${++source}`;
      const { status } = await redfish.service.handle({
        ...{ method, url, from: `${address}:50000`, address, gone: new AbortController().signal },
        headers: {
          'content-type': 'application/json',
          authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
        },
        body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
      });
      return status;
    },
    async stop() {
      redfish.stop();
      await certificates.stop();
      await bmc.stop({});
    },
  };
}

let template: string;
let folder: string;

/** A BMC that was in use: the password is not the manual's any more, and every part has something to keep. */
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'qemu-bmc-used-'));
  const life = await live(template);
  const { bmc } = life;
  bmc.users.update(2, { password: Buffer.from(chosen) }, tester);
  bmc.lan.update({ kgHex: Buffer.from('a key of the BMC').toString('hex') }, tester);
  bmc.lan.update({ kgHex: '' }, tester);
  bmc.power.setCycleOffMs(7_000, tester);
  bmc.boot.set({ target: 'pxe', firmware: undefined, persistent: true } as never, tester);
  for (let n = 0; n < 4; n++) {
    bmc.sel.add({ kind: 'oem', type: 0xc0 + n, data: new Uint8Array(6).fill(n) } as never);
  }
  const patches: [string, unknown][] = [
    ['/redfish/v1/Systems/1', { AssetTag: 'rack 7' }],
    ['/redfish/v1/AccountService', { MinPasswordLength: 8 }],
    ['/redfish/v1/SessionService', { SessionTimeout: 600 }],
    ['/redfish/v1/EventService', { DeliveryRetryAttempts: 5 }],
  ];
  for (const [url, body] of patches) await life.redfish('PATCH', url, chosen, body);
  await life.stop();
});
afterAll(() => rmSync(template, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-damaged-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files = () => readdirSync(template).filter((name) => /\.jsonl?$/.test(name));
const told = (entries: readonly EventEntry[]) => entries.filter(({ kind }) => kind === 'state-damaged');

/** Starts on the template with one thing damaged. */
async function survives(what: string, damage: (state: string) => void, usersWhole = false): Promise<Life> {
  const state = join(folder, 'state');
  rmSync(state, { recursive: true, force: true });
  cpSync(template, state, { recursive: true });
  damage(state);
  const startedAt = performance.now();
  const life = await live(state).catch((error: unknown) => {
    throw new Error(`${what}: it does not start`, { cause: error });
  });
  expect(performance.now() - startedAt, what).toBeLessThan(limitMs);
  expect(life.login('password'), `${what}: the default password`).not.toBe('ok');
  if (usersWhole) expect(life.login(chosen), what).toBe('ok');
  await life.stop();
  return life;
}

describe('a damaged state directory', () => {
  it('has much in it', () => {
    expect(files()).toEqual(
      expect.arrayContaining([
        'users.json',
        'users-mark.json',
        'events.jsonl',
        'sel.jsonl',
        'lan.json',
        'tls.json',
      ]),
    );
    expect(files().length).toBeGreaterThan(12);
  });

  it('with one bit flipped at any of 1,000 places, in one file or in all but that of the users', {
    timeout: 120_000,
  }, async () => {
    // Without both of the LAN's files nobody knows whether there was a BMC key: then RMCP+ stays shut on purpose.
    const others = files().filter((file) => file !== 'users.json' && file !== 'lan-mark.json');
    const inUsers = 60;
    const lives = Math.ceil((1000 - inUsers) / others.length);
    let places = 0;
    const flip = (state: string, file: string, n: number, of: number) => {
      const good = readFileSync(join(template, file));
      const offset = Math.floor((n * (good.length - 1)) / of);
      const bad = Buffer.from(good);
      bad[offset] = (bad[offset] ?? 0) ^ (1 << (n % 8));
      writeFileSync(join(state, file), bad);
      places++;
      return bad;
    };
    for (let n = 0; n < lives; n++) {
      const bad = new Map<string, Buffer>();
      const life = await survives(
        `round ${n}`,
        (state) => {
          for (const file of others) bad.set(file, flip(state, file, n, lives));
        },
        true,
      );
      const kept = new Map(life.damage.map(({ file, keptAs }) => [file, keptAs]));
      for (const [file, content] of bad) {
        const aside = join(folder, 'state', kept.get(file) ?? 'nowhere');
        expect(readFileSync(aside).equals(content), `${file} in round ${n}`).toBe(true);
      }
    }
    for (let n = 0; n < inUsers; n++) {
      const life = await survives(`users, round ${n}`, (state) => void flip(state, 'users.json', n, inUsers));
      expect(life.damage.map(({ file }) => file)).toEqual(['users.json']);
    }
    expect(places).toBeGreaterThanOrEqual(1000);
  });

  it('cut at each 512 bytes, empty, all zeros, or with a folder in the place of a file', {
    timeout: 120_000,
  }, async () => {
    for (const file of files()) {
      const good = readFileSync(join(template, file));
      for (let length = 0; length < good.length; length += 512) {
        await survives(
          `${file} cut to ${length}`,
          (state) => writeFileSync(join(state, file), good.subarray(0, length)),
          !/^(users|lan)/.test(file),
        );
      }
      await survives(
        `${file} full of zeros`,
        (state) => writeFileSync(join(state, file), Buffer.alloc(good.length)),
        !/^(users|lan)/.test(file),
      );
      await survives(
        `${file} a folder`,
        (state) => {
          rmSync(join(state, file));
          mkdirSync(join(state, file, 'within'), { recursive: true });
        },
        !/^(users|lan)/.test(file),
      );
    }
  });

  it('of a later version, or with values that nobody expects', { timeout: 120_000 }, async () => {
    const { createHash } = await import('node:crypto');
    const values = ['null', '[]', '"text"', '{"version":99,"slots":{"a":1},"future":true}', '[[1]]'];
    const problems: string[] = [];
    const tried = (what: string, file: string, content: string) =>
      survives(what, (state) => writeFileSync(join(state, file), content), !/^(users|lan)/.test(file)).catch(
        (error: Error) =>
          void problems.push(`${error.message}: ${(error.cause as Error | undefined)?.stack}`),
      );
    for (const file of files()) {
      for (const value of values) {
        const sealed = `{"sha256":"${createHash('sha256').update(value).digest('hex')}","value":${value}}\n`;
        await tried(`${file} holds ${value}`, file, sealed);
      }
      await tried(`${file} in another form`, file, '{"format":2,"sealed":"xyz"}\n');
    }
    expect(problems).toEqual([]);
  });

  it('without anything whole in it: the audit log says so, and nobody gets in by the password of the manual', async () => {
    const { damage, bmc } = await survives('all files', (state) => {
      for (const file of files()) writeFileSync(join(state, file), Buffer.alloc(100));
    });
    expect(damage.length).toBeGreaterThanOrEqual(files().length);
    expect(told(bmc.events.list()).map(({ text }) => text)).toEqual(
      expect.arrayContaining([expect.stringContaining('the list of users is lost')]),
    );
    const again = await live(join(folder, 'state'));
    expect(again.login('password')).not.toBe('ok');
    expect(again.damage).toEqual([]);
    await again.stop();
  });
});
