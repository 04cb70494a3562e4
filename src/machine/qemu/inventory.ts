/** The parts of a QEMU machine, as its guest finds them. */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { cpus as hostProcessors } from 'node:os';
import { join } from 'node:path';
import type { DrivePart, MemoryPart, NicPart, PciPart, ProcessorPart } from '../../bmc/inventory.ts';
import type { MachineHardware } from '../../bmc/machine.ts';
import { replaceFile } from '../../lib/replace-file.ts';
import type { QmpPciBus, QmpPciDevice } from '../qmp/commands.ts';
import type { DiskConfig } from './config.ts';
import { imageChain } from './image-chain.ts';

/** What QEMU's SMBIOS tables name as the maker of processors and memory. */
const manufacturer = 'QEMU';
/** QEMU's SMBIOS tables show memory in modules of at most this size. */
const moduleMb = 16 * 1024;

/** @param cpuModel as QEMU is given it; undefined while it is not known how the machine will compute */
export function processorParts(
  { cpus, sockets, threadsPerCore }: MachineHardware,
  cpuModel: string | undefined,
): ProcessorPart[] {
  const threads = cpus / sockets;
  return Array.from({ length: sockets }, (_, index) => ({
    id: `cpu${index}`,
    socket: `CPU ${index}`,
    manufacturer,
    model: cpuModel === 'host' ? hostProcessors()[0]?.model : cpuModel,
    architecture: 'x86',
    instructionSet: 'x86-64',
    cores: threads / threadsPerCore,
    threads,
  }));
}

export function memoryParts({ memoryMb }: MachineHardware): MemoryPart[] {
  return Array.from({ length: Math.ceil(memoryMb / moduleMb) }, (_, index) => ({
    id: `dimm${index}`,
    locator: `DIMM ${index}`,
    manufacturer,
    sizeMb: Math.min(moduleMb, memoryMb - index * moduleMb),
  }));
}

export function driveParts(disks: readonly DiskConfig[]): DrivePart[] {
  return disks.map((disk, index) => ({
    id: `disk${index}`,
    serialNumber: serialNumberOf(disk, index),
    manufacturer,
    model: 'virtio-blk',
    capacityBytes: capacityBytes(disk),
    readOnly: disk.readOnly ?? false,
    layers: imageChain(disk),
  }));
}

export function serialNumberOf({ serial }: DiskConfig, index: number): string {
  return serial ?? `disk-${index}`;
}

/** Where a qcow2 header holds the size that the guest sees. */
const qcow2SizeAt = 24;
const sectorBytes = 512;

function capacityBytes({ path, format }: DiskConfig): number | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    if (format === 'raw') return Math.ceil(fstatSync(file).size / sectorBytes) * sectorBytes;
    const size = Buffer.alloc(8);
    return readSync(file, size, 0, size.length, qcow2SizeAt) === size.length
      ? Number(size.readBigUInt64BE())
      : undefined;
  } finally {
    closeSync(file);
  }
}

/** @param buses as `query-pci` answers */
export function pciParts(buses: readonly QmpPciBus[]): PciPart[] {
  return buses.flatMap(({ devices }) => devices.flatMap(pciPart));
}

function pciPart(device: QmpPciDevice): PciPart[] {
  const address = `${hex(device.bus, 2)}:${hex(device.slot, 2)}.${device.function}`;
  return [
    {
      id: device.qdev_id || `pci-${address.replace(/[:.]/g, '-')}`,
      address,
      vendorId: device.id.vendor,
      deviceId: device.id.device,
      classCode: device.class_info.class,
      description: device.class_info.desc ?? `class ${hex(device.class_info.class, 4)}`,
    },
    ...(device.pci_bridge?.devices ?? []).flatMap(pciPart),
  ];
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** What only a start shows, kept so that it can be told while the machine is off. */
export interface SeenParts {
  readonly nics: readonly NicPart[];
  readonly pci: readonly PciPart[];
}

function seenFile(stateDir: string): string {
  return join(stateDir, 'seen-parts.json');
}

/** @returns undefined before the first start, and where the file is damaged: the next start makes it anew */
export function readSeenParts(stateDir: string): SeenParts | undefined {
  try {
    const seen = JSON.parse(readFileSync(seenFile(stateDir), 'utf8')) as Partial<SeenParts> | null;
    return Array.isArray(seen?.nics) && Array.isArray(seen?.pci) ? (seen as SeenParts) : undefined;
  } catch {
    return undefined;
  }
}

export function writeSeenParts(stateDir: string, seen: SeenParts): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  replaceFile(seenFile(stateDir), `${JSON.stringify(seen)}\n`);
}
