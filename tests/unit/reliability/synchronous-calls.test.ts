/**
 * A call that waits for a disk or for much arithmetic stops every face of the BMC meanwhile. Those that there are stand
 * here, each file with the reason why nobody waits for it; a new one has to be thought about.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const source = fileURLToPath(new URL('../../../src', import.meta.url));

/** By `Sync` at its end; drawing from the kernel's random numbers takes a microsecond. */
const synchronous = /\b(?!randomFillSync\b)[a-zA-Z]+Sync\(/;

const stateStore = 'the state store: a change is on the disk before it is acknowledged';
const otherProgram = 'runs in another process than the BMC';
const atStart = 'at the BMC’s start, before it answers, or at its end';
const powerOn = 'a small file at power-on, or at a change of what the next start is made of';
const names = 'names in a directory, no content';
const kernel = 'files of the kernel: no disk';

const allowed: Readonly<Record<string, string>> = {
  'lib/replace-file.ts': stateStore,
  'store/file-store.ts': stateStore,
  'network/nic-record.ts': 'the record of a card that has been changed: on the disk before it counts',
  'announcement.ts': otherProgram,
  'command-line.ts': otherProgram,
  'console-log.ts': otherProgram,
  'container/container.ts': otherProgram,
  'container/grants.ts': otherProgram,
  'decode.ts': otherProgram,
  'demo-disk.ts': otherProgram,
  'prepare.ts': otherProgram,
  'processes.ts': otherProgram,
  'run.ts': otherProgram,
  'status.ts': otherProgram,
  'support/bundle.ts': otherProgram,
  'config/decide-credentials.ts': atStart,
  'config/decide-machine.ts': atStart,
  'config/decide-networks.ts': atStart,
  'config/decide.ts': atStart,
  'config/package-paths.ts': atStart,
  'config/resolved.ts': atStart,
  'config/run-files.ts': atStart,
  'config/yaml-file.ts': atStart,
  'admin/admin-server.ts': atStart,
  'bundle/bundle.ts': atStart,
  'appliance.ts': atStart,
  'http/certificate-store.ts': atStart,
  'ipmi/in-band.ts': atStart,
  'main.ts': atStart,
  'media/image-store.ts': names,
  'media/served-images.ts': names,
  'media/block-cache.ts': names,
  'media/nbd/server.ts': names,
  'network/dhcp-client.ts': 'one line, when the DHCP client tells of a new address',
  'run-fake.ts': atStart,
  'machine/qemu/disk-image.ts': powerOn,
  'machine/qemu/firmware-version.ts': 'once, when somebody first asks for the firmware’s version',
  'machine/qemu/image-chain.ts': 'heads of the disks’ files, when somebody asks what the drives are',
  'machine/qemu/inventory.ts': 'heads of the disks’ files, when somebody asks what the drives are',
  'machine/qemu/kvm-probe.ts': names,
  'machine/qemu/machine-firmware.ts': powerOn,
  'machine/qemu/run-dir.ts': powerOn,
  'machine/qemu/secure-boot.ts': 'the file of UEFI variables (half a megabyte), while the machine is off',
  'machine/qemu/serial-console.ts':
    'the log’s tail (256 KiB) each 8 MiB of output: in one go, so that no byte is lost',
  'machine/qemu/tpm.ts': powerOn,
  'machine/qemu/uefi-variables.ts': 'the file of UEFI variables (half a megabyte), while the machine is off',
  'lib/process-stat.ts': kernel,
  'machine/qemu/cpu-quota.ts': kernel,
  'network/device-counters.ts': kernel,
};

function calls(text: string): boolean {
  return text.split('\n').some((line) => !/^\s*(\/\/|\/?\*)/.test(line) && synchronous.test(line));
}

test.each([
  'const text = readFileSync(file);',
  'const key = scryptSync(password, salt, 32);',
  'fsyncSync(file);',
])('a call such as “%s” is found', (line) => {
  expect(calls(line)).toBe(true);
});

test.each(['// readFileSync(file) would wait.', 'await readFile(file);', 'randomFillSync(pool);'])(
  '“%s” keeps nobody waiting',
  (line) => {
    expect(calls(line)).toBe(false);
  },
);

test('nobody waits for a disk or a calculation but where it is written down', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('web/'),
  );
  expect(files.length).toBeGreaterThan(300);
  const found = files.filter((file) => calls(readFileSync(join(source, file), 'utf8'))).sort();
  // Both ways: a reason for a file that has become good goes.
  expect(found).toEqual(Object.keys(allowed).sort());
});
