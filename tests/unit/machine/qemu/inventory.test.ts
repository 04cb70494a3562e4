import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hardwareOf } from '../../../../src/machine/qemu/config.ts';
import { firmwareVersionIn } from '../../../../src/machine/qemu/firmware-version.ts';
import {
  driveParts,
  memoryParts,
  pciParts,
  processorParts,
  readSeenParts,
  writeSeenParts,
} from '../../../../src/machine/qemu/inventory.ts';
import { qemuMachineDefaults } from '../../../support/qemu-config.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-inventory-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const hardware = hardwareOf(
  { ...qemuMachineDefaults, name: 'n', uuid: 'u', memoryMb: 40_960, cpus: 8, disks: [] },
  { sockets: 2, threadsPerCore: 2 },
  undefined,
);

describe('the parts of a QEMU machine', () => {
  test('are processors by socket, and memory in modules as SMBIOS cuts it', () => {
    expect(processorParts(hardware, 'EPYC')).toMatchObject([
      { id: 'cpu0', socket: 'CPU 0', model: 'EPYC', cores: 2, threads: 4 },
      { id: 'cpu1', cores: 2, threads: 4 },
    ]);
    expect(processorParts(hardware, undefined)[0]?.model).toBeUndefined();
    expect(memoryParts(hardware).map(({ locator, sizeMb }) => [locator, sizeMb])).toEqual([
      ['DIMM 0', 16_384],
      ['DIMM 1', 16_384],
      ['DIMM 2', 8_192],
    ]);
  });

  test('are drives with the size that the guest sees; none is told of an image that is not there', () => {
    const raw = join(dir, 'raw');
    writeFileSync(raw, Buffer.alloc(1_000));
    const qcow2 = join(dir, 'qcow2');
    const header = Buffer.alloc(104);
    header.writeBigUInt64BE(5_368_709_120n, 24);
    writeFileSync(qcow2, header);
    const short = join(dir, 'short');
    writeFileSync(short, 'QFI');
    const drives = driveParts([
      { path: raw, format: 'raw' },
      { path: qcow2, format: 'qcow2', serial: 'S1', readOnly: true },
      { path: short, format: 'qcow2' },
      { path: join(dir, 'gone'), format: 'raw' },
    ]);
    expect(drives.map(({ capacityBytes }) => capacityBytes)).toEqual([
      1_024,
      5_368_709_120,
      undefined,
      undefined,
    ]);
    expect(drives.map(({ serialNumber }) => serialNumber)).toEqual(['disk-0', 'S1', 'disk-2', 'disk-3']);
    expect(drives[1]?.readOnly).toBe(true);
  });

  test('are what QEMU tells of its bus, behind bridges too, under names that stay', () => {
    const part = (slot: number, more: object = {}) => ({
      ...{ bus: 0, slot, function: 0, class_info: { class: 0x0200, desc: 'Ethernet controller' } },
      ...{ id: { vendor: 0x1af4, device: 0x1000 }, qdev_id: '' },
      ...more,
    });
    const behind = { ...part(3, { qdev_id: 'nic0' }), bus: 1 };
    const parts = pciParts([
      { bus: 0, devices: [part(0x1f), part(2, { pci_bridge: { devices: [behind] } })] },
    ]);
    expect(parts.map(({ id, address }) => [id, address])).toEqual([
      ['pci-00-1f-0', '00:1f.0'],
      ['pci-00-02-0', '00:02.0'],
      ['nic0', '01:03.0'],
    ]);
  });

  test('are remembered from one start to the next', () => {
    expect(readSeenParts(dir)).toBeUndefined();
    const seen = { nics: [{ id: 'nic0', mac: '52:54:00:00:00:01' }], pci: [] };
    writeSeenParts(dir, seen);
    expect(readSeenParts(dir)).toEqual(seen);
  });
});

test('the version of the firmware is that of its package, where that is installed', () => {
  const status = [
    'Package: seabios\nStatus: install ok installed\nVersion: 1.16.2-1',
    'Package: ovmf\nStatus: deinstall ok config-files\nVersion: 2022.11-6',
    'Package: ovmf-ia32\nStatus: install ok installed\nVersion: 9',
  ].join('\n\n');
  expect(firmwareVersionIn(status, 'bios')).toBe('SeaBIOS 1.16.2-1');
  expect(firmwareVersionIn(status, 'uefi')).toBeUndefined();
});
