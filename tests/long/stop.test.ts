/**
 * SIGTERM in every state: an ordered end with code 0, nothing left behind, within the guest's grace and 3 s; a second one
 * ends all at once. The 3 s are those of a machine with nothing else to do: they are printed, not asserted.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { processesMentioning, until } from '../support/processes.ts';
import { writeTinyDisk } from '../support/qemu.ts';
import { ask, logIn, WebConsole } from '../support/web-console.ts';

const graceSeconds = 4;
/** However busy the host is. */
const patienceMs = 60_000;
const figures: string[] = [];
let images: string;
let slow: Server;
let appliance: Appliance;
let admin: Record<string, string>;

beforeAll(async () => {
  images = mkdtempSync(join(tmpdir(), 'qemu-bmc-stop-'));
  writeTinyDisk(join(images, 'disk.img'), 'D');
  // Begins an image, and never goes on.
  slow = createServer((_, response) => {
    response.writeHead(200, { 'content-length': 64 * 1024 * 1024 });
    response.write(Buffer.alloc(64 * 1024));
  });
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await appliance.stop();
  appliance.clean();
});
afterAll(() => {
  slow.closeAllConnections();
  slow.close();
  rmSync(images, { recursive: true, force: true });
  console.log(`SIGTERM until the end, grace ${graceSeconds} s, in ms:\n${figures.join('\n')}`);
});

async function start(grace = graceSeconds): Promise<void> {
  appliance = await Appliance.start({
    ...{ VM_DISK: join(images, 'disk.img'), VM_MEMORY: '64', VM_CPUS: '1', ENABLE_KVM: 'false' },
    MEDIA_ALLOW: '127.0.0.0/8',
    SHUTDOWN_GRACE: String(grace),
  });
  admin = { 'x-auth-token': (await logIn(appliance.redfishPort)).token };
}
async function guestRuns(): Promise<void> {
  await appliance.ipmi('power', 'on');
  await until('the guest runs', () => appliance.serialLog().includes('tiny: boot=D'));
}
const redfish = (method: string, path: string, body?: unknown) =>
  ask(appliance.redfishPort, method, `/redfish/v1/${path}`, { headers: admin, body });
function hung(): void {
  const { qemu } = appliance.status();
  if (qemu === undefined) throw new Error('no QEMU');
  process.kill(qemu, 'SIGSTOP');
}

/** Sends a body that never ends. */
function endlessBody(path: string): void {
  const sent = request({
    ...{ host: '127.0.0.1', port: appliance.redfishPort, method: 'POST', path: `/redfish/v1/${path}` },
    ...{ rejectUnauthorized: false, agent: false },
    headers: { ...admin, 'content-type': 'application/octet-stream', 'content-length': 8 * 1024 * 1024 },
  });
  sent.on('error', () => undefined);
  sent.on('response', (response) => response.resume());
  sent.write(Buffer.alloc(128 * 1024, 7));
}

const states: Readonly<Record<string, () => Promise<unknown>>> = {
  off: async () => undefined,
  'powering on': () => appliance.ipmi('power', 'on'),
  'with a guest that runs': guestRuns,
  'with a guest that is shutting down': async () => {
    await guestRuns();
    await appliance.ipmi('power', 'soft');
  },
  'in a power cycle': async () => {
    await guestRuns();
    await appliance.ipmi('power', 'cycle');
  },
  'with a guest that stands still': async () => {
    await guestRuns();
    await redfish('POST', 'Systems/1/Actions/ComputerSystem.Reset', { ResetType: 'Pause' });
    await until('it does', async () => (await redfish('GET', 'Systems/1')).body.PowerState === 'Paused');
  },
  'while QEMU hangs': async () => {
    await guestRuns();
    hung();
  },
  'with consoles open': async () => {
    await guestRuns();
    appliance.sol();
    await WebConsole.open(appliance.redfishPort, 'screen', admin);
  },
  'while an image is being fetched': async () => {
    await guestRuns();
    const { port } = slow.address() as AddressInfo;
    const { status } = await redfish('POST', 'Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia', {
      ...{ Image: `http://127.0.0.1:${port}/slow.iso`, TransferMethod: 'Upload' },
    });
    expect(status).toBe(202);
  },
  'while an image is being uploaded': async () => {
    await guestRuns();
    endlessBody('Systems/1/VirtualMedia/Cd/Actions/Oem/QemuBmcVirtualMedia.UploadMedia');
    await until('it is on its way', async () => {
      const { body } = await redfish('GET', 'Systems/1/VirtualMedia/Cd');
      return JSON.stringify(body).includes('ReceivedBytes') || body.Inserted === false;
    });
  },
  'while an update is being sent': async () => {
    await guestRuns();
    endlessBody('UpdateService/update');
  },
  'while an update is being fetched': async () => {
    await guestRuns();
    const { port } = slow.address() as AddressInfo;
    const { status } = await redfish('POST', 'UpdateService/Actions/UpdateService.SimpleUpdate', {
      ImageURI: `http://127.0.0.1:${port}/slow.bin`,
    });
    expect(status).toBe(202);
  },
};

async function ends(name: string, begin: () => Promise<number | null>): Promise<void> {
  const { runDir } = appliance;
  const started = performance.now();
  const code = await begin();
  const ms = performance.now() - started;
  figures.push(`${name.padEnd(40)} ${ms.toFixed(0).padStart(6)}`);
  expect(code).toBe(0);
  expect(ms).toBeLessThan(patienceMs);
  expect(processesMentioning(runDir)).toEqual([]);
}

describe('SIGTERM', () => {
  it.each(Object.keys(states))('%s: an ordered end', async (name) => {
    await start();
    await states[name]?.();
    await ends(name, () => appliance.stop('SIGTERM'));
    expect(appliance.output).not.toContain('had to kill');
  });

  it('a second time: at once, though the guest had half a minute', async () => {
    await start(30);
    await guestRuns();
    hung();
    await ends('twice, 1.2 s apart, grace 30 s', async () => {
      process.kill(appliance.pid, 'SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      process.kill(appliance.pid, 'SIGTERM');
      return until('it has ended', () => appliance.exitCode ?? undefined, 28_000);
    });
  });
});
