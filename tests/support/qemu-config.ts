/** What the configuration of a QEMU machine has in tests, where they say nothing else. */
import { bootClasses, debianFirmware, type QemuMachineConfig } from '../../src/machine/qemu/config.ts';

export const qemuMachineDefaults = {
  cpuModel: 'auto',
  acceleratorMode: 'auto',
  bootMode: 'bios',
  tpm: false,
  bootOrder: bootClasses,
  vncAddress: '127.0.0.1',
  systemInterface: false,
  extraArgs: [],
  qemuBinary: 'qemu-system-x86_64',
  firmware: debianFirmware,
  watchdogAction: 'reset',
} as const satisfies Partial<QemuMachineConfig>;
