/**
 * kill -9 of each process of an appliance while it does something: the machine survives its BMC, nothing that was
 * acknowledged is lost, there are never two QEMUs, and the BMC is back within 3 s. What a guest does over KCS meanwhile is
 * in `kill-matrix-kcs.test.ts`.
 *
 * KILL_MATRIX=full (`npm run kill-matrix`) does every cell three times.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../src/http/certificate.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { Appliance } from '../support/appliance.ts';
import { processesMentioning, until } from '../support/processes.ts';
import { writeTinyDisk, writeTinyIso } from '../support/qemu.ts';
import { bmcIsForgiven, machineIsOn, pm2Of, qemusOf, Recoveries, recoveryMs } from '../support/recovery.ts';

const full = process.env.KILL_MATRIX === 'full';
const rounds = full ? 3 : 1;
const recoveries = new Recoveries();

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

let images: string;
let appliance: Appliance;
/** What clients were told is done, by what they would read to see it. */
let secret = 'first-secret';
let pending = secret;
let inserted: boolean | undefined;
let selCount = 0;
/** Fingerprint of the certificate that was installed, and of the one on its way. */
let certificate: string | undefined;
let pendingCertificate: string | undefined;
/** Versions of the firmware that was installed, and of the one on its way; and its task. */
let firmware: unknown;
let pendingFirmware: string | undefined;
let update: string | undefined;
let firmwareCount = 0;

/** One HTTPS request, of a document or an image; rejects when the connection breaks. */
function ask(method: string, path: string, body?: unknown, login = 'admin:password'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const isImage = body instanceof Uint8Array;
    const text = isImage ? body : body === undefined ? '' : JSON.stringify(body);
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: appliance.redfishPort, method, path, rejectUnauthorized: false },
        auth: login,
        headers: {
          ...(text !== '' && { 'content-type': isImage ? 'application/octet-stream' : 'application/json' }),
          'content-length': isImage ? body.length : Buffer.byteLength(text),
        },
        agent: false,
        timeout: 5_000,
      },
      (answer) => {
        let got = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          got += part;
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: got === '' ? {} : JSON.parse(got) }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer within 5 s')));
    sent.on('error', reject);
    sent.end(text);
  });
}

/** Debian's BIOS under another version, which is as long. */
function biosOfVersion(number: number): { readonly version: string; readonly image: Buffer } {
  const image = readFileSync('/usr/share/seabios/bios-256k.bin');
  const found = /(?<=\0)\d+\.\d+\.\d+[-\w.+~]*(?=\0)/.exec(image.toString('latin1'));
  if (!found) throw new Error('a BIOS without a version');
  const version = `9.9.${String(number).padStart(found[0].length - 4, '0')}`;
  image.write(version, found.index, 'latin1');
  return { version: `SeaBIOS ${version}`, image };
}

/** As a TLS client sees it. */
function shownCertificate(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: appliance.redfishPort, rejectUnauthorized: false });
    socket.setTimeout(5_000, () => socket.destroy(new Error('no handshake within 5 s')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
  });
}

const certificates = '/redfish/v1/CertificateService';
const cd = '/redfish/v1/Systems/1/VirtualMedia/Cd';
const bios = '/redfish/v1/UpdateService/FirmwareInventory/Bios';
const account = '/redfish/v1/AccountService/Accounts/3';
const ipmi = (...args: string[]) => appliance.ipmitool(...args);
const statusFor = async (password: string) =>
  (await ask('GET', '/redfish/v1/Systems/1', undefined, `writer:${password}`)).status;

const qemus = () => qemusOf(appliance);
const isOn = () => machineIsOn(appliance);

interface Activity {
  readonly name: string;
  /** Goes on until it is told to stop or its BMC is gone; notes what was acknowledged. */
  run(signal: AbortSignal): Promise<void>;
  /** What was acknowledged is there. */
  check?(): Promise<void>;
}

const activities: readonly Activity[] = [
  { name: 'while idle', run: async () => undefined },
  {
    name: 'during a power cycle',
    run: async () => {
      expect((await ipmi('power', 'cycle')).code).toBe(0);
    },
  },
  {
    name: 'during SOL',
    run: async (signal) => {
      const terminal = appliance.sol();
      signal.addEventListener('abort', () => terminal.kill());
      await until('SOL is up', () => terminal.output.includes('SOL Session operational'), 10_000);
      terminal.type('hello');
    },
  },
  {
    name: 'during SEL writes',
    run: async (signal) => {
      while (!signal.aborted) {
        const { code } = await ipmi(
          ...['-N', '1', '-R', '1', 'raw', '0x0a', '0x44'],
          ...['0', '0', '0xc0', '0', '0', '0', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
        );
        if (code === 0) selCount++;
        else return;
      }
    },
    check: async () => {
      const { stdout } = await ipmi('sel', 'list');
      const ids = stdout.split('\n').flatMap((line) => /^\s*([0-9a-f]+) \|/.exec(line)?.[1] ?? []);
      expect(stdout.split('\n').filter((line) => /OEM record c0/.test(line)).length).toBeGreaterThanOrEqual(
        selCount,
      );
      expect(new Set(ids).size).toBe(ids.length);
    },
  },
  {
    name: 'during user writes',
    run: async (signal) => {
      for (let n = 0; !signal.aborted; n++) {
        const next = `secret-${n}-${Date.now() % 100_000}`;
        pending = next;
        const { status } = await ask('PATCH', account, { Password: next });
        expect(status).toBeLessThan(300);
        secret = next;
      }
    },
    check: async () => {
      // The one that was on its way may have come through.
      if ((await statusFor(secret)) !== 200) {
        expect(await statusFor(pending)).toBe(200);
        secret = pending;
      }
      if (secret !== 'first-secret') expect(await statusFor('first-secret')).toBe(401);
    },
  },
  {
    name: 'during the insertion of media',
    run: async (signal) => {
      while (!signal.aborted) {
        inserted = undefined;
        const { status } = await ask('POST', `${cd}/Actions/VirtualMedia.EjectMedia`, {});
        expect(status).toBeLessThan(500);
        const { status: got } = await ask('POST', `${cd}/Actions/VirtualMedia.InsertMedia`, {
          Image: 'file:tiny.iso',
        });
        expect(got).toBeLessThan(300);
        inserted = true;
      }
    },
    check: async () => {
      const { body } = await ask('GET', cd);
      if (inserted) expect(body.Inserted).toBe(true);
      // Whatever came of it, the next one works.
      if (body.Inserted)
        expect((await ask('POST', `${cd}/Actions/VirtualMedia.EjectMedia`, {})).status).toBeLessThan(300);
    },
  },
  {
    name: 'during an upload',
    run: (signal) =>
      new Promise((resolve) => {
        const size = 64 * 1024 * 1024;
        const path = `${cd}/Actions/Oem/QemuBmcVirtualMedia.UploadMedia`;
        const sent = request(
          {
            ...{
              host: '127.0.0.1',
              port: appliance.redfishPort,
              method: 'POST',
              path,
              rejectUnauthorized: false,
            },
            auth: 'admin:password',
            headers: { 'content-type': 'application/octet-stream', 'content-length': size },
            agent: false,
          },
          (answer) => answer.resume(),
        );
        const timer = setInterval(() => sent.write(Buffer.alloc(64 * 1024, 7)), 10);
        const end = () => {
          clearInterval(timer);
          sent.destroy();
          resolve();
        };
        sent.on('error', end);
        signal.addEventListener('abort', end);
      }),
    check: async () => {
      expect((await ask('GET', cd)).body.Inserted).toBe(false);
      const media = join(appliance.stateDir, 'media');
      await until('nothing is left of it', () =>
        readdirSync(media).every((name) => !/^cd-.*(?<!part)$/.test(name)),
      );
      const eject = async () => (await ask('POST', `${cd}/Actions/VirtualMedia.EjectMedia`, {})).status;
      // What was broken off can be gone on with, and has the drive until it is given up.
      expect(await eject()).toBeLessThan(300);
      const { status } = await ask('POST', `${cd}/Actions/VirtualMedia.InsertMedia`, {
        Image: 'file:tiny.iso',
      });
      expect(status).toBeLessThan(300);
      expect(await eject()).toBeLessThan(300);
    },
  },
  {
    name: 'during an update of the firmware',
    run: async (signal) => {
      firmware = (await ask('GET', bios)).body.Version;
      while (!signal.aborted) {
        const { version, image } = biosOfVersion(++firmwareCount);
        pendingFirmware = version;
        const { status, body } = await ask('POST', '/redfish/v1/UpdateService/upload', image);
        expect(status).toBe(202);
        const task = String(body['@odata.id']);
        update = task;
        const told = await until('the update is over', async () => {
          const { body: shown } = await ask('GET', task);
          return shown.TaskState === 'Running' ? undefined : shown.TaskState;
        });
        expect(told).toBe('Completed');
        firmware = version;
      }
    },
    check: async () => {
      await isOn();
      const { body: shown } = await ask('GET', bios);
      expect([firmware, pendingFirmware]).toContain(shown.Version);
      // A task says what has become of its update, or is not known any more: it is never said to run.
      const task = update === undefined ? undefined : await ask('GET', update);
      if (task?.status === 200) {
        expect(task.body.TaskState).toBe('Completed');
        expect(shown.Version).toBe(pendingFirmware);
      } else if (task) expect(task.status).toBe(404);
      await startsWithWholeFirmware(shown.Version);
      // Whatever came of it, the next one works, and is the only one that is left.
      const { version, image } = biosOfVersion(++firmwareCount);
      const { body: next } = await ask('POST', '/redfish/v1/UpdateService/upload', image);
      await until(
        'the next update is over',
        async () => (await ask('GET', String(next['@odata.id']))).body.TaskState === 'Completed',
      );
      expect(readdirSync(join(appliance.stateDir, 'firmware'))).toHaveLength(1);
      await startsWithWholeFirmware(version);
      firmware = version;
    },
  },
  {
    name: 'during the replacement of the TLS certificate',
    run: async (signal) => {
      while (!signal.aborted) {
        const made = await makeSelfSigned({
          subject: { commonName: `kill-${Date.now()}` },
          names: ['localhost'],
          now: Date.now(),
          random: systemRandom(),
        });
        pendingCertificate = new X509Certificate(made.certificate).fingerprint256;
        const { status } = await ask(
          'POST',
          `${certificates}/Actions/CertificateService.ReplaceCertificate`,
          {
            CertificateUri: {
              '@odata.id': '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates/1',
            },
            CertificateString: `${made.certificate}${made.key}`,
            CertificateType: 'PEM',
          },
        );
        expect(status).toBe(204);
        certificate = pendingCertificate;
      }
    },
    check: async () => {
      // A handshake proves that the key fits.
      const shown = await shownCertificate();
      if (certificate !== undefined) expect([certificate, pendingCertificate]).toContain(shown);
      certificate = shown;
    },
  },
];

/** The images that are kept are what their names say, and a power cycle starts the machine with the active one. */
async function startsWithWholeFirmware(version: unknown): Promise<void> {
  const folder = join(appliance.stateDir, 'firmware');
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.endsWith('.fd')) continue;
    const digest = createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
    expect(name).toBe(`bios-${digest.slice(0, 16)}.fd`);
  }
  const boots = () => appliance.serialLog().split('tiny: boot').length;
  const before = boots();
  expect((await ipmi('power', 'cycle')).code).toBe(0);
  await until('the machine has booted', () => boots() > before, 60_000);
  const { body } = await ask('GET', bios);
  expect(body).toMatchObject({ Version: version, Active: true });
}

function start(more: NodeJS.ProcessEnv = {}): Promise<Appliance> {
  return Appliance.start({
    VM_DISK: join(images, 'disk.img'),
    VM_MEMORY: '64',
    VM_CPUS: '1',
    ENABLE_KVM: 'false',
    MEDIA_LIBRARY: images,
    SHUTDOWN_GRACE: '2',
    ...more,
  });
}

beforeAll(async () => {
  images = mkdtempSync(join(tmpdir(), 'qemu-bmc-kill-'));
  writeTinyDisk(join(images, 'disk.img'), 'D');
  writeTinyIso(join(images, 'tiny.iso'), 'C');
  appliance = await start();
  await ipmi('chassis', 'policy', 'always-on');
  await isOn();
  const made = await ask('POST', '/redfish/v1/AccountService/Accounts', {
    ...{ UserName: 'writer', Password: secret, RoleId: 'ReadOnly' },
  });
  expect(made.status).toBe(201);
}, 60_000);
const old: Appliance[] = [];
afterAll(async () => {
  recoveries.print();
  await appliance?.stop();
  expect(processesMentioning(appliance.runDir)).toEqual([]);
  for (const each of [...old, appliance]) each.clean();
  rmSync(images, { recursive: true, force: true });
}, 60_000);

/** Has it go on for a while that is another in each round, kills, and waits until the client has noticed. */
async function killDuring(activity: Activity, pid: () => number, round: number): Promise<void> {
  const stop = new AbortController();
  const going = activity.run(stop.signal).catch(() => undefined);
  await sleep(activity.name === 'while idle' ? 0 : 250 + round * 170);
  process.kill(pid(), 'SIGKILL');
  await Promise.race([going, sleep(300)]);
  stop.abort();
  await going;
}

describe.each(activities)('kill -9 $name', (activity) => {
  afterEach(() => {
    expect(qemus().length).toBeLessThanOrEqual(1);
  });

  it(`of the BMC: the machine goes on, all is kept, IPMI answers within 3 s (${rounds} times)`, async () => {
    for (let round = 0; round < rounds; round++) {
      await isOn();
      await bmcIsForgiven(appliance);
      const { qemu, bmc } = appliance.status();
      await killDuring(activity, () => appliance.status().bmc, round);
      const tookMs = await recoveries.measure(`BMC ${activity.name}`, appliance);
      await isOn();
      expect(appliance.status().bmc).not.toBe(bmc);
      if (activity.name !== 'during a power cycle') expect(appliance.status().qemu).toBe(qemu);
      expect(qemus()).toHaveLength(1);
      await activity.check?.();
      await isOn();
      expect(qemus()).toHaveLength(1);
      expect(tookMs).toBeLessThan(recoveryMs);
    }
  });

  it(`of QEMU: told as a crash, all is kept, and the policy brings it back once (${rounds} times)`, async () => {
    for (let round = 0; round < rounds; round++) {
      await isOn();
      await until('QEMU is known', () => appliance.status().qemu);
      const before = crashes();
      await killDuring(activity, () => appliance.status().qemu ?? fail('no QEMU'), round).catch(
        (error: Error) => {
          // In a power cycle there may be none just now.
          if (activity.name !== 'during a power cycle') throw error;
        },
      );
      const tookMs = await recoveries.measure(`QEMU ${activity.name}`, appliance);
      await activity.check?.();
      await isOn();
      expect(qemus()).toHaveLength(1);
      if (activity.name !== 'during a power cycle') expect(crashes()).toBeGreaterThan(before);
      expect(tookMs).toBeLessThan(recoveryMs);
    }
  });
});

function fail(text: string): never {
  throw new Error(text);
}

function crashes(): number {
  return (
    readFileSync(join(appliance.stateDir, 'events.jsonl'), 'utf8').split('"kind":"machine-crashed"').length -
    1
  );
}

const pm2Activities = full ? activities : activities.filter(({ name }) => /SEL|user|TLS/.test(name));

describe.each(pm2Activities)('kill -9 $name', (activity) => {
  it.each(['pm2', 'the command that was started'] as const)(
    'of %s: the next start has one machine and all that was acknowledged',
    async (victim) => {
      for (let round = 0; round < (full ? 3 : 1); round++) {
        await isOn();
        await killDuring(activity, () => pidOf(victim), round);
        // Without its supervisor it ends in order; without its command all the rest lives on.
        if (victim === 'pm2') expect(await until('it has ended', () => appliance.exitCode, 60_000)).toBe(1);
        const { stateDir, runDir } = appliance;
        old.push(appliance);
        if (victim === 'pm2') expect(processesMentioning(runDir)).toEqual([]);
        appliance = await start({ STATE_DIR: stateDir, RUN_DIR: runDir });
        await recoveries.measure(`${victim} ${activity.name}, next start`, appliance);
        await activity.check?.();
        await isOn();
        expect(qemus()).toHaveLength(1);
      }
    },
  );
});

function pidOf(victim: 'pm2' | 'the command that was started'): number {
  return victim === 'pm2' ? pm2Of(appliance) : appliance.pid;
}
