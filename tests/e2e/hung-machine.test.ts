/** A QEMU that hangs, as SIGSTOP makes it: no face waits for it, and a forced power-off still ends it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { until } from '../support/processes.ts';
import { writeTinyDisk, writeTinyIso } from '../support/qemu.ts';
import { ask, logIn, WebConsole } from '../support/web-console.ts';

/** None of them takes 2 s on a machine with nothing else to do; what is printed says so. */
const patienceMs = 15_000;
const system = '/redfish/v1/Systems/1';
const cd = `${system}/VirtualMedia/Cd/Actions/VirtualMedia`;

describe('a machine whose QEMU hangs', () => {
  let images: string;
  let appliance: Appliance;
  let admin: Record<string, string>;
  const consoles: WebConsole[] = [];
  const figures: string[] = [];

  beforeAll(async () => {
    images = mkdtempSync(join(tmpdir(), 'qemu-bmc-hung-'));
    writeTinyDisk(join(images, 'disk.img'), 'D');
    writeTinyIso(join(images, 'tiny.iso'), 'C');
    appliance = await Appliance.start({
      ...{ VM_DISK: join(images, 'disk.img'), VM_MEMORY: '64', VM_CPUS: '1', ENABLE_KVM: 'false' },
      MEDIA_LIBRARY: images,
      SHUTDOWN_GRACE: '2',
    });
    admin = { 'x-auth-token': (await logIn(appliance.redfishPort)).token };
    await appliance.ipmi('power', 'on');
    await until('the guest runs', () => appliance.serialLog().includes('tiny: boot=D'));
    process.kill(hung(), 'SIGSTOP');
  });
  afterAll(async () => {
    for (const each of consoles) each.close();
    await appliance?.stop();
    appliance?.clean();
    rmSync(images, { recursive: true, force: true });
  });

  function hung(): number {
    const { qemu } = appliance.status();
    if (qemu === undefined) throw new Error('no QEMU');
    return qemu;
  }
  async function timed<T>(name: string, run: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await run();
    const ms = performance.now() - started;
    figures.push(`${name} ${ms.toFixed(0)}`);
    expect(ms, name).toBeLessThan(patienceMs);
    return result;
  }
  const redfish = (method: string, path: string, body?: unknown) =>
    timed(`${method} ${path.split('/').at(-1)}`, () =>
      ask(appliance.redfishPort, method, path, { headers: admin, body }),
    );
  const ipmi = (...args: string[]) => timed(`ipmitool ${args.join(' ')}`, () => appliance.ipmi(...args));
  const events = () => readFileSync(join(appliance.stateDir, 'events.jsonl'), 'utf8');

  it('is told to be on, by its process, and read like any other', async () => {
    expect(await ipmi('chassis', 'status')).toMatch(/System Power\s+: on/);
    await ipmi('sdr', 'list');
    await ipmi('sel', 'info');
    expect((await redfish('GET', system)).body).toMatchObject({ PowerState: 'On' });
    for (const path of [`${system}/VirtualMedia/Cd`, `${system}/Bios`, '/redfish/v1/Chassis/1/Sensors']) {
      expect((await redfish('GET', path)).status).toBe(200);
    }
  });

  it('takes settings: those for its next start, and the boot device', async () => {
    const boot = { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' };
    expect((await redfish('PATCH', system, { Boot: boot, AssetTag: 'hung' })).status).toBeLessThan(300);
    expect(await ipmi('chassis', 'bootdev', 'pxe')).toContain('Set Boot Device to pxe');
  });

  it('has its consoles opened: they say nothing, and keep nobody waiting', async () => {
    for (const kind of ['serial', 'screen'] as const) {
      const opened = await timed(`${kind} console`, () =>
        WebConsole.open(appliance.redfishPort, kind, admin),
      );
      consoles.push(opened);
      await timed(`${kind} hello`, () => opened.expectControl('hello'));
    }
    consoles[0]?.send('key');
    // Whoever types has the line alone.
    for (const each of consoles) each.close();
    await until('the line is free', async () => {
      const terminal = appliance.sol();
      try {
        await timed('sol activate', () => terminal.expect(/SOL Session operational|already active/));
        terminal.type('key');
        await ipmi('sol', 'info');
        return terminal.output.includes('SOL Session operational');
      } finally {
        terminal.kill();
      }
    });
  });

  it('takes no medium, and says within its time that it did not answer', async () => {
    const refused = await redfish('POST', `${cd}.InsertMedia`, { Image: 'file:tiny.iso' });
    expect(refused.status).toBeGreaterThanOrEqual(500);
    expect((await redfish('GET', `${system}/VirtualMedia/Cd`)).body).toMatchObject({ Inserted: false });
  });

  it('has power requests accepted at once, and obeys a forced power-off although others wait', async () => {
    await ipmi('power', 'reset');
    await ipmi('power', 'soft');
    await ipmi('power', 'diag');
    expect(
      (await redfish('POST', `${system}/Actions/ComputerSystem.Reset`, { ResetType: 'ForceOff' })).status,
    ).toBe(204);
    const started = performance.now();
    await until('the machine is off', async () => !(await appliance.isOn()), 60_000);
    figures.push(`until off ${(performance.now() - started).toFixed(0)}`);
    expect(appliance.status().qemu).toBeUndefined();
    expect(events()).not.toContain('machine-crashed');
    await appliance.ipmi('power', 'on');
    await until('another guest runs', () => appliance.serialLog().split('tiny: boot=').length > 2);
  });

  it('does not keep the appliance from its end', async () => {
    process.kill(hung(), 'SIGSTOP');
    const started = performance.now();
    expect(await appliance.stop('SIGTERM')).toBe(0);
    figures.push(`SIGTERM until the end, grace 2 s, ${(performance.now() - started).toFixed(0)}`);
    console.log(`while QEMU hangs, in ms: ${figures.join('; ')}`);
  });
});
