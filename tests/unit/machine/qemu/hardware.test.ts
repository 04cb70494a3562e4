/** What the core wishes the machine to be made of, as arguments for QEMU. */
import { describe, expect, test } from 'vitest';
import type { MachineBootOverride } from '../../../../src/bmc/boot.ts';
import { fitsTopology, type MachineHardware, sameHardware } from '../../../../src/bmc/machine.ts';
import { commandLine } from '../../../../src/machine/qemu/command-line.ts';
import { debianFirmware, hardwareOf, type QemuMachineConfig } from '../../../../src/machine/qemu/config.ts';
import { RunDir } from '../../../../src/machine/qemu/run-dir.ts';
import { qemuMachineDefaults } from '../../../support/qemu-config.ts';

const config: QemuMachineConfig = {
  ...qemuMachineDefaults,
  name: 'node1',
  uuid: '6f5ba4b4-6a35-4b1c-9d6e-0123456789ab',
  memoryMb: 512,
  cpus: 4,
  disks: [
    { path: '/a', format: 'raw' },
    { path: '/b', format: 'raw' },
  ],
};

function render(wanted: Partial<MachineHardware>, bootOverride?: MachineBootOverride, model?: string) {
  return commandLine({
    config,
    hardware: hardwareOf(config, wanted, bootOverride),
    labels: undefined,
    media: [],
    nics: [
      {
        ...{ id: 'nic0', mac: '52:54:00:00:00:01', ...(model !== undefined && { model }) },
        backend: { kind: 'user', restrict: true },
      },
    ],
    run: new RunDir('/run/machine'),
    accelerator: 'tcg',
    bootOverride,
    uefiVariables: '/state/vars.fd',
  });
}

function value(argv: readonly string[], option: string): string | undefined {
  return argv[argv.indexOf(option) + 1];
}

function devices(argv: readonly string[]): Record<string, unknown>[] {
  return argv.flatMap((arg, index) => (arg === '-device' ? [JSON.parse(argv[index + 1] ?? '')] : []));
}

describe('the machine that the core wishes for', () => {
  test('has its processors in sockets and cores', () => {
    expect(value(render({}).argv, '-smp')).toBe('4');
    expect(value(render({ threadsPerCore: 2 }).argv, '-smp')).toBe('cpus=4,sockets=1,cores=2,threads=2');
    expect(value(render({ cpus: 8, sockets: 2 }).argv, '-smp')).toBe('cpus=8,sockets=2,cores=4,threads=1');
    expect(() => render({ cpus: 3, threadsPerCore: 2 })).toThrow('3 cannot be shared out');
    expect(fitsTopology({ cpus: 6, sockets: 3, threadsPerCore: 2 })).toBe(true);
  });

  test('boots in its own order', () => {
    const order = (wanted: Partial<MachineHardware>) =>
      devices(render(wanted).argv)
        .filter(({ bootindex }) => bootindex !== undefined)
        .sort((a, b) => Number(a.bootindex) - Number(b.bootindex))
        .map(({ id }) => id);
    const usual = order({});
    expect(usual.slice(0, 2)).toEqual(['disk0', 'disk1']);
    expect(order({ bootOrder: ['nic0', 'disk1'] })).toEqual([
      'nic0',
      'disk1',
      ...usual.filter((id) => id !== 'nic0' && id !== 'disk1'),
    ]);
  });

  test('has a TPM at the socket of its process, or none', () => {
    const { argv } = render({ tpm: true });
    expect(argv).toContain('socket,id=tpm-process,path=/run/machine/sockets/tpm.sock');
    expect(value(argv, '-tpmdev')).toBe('emulator,id=tpm-backend0,chardev=tpm-process');
    expect(devices(argv)).toContainEqual({ driver: 'tpm-crb', id: 'tpm0', tpmdev: 'tpm-backend0' });
    expect(render({}).argv.join(' ')).not.toContain('tpm');
  });

  test('without network boot has cards that no firmware boots from', () => {
    const card = (networkBoot: boolean) =>
      devices(render({ networkBoot }).argv).find(({ id }) => id === 'nic0');
    expect(card(true)).toMatchObject({ bootindex: expect.any(Number) });
    expect(card(true)).not.toHaveProperty('romfile');
    expect(card(false)).toMatchObject({ romfile: '', mac: '52:54:00:00:00:01' });
    expect(card(false)).not.toHaveProperty('bootindex');
  });

  test('boots over HTTP by the firmware’s own driver, where it has one: the card’s ROM would ask for another file', () => {
    const http = { target: 'uefi-http', persistent: false, firmware: 'uefi' } as const;
    const card = (model?: string) => devices(render({}, http, model).argv).find(({ id }) => id === 'nic0');
    expect(card()).toMatchObject({ romfile: '', bootindex: expect.any(Number) });
    expect(card('e1000')).not.toHaveProperty('romfile');
  });

  test('has legacy firmware on the serial port or not, and always for a boot into the setup', () => {
    const redirected = (...given: Parameters<typeof render>) =>
      render(...given).argv.some((arg) => arg.includes('etc/sercon-port'));
    const off = { serialRedirection: false };
    expect(redirected({})).toBe(true);
    expect(redirected(off)).toBe(false);
    expect(redirected(off, { target: 'bios-setup', persistent: false })).toBe(true);
  });

  test('with secure boot has firmware that checks, and flash that only it can write; with legacy firmware nothing', () => {
    const { argv } = render({ firmware: 'uefi', secureBoot: true });
    expect(value(argv, '-machine')).toContain('smm=on');
    expect(argv).toContain('driver=cfi.pflash01,property=secure,value=on');
    expect(argv.join()).toContain(debianFirmware.secure.ovmfCode);
    expect(render({ firmware: 'uefi' }).argv.join()).not.toMatch(/secboot|smm|secure/);
    expect(render({ secureBoot: true }).argv).toEqual(render({}).argv);
  });

  test('is another one as soon as one thing differs', () => {
    const plain = hardwareOf(config, {}, undefined);
    expect(sameHardware(plain, { ...plain })).toBe(true);
    expect(sameHardware(plain, { ...plain, bootOrder: ['disk1'] })).toBe(false);
    expect(sameHardware(plain, { ...plain, networkBoot: false })).toBe(false);
  });
});
