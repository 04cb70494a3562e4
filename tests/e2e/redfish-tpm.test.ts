/** The TPM of a real machine: swtpm beside QEMU, what a guest keeps in it, and how long it lives. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { demoDir } from '../../src/config/package-paths.ts';
import { debianFirmware } from '../../src/machine/qemu/config.ts';
import { isAlive, killProcess, type ProcessRef } from '../../src/machine/qemu/process.ts';
import { isInstalled } from '../support/efi-disk.ts';
import { until } from '../support/processes.ts';
import { RedfishMachine } from '../support/redfish-machine.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const missing = [
  isInstalled('swtpm') ? undefined : 'package swtpm is missing',
  existsSync(debianFirmware.ovmfCode) ? undefined : 'package ovmf is missing',
].find((reason) => reason !== undefined);

/** The TPM's process. */
function tpmOf({ lab }: RedfishMachine): ProcessRef {
  const [pid, startTime = ''] = readFileSync(join(lab.runDir, 'tpm.pid'), 'latin1').trim().split(' ');
  return { pid: Number(pid), startTime };
}

/** Boots the demo machine and logs in. */
async function boot(server: RedfishMachine): Promise<void> {
  const prompt = server.next('demo login: ', 150_000);
  await server.reset('On');
  await prompt();
  const shell = server.next('root@demo:~# ');
  const keys = server.bmc.console.attach({ mode: 'write', name: 'test' });
  keys.write(Buffer.from('root\r'));
  keys.detach();
  await shell();
}

let commands = 0;
/** @returns what a command in the guest's shell printed */
async function guest(server: RedfishMachine, command: string): Promise<string> {
  const mark = `m${commands++}`;
  const from = server.said().length;
  const keys = server.bmc.console.attach({ mode: 'write', name: 'test' });
  // What is typed comes back, too; only what is printed has the sum in it.
  keys.write(Buffer.from(`echo "<$((1+1))${mark}"; ${command}; echo "${mark}>$((1+1))"\r`));
  const found = await until(
    command,
    () => new RegExp(`<2${mark}\\r\\n([\\s\\S]*?)${mark}>2`).exec(server.said(from)) ?? undefined,
    30_000,
  );
  keys.detach();
  return (found[1] ?? '').replaceAll('\r', '').trim();
}

/** Sends the TPM a command. TPM 2.0 library part 3. @param hex without its header @returns code and rest, in hexadecimal */
async function tpmCommand(server: RedfishMachine, code: string, hex: string): Promise<[string, string]> {
  const size = (10 + hex.length / 2).toString(16).padStart(8, '0');
  const bytes = `8002${size}${code}${hex}`.replace(/../g, '\\x$&');
  await guest(
    server,
    `exec 5<>/dev/tpmrm0; printf '${bytes}' >&5; dd bs=4096 count=1 <&5 >/tmp/answer 2>/dev/null; exec 5>&-`,
  );
  const answer = (await guest(server, 'hexdump -ve \'1/1 "%02x"\' /tmp/answer')).trim();
  return [answer.slice(12, 20), answer.slice(20)];
}

const owner = '40000001';
const index = '01500001';
/** A session by an empty password. */
const password = '00000009400000090000000000';
const [nvDefineSpace, nvWrite, nvRead] = ['0000012a', '00000137', '0000014e'] as const;
const succeeded = '00000000';

test.skipIf(missing)(
  `a TPM 2.0 keeps what its guest puts in, over power cycles and kinds of firmware, and never outlives QEMU${missing ? ` [skipped: ${missing}]` : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-tpm-'));
    ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'demo.qcow2');
    copyFileSync(join(demoDir, 'demo.qcow2'), path);
    const server = await RedfishMachine.start({
      ...{ memoryMb: 256, bootMode: 'uefi', acceleratorMode: 'auto', disks: [{ path, format: 'qcow2' }] },
    });
    ends.push(() => server.stop());
    expect((await server.ask('GET', 'Systems/1')).TrustedModules).toEqual([]);
    await server.ask('PATCH', 'Systems/1/Bios/Settings', { Attributes: { TpmSupport: 'Enabled' } });
    await boot(server);
    const { TrustedModules, Links } = await server.ask('GET', 'Systems/1');
    expect(TrustedModules).toEqual([{ InterfaceType: 'TPM2_0', Status: { State: 'Enabled', Health: 'OK' } }]);
    expect(Links.TrustedComponents).toEqual([
      { '@odata.id': '/redfish/v1/Chassis/1/TrustedComponents/tpm0' },
    ]);
    const state = statSync(join(server.lab.dir, 'state/tpm'));
    expect((state.mode & 0o007).toString(8)).toBe('0');

    expect(await guest(server, 'cat /sys/class/tpm/tpm0/tpm_version_major')).toBe('2');
    // The firmware has measured what it ran.
    expect(await guest(server, 'cat /sys/class/tpm/tpm0/pcr-sha256/0')).not.toMatch(/^0*$/);
    expect(await guest(server, 'cat /sys/class/tpm/tpm0/pcr-sha256/0')).toMatch(/^[0-9A-F]{64}$/);
    // Index, SHA-256, what owner and index password may do, no policy, 8 bytes.
    const area = `${index}000b0206000600000008`;
    const [defined] = await tpmCommand(server, nvDefineSpace, `${owner}${password}0000000e${area}`);
    expect(defined).toBe(succeeded);
    const [written] = await tpmCommand(
      server,
      nvWrite,
      `${owner}${index}${password}0008${Buffer.from('kept by!').toString('hex')}0000`,
    );
    expect(written).toBe(succeeded);

    const first = tpmOf(server);
    expect(isAlive(first)).toBe(true);
    await server.reset('ForceOff');
    await until('the machine is off', () => server.bmc.power.state === 'off');
    expect(isAlive(first)).toBe(false);

    // The other firmware, the same TPM.
    await server.ask('PATCH', 'Systems/1/Bios/Settings', { Attributes: { BootMode: 'LegacyBios' } });
    await boot(server);
    const [read, kept] = await tpmCommand(server, nvRead, `${owner}${index}${password}00080000`);
    expect([read, Buffer.from(kept, 'hex').toString('latin1')]).toEqual([
      succeeded,
      expect.stringContaining('kept by!'),
    ]);

    // A machine that is switched off has lost no TPM.
    expect(server.bmc.events.list().map(({ kind }) => kind)).not.toContain('tpm-failed');

    // QEMU goes on without its TPM, and all faces know.
    const second = tpmOf(server);
    killProcess(second);
    await until('the failure is known', () =>
      server.bmc.events.list().some(({ kind }) => kind === 'tpm-failed'),
    );
    expect((await server.ask('GET', 'Chassis/1/TrustedComponents/tpm0')).Status.Health).toBe('Critical');
    expect((await server.ask('GET', 'Systems/1')).Status.Health).toBe('Critical');
    expect(server.bmc.power.state).toBe('on');

    // QEMU's own crash takes the TPM with it.
    await server.reset('PowerCycle');
    await until(
      'another TPM',
      () => existsSync(join(server.lab.runDir, 'tpm.pid')) && isAlive(tpmOf(server)),
    );
    const third = tpmOf(server);
    expect(third.pid).not.toBe(second.pid);
    await until('the machine is on', () => server.bmc.power.state === 'on');
    expect((await server.ask('GET', 'Chassis/1/TrustedComponents/tpm0')).Status.Health).toBe('OK');
    killProcess(server.lab.process());
    await until('the TPM is gone', () => !isAlive(third), 2000);
  },
  300_000,
);
