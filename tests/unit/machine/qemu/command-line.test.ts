import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Firmware } from '../../../../src/bmc/boot.ts';
import type { FruFields } from '../../../../src/bmc/fru.ts';
import type { MachineHardware, MachineMedium } from '../../../../src/bmc/machine.ts';
import { commandLine } from '../../../../src/machine/qemu/command-line.ts';
import { hardwareOf, type NicConfig, type QemuMachineConfig } from '../../../../src/machine/qemu/config.ts';
import { optionText } from '../../../../src/machine/qemu/option-value.ts';
import { RunDir } from '../../../../src/machine/qemu/run-dir.ts';
import { qemuMachineDefaults } from '../../../support/qemu-config.ts';

const config: QemuMachineConfig = {
  ...qemuMachineDefaults,
  name: 'node1',
  uuid: '6f5ba4b4-6a35-4b1c-9d6e-0123456789ab',
  memoryMb: 512,
  cpus: 2,
  disks: [
    { path: '/images/a.qcow2', format: 'qcow2', serial: 'serial' },
    { path: '/images/b.img', format: 'raw', readOnly: true },
  ],
  cdrom: '/images/cd.iso',
};

const twoUserCards: readonly NicConfig[] = [
  {
    id: 'nic0',
    mac: '52:54:00:00:00:01',
    backend: { kind: 'user', restrict: true, tftp: '/tftp', bootFile: 'boot' },
  },
  { id: 'nic1', mac: '52:54:00:00:00:02', backend: { kind: 'user', restrict: false } },
];

const labels: FruFields = {
  chassis: { partNumber: 'case', serialNumber: 'C1' },
  board: {
    manufacturedAt: 0,
    manufacturer: 'board maker',
    product: 'board',
    serialNumber: 'B1',
    partNumber: 'b-1',
  },
  product: {
    manufacturer: 'maker',
    name: 'product',
    partNumber: 'p-1',
    version: '1',
    serialNumber: 'QB0001',
    assetTag: 'rack 7, slot 2',
  },
};

type Changes = Partial<QemuMachineConfig> & {
  readonly nics?: readonly NicConfig[];
  readonly media?: readonly MachineMedium[];
};

function render(
  { nics = twoUserCards, media = [], ...changes }: Changes = {},
  target?: 'pxe' | 'disk' | 'cdrom' | 'usb',
  written: FruFields | undefined = labels,
) {
  const changed = { ...config, ...changes };
  return commandLine({
    config: changed,
    hardware: hardwareOf(changed, {}, undefined),
    labels: written,
    media,
    nics,
    run: new RunDir('/run/machine'),
    accelerator: 'tcg',
    bootOverride: target && { target, persistent: false },
    uefiVariables: '/state/ovmf-vars.fd',
  });
}

/** Values after each `option`, JSON ones parsed. */
function values(argv: readonly string[], option: string): unknown[] {
  return argv.flatMap((arg, index) => {
    const value = argv[index + 1];
    if (arg !== option || value === undefined) return [];
    return [value.startsWith('{') ? JSON.parse(value) : value];
  });
}

function device(argv: readonly string[], id: string): Record<string, unknown> {
  const found = (values(argv, '-device') as Record<string, unknown>[]).find((each) => each.id === id);
  if (!found) throw new Error(`no device ${id}`);
  return found;
}

function bootOrder(argv: readonly string[]): unknown[] {
  return (values(argv, '-device') as Record<string, unknown>[])
    .filter(({ bootindex }) => bootindex !== undefined)
    .sort((a, b) => Number(a.bootindex) - Number(b.bootindex))
    .map(({ id }) => id);
}

describe('command line', () => {
  test('is hardened, paused at the start, and has no default devices', () => {
    const { argv } = render();
    expect(argv[0]).toBe('qemu-system-x86_64');
    for (const flag of ['-nodefaults', '-no-user-config', '-S']) expect(argv).toContain(flag);
    expect(values(argv, '-sandbox')).toEqual([
      'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    ]);
    expect(values(argv, '-vnc')).toEqual(['unix:/run/machine/sockets/vnc.sock']);
  });

  test('the format of a disk is stated, and no other file is opened by it', () => {
    const blockdevs = values(render().argv, '-blockdev') as Record<string, unknown>[];
    expect(blockdevs.map(({ driver }) => driver)).toEqual(['file', 'qcow2', 'file', 'raw', 'file', 'raw']);
    expect(blockdevs[1]).toMatchObject({ driver: 'qcow2', backing: null });
    expect(blockdevs[3]).toMatchObject({ driver: 'raw', 'read-only': true });
    const allowed = render({ disks: [{ path: '/a', format: 'qcow2', backingFile: true }] }).argv;
    expect((values(allowed, '-blockdev') as object[])[1]).not.toHaveProperty('backing');
  });

  test('the virtual CD drive is always there, another one for a configured image', () => {
    const { cdrom: _, ...empty } = config;
    const { argv } = commandLine({
      config: empty,
      run: new RunDir('/run/machine'),
      accelerator: 'tcg',
      bootOverride: undefined,
      hardware: hardwareOf(empty, {}, undefined),
      labels: undefined,
      media: [],
      nics: [],
      uefiVariables: undefined,
    });
    expect(device(argv, 'virtual-cd')).not.toHaveProperty('drive');
    expect(() => device(argv, 'cd0')).toThrow('no device');
    expect(device(render().argv, 'cd0')).toMatchObject({ drive: 'cd0-medium' });
  });

  test('a medium that the BMC serves is reached at its socket, and waited for when the BMC starts anew', () => {
    const media = [{ slot: 'cd', file: '/run/cd-01234567.nbd', readOnly: true, nbd: true }] as const;
    const { argv } = render({ media });
    expect(values(argv, '-blockdev')).toContainEqual({
      driver: 'nbd',
      'node-name': 'cd-medium-file',
      server: { type: 'unix', path: '/run/cd-01234567.nbd' },
      'reconnect-delay': 25,
      'read-only': true,
    });
  });

  test('media are raw files, and a path stays a path', () => {
    const file = '/state/media/a,driver=qcow2,b';
    const media = [
      { slot: 'cd', file, readOnly: true },
      { slot: 'usb', file: '/state/media/stick', readOnly: false },
    ] as const;
    const { argv } = render({ media });
    expect(device(argv, 'virtual-cd')).toMatchObject({ drive: 'cd-medium' });
    expect(device(argv, 'usb-stick')).toMatchObject({ driver: 'usb-storage', drive: 'usb-medium' });
    const nodes = values(argv, '-blockdev');
    expect(nodes).toContainEqual({
      driver: 'file',
      'node-name': 'cd-medium-file',
      filename: file,
      'read-only': true,
      'auto-read-only': false,
    });
    for (const [slot, readOnly] of [
      ['cd', true],
      ['usb', false],
    ] as const) {
      const node = { driver: 'raw', 'node-name': `${slot}-medium`, file: `${slot}-medium-file` };
      expect(nodes).toContainEqual({ ...node, 'read-only': readOnly });
    }
  });

  test('the boot order is the configured one unless overridden', () => {
    const disks = ['disk0', 'disk1'];
    const cds = ['virtual-cd', 'cd0'];
    const nics = ['nic0', 'nic1'];
    expect(bootOrder(render().argv)).toEqual([...disks, ...cds, ...nics]);
    expect(bootOrder(render({}, 'pxe').argv)).toEqual([...nics, ...disks, ...cds]);
    expect(bootOrder(render({}, 'cdrom').argv)).toEqual([...cds, ...disks, ...nics]);
    expect(bootOrder(render({}, 'usb').argv)).toEqual([...disks, ...cds, ...nics]);
    expect(bootOrder(render({ bootOrder: ['pxe'] }).argv)).toEqual([...nics, ...disks, ...cds]);
    const media = [{ slot: 'usb', file: '/stick', readOnly: true }] as const;
    expect(bootOrder(render({ media }).argv)).toEqual([...disks, ...cds, ...nics, 'usb-stick']);
    expect(bootOrder(render({ media }, 'usb').argv)).toEqual(['usb-stick', ...disks, ...cds, ...nics]);
  });

  test('the system interface is there when somebody serves it, and connects again by itself', () => {
    const { argv } = render({ systemInterface: true });
    expect(values(argv, '-chardev')).toContain('socket,id=ipmi0,path=/run/machine/ipmi.sock,reconnect=1');
    expect(values(argv, '-device')).toContainEqual({
      driver: 'isa-ipmi-kcs',
      id: 'kcs0',
      bmc: 'bmc0',
      irq: 5,
    });
    expect(render().argv.join()).not.toContain('ipmi');
  });

  test('UEFI has a variable store of its own and read-only code', () => {
    const { argv } = render({ bootMode: 'uefi' });
    expect(values(argv, '-machine')).toEqual([expect.stringContaining('pflash0=firmware-code')]);
    const files = (values(argv, '-blockdev') as Record<string, unknown>[]).filter(
      ({ driver }) => driver === 'file',
    );
    expect(files[0]).toMatchObject({ 'read-only': true });
    expect(files[1]).toMatchObject({ filename: '/state/ovmf-vars.fd' });
  });

  test('an override with a firmware has the last word, then what the core wants, then the configuration', () => {
    const by = (wanted: Partial<MachineHardware>, firmware?: Firmware) =>
      hardwareOf(config, wanted, { target: 'disk', persistent: false, ...(firmware && { firmware }) });
    expect(by({})).toMatchObject({ cpus: 2, memoryMb: 512, firmware: 'bios' });
    expect(by({ firmware: 'uefi', cpus: 4 })).toMatchObject({ cpus: 4, memoryMb: 512, firmware: 'uefi' });
    expect(by({ firmware: 'uefi' }, 'bios').firmware).toBe('bios');
    expect(by({}, 'uefi').firmware).toBe('uefi');
  });

  test('SMBIOS tells what the FRU tells, each text in one place', () => {
    expect(values(render().argv, '-smbios')).toEqual([
      `type=1,manufacturer=maker,product=product,version=1,serial=QB0001,sku=p-1,uuid=${config.uuid}`,
      'type=2,manufacturer=board maker,product=board,version=b-1,serial=B1',
      'type=3,manufacturer=maker,version=1,serial=C1,sku=case,asset=rack 7,, slot 2',
    ]);
  });

  test('whatever a client has written into the FRU, the machine starts; what is empty stays so', () => {
    const product = { ...labels.product, manufacturer: '', name: 'a\0b\nc', assetTag: '\t' };
    const [system, , chassis] = values(render({}, undefined, { ...labels, product }).argv, '-smbios');
    expect(system).toContain('type=1,manufacturer=,product=abc,');
    expect(chassis).toMatch(/,asset=$/);
  });

  test('VNC over TCP is given as a display number, besides the socket', () => {
    expect(values(render({ vncPort: 5907 }).argv, '-vnc')).toEqual([
      'unix:/run/machine/sockets/vnc.sock',
      '127.0.0.1:7',
    ]);
    expect(() => render({ vncPort: 80 })).toThrow('5900');
  });

  test('the CPU model follows the accelerator unless configured', () => {
    expect(values(render().argv, '-cpu')).toEqual(['max']);
    expect(values(render({ cpuModel: 'EPYC,-svm' }).argv, '-cpu')).toEqual(['EPYC,-svm']);
    expect(() => render({ cpuModel: 'max -device x' })).toThrow('CPU model');
  });

  test('a card on a wire has the wire’s MTU, a queue for each processor, and descriptors that it inherits', () => {
    const { argv, descriptors } = render({
      nics: [
        {
          id: 'nic0',
          place: 0,
          mac: 'aa:c1:ab:00:00:01',
          mtu: 9500,
          queues: 2,
          backend: { kind: 'tap-node', path: '/run/a' },
        },
        {
          id: 'nic2',
          place: 2,
          mac: 'aa:c1:ab:00:00:02',
          mtu: 1500,
          queues: 2,
          backend: { kind: 'tap', device: 'qbt-eth4' },
        },
        {
          id: 'nic3',
          place: 3,
          mac: 'aa:c1:ab:00:00:03',
          queues: 1,
          backend: { kind: 'tap-node', path: '/run/b' },
        },
        { id: 'nic4', place: 4, mac: '52:54:00:00:00:01', backend: { kind: 'user', restrict: false } },
      ],
    });
    expect(descriptors).toEqual([
      { fd: 30, path: '/run/a' },
      { fd: 31, path: '/run/a' },
      { fd: 32, path: '/run/b' },
    ]);
    expect(values(argv, '-netdev')).toMatchObject([
      { type: 'tap', id: 'nic0-net', fds: '30:31' },
      { type: 'tap', id: 'nic2-net', ifname: 'qbt-eth4', script: 'no', downscript: 'no', queues: 2 },
      { type: 'tap', id: 'nic3-net', fd: '32' },
      { type: 'user', id: 'nic4-net' },
    ]);
    expect(device(argv, 'nic0')).toMatchObject({ addr: '0x10', host_mtu: 9500, mq: true, vectors: 6 });
    expect(device(argv, 'nic2')).toMatchObject({ addr: '0x12', host_mtu: 1500, mq: true });
    expect(device(argv, 'nic3')).not.toHaveProperty('mq');
    expect(device(argv, 'nic4')).toMatchObject({ addr: '0x14' });
  });

  test('cards have fixed slots only where each of them finds one', () => {
    const onWire = (place: number): NicConfig => ({
      id: `nic${place}`,
      place,
      mac: 'aa:c1:ab:00:00:01',
      backend: { kind: 'tap', device: 't' },
    });
    expect(device(render({ nics: [onWire(0), onWire(14)] }).argv, 'nic14')).toMatchObject({ addr: '0x1e' });
    expect(device(render({ nics: [onWire(0), onWire(15)] }).argv, 'nic0')).not.toHaveProperty('addr');
    expect(device(render().argv, 'nic0')).not.toHaveProperty('addr');
  });

  test('expert arguments come last and as they are', () => {
    expect(render({ extraArgs: ['-device', 'x,y=z'] }).argv.slice(-2)).toEqual(['-device', 'x,y=z']);
  });

  test.each([
    ['a control character', { name: 'a\nb' }],
    ['65 characters', { name: 'x'.repeat(65) }],
    ['a UUID that is none', { uuid: '1,file=/etc/shadow' }],
    ['no memory', { memoryMb: 0 }],
    ['a NIC called like an option', { nics: [{ ...nic(), id: 'a,b=c' }] }],
    [
      'a device node with a line end',
      { nics: [{ ...nic(), backend: { kind: 'tap-node' as const, path: '/a\nb' } }] },
    ],
    ['a NIC model with a property', { nics: [{ ...nic(), model: 'e1000,romfile=/etc/shadow' }] }],
  ])('%s is refused', (_, changes) => {
    expect(() => render(changes)).toThrow(RangeError);
  });

  test('a run directory too long for sockets is refused with its length', () => {
    expect(() => new RunDir(`/${'x'.repeat(100)}`)).toThrow('at most 107');
  });
});

function nic() {
  return { id: 'nic0', mac: '52:54:00:00:00:01', backend: { kind: 'user' as const, restrict: true } };
}

/** Text that tries to be something else. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ',',
        ',,',
        '=',
        '"',
        "'",
        '\\',
        '{',
        '}',
        '-',
        ' ',
        'file=',
        ',path=/etc/shadow',
        '-device',
        ':',
      ),
      fc.constantFrom(
        'json:',
        'readonly=on',
        '`id`',
        '$(id)',
        ';',
        '#',
        '%s',
        '../',
        'é',
        '尺',
        '\u2028',
        '\u202e',
      ),
      fc.string({ minLength: 1, maxLength: 5 }),
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((parts) => [...parts.join('').replace(/\p{Cc}/gu, '.')].slice(0, 64).join(''));

describe('hostile strings', () => {
  test('stay values: the arguments keep their shape and JSON values come back byte for byte', () => {
    const calm = render().argv;
    fc.assert(
      fc.property(hostile, hostile, hostile, (a, b, c) => {
        const written: FruFields = {
          chassis: { partNumber: b, serialNumber: c },
          board: { ...labels.board, manufacturer: a, product: c, partNumber: b },
          product: { ...labels.product, manufacturer: a, name: b, version: c, serialNumber: a, assetTag: b },
        };
        const changes = {
          name: a,
          disks: [
            { path: `/x/${b}`, format: 'qcow2', serial: c },
            { path: `/x/${c}`, format: 'raw', readOnly: true },
          ],
          cdrom: `/x/${a}`,
          nics: [
            {
              id: 'nic0',
              mac: b,
              backend: { kind: 'user', restrict: true, tftp: `/x/${c}`, bootFile: a },
            },
            { id: 'nic1', mac: c, backend: { kind: 'user', restrict: false } },
          ],
        } satisfies Changes;
        const { argv } = render(changes, undefined, written);
        expect(argv.length).toBe(calm.length);
        argv.forEach((arg, index) => {
          const before = calm[index] ?? '';
          if (before.startsWith('{')) {
            expect(shape(JSON.parse(arg))).toEqual(shape(JSON.parse(before)));
          } else if (before.includes('=')) {
            expect(optionKeys(arg)).toEqual(optionKeys(before));
          } else {
            expect(arg).toBe(before);
          }
        });
        expect(device(argv, 'disk0').serial).toBe(c);
        expect(device(argv, 'nic0').mac).toBe(b);
      }),
      { numRuns: 500 },
    );
  });

  test('any text is either refused or read back by QEMU as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        let escaped: string;
        try {
          escaped = optionText(text, 'text');
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(readOptions(`a=${escaped},b=2`)).toEqual([
          ['a', text],
          ['b', '2'],
        ]);
      }),
    );
  });
});

function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shape(each)]));
  }
  return typeof value;
}

/** As QEMU reads options: a value ends at a single comma, a doubled one is a comma. */
function readOptions(text: string): [string, string][] {
  const options: [string, string][] = [];
  for (let at = 0; at < text.length; ) {
    let end = at;
    while (end < text.length && text[end] !== '=' && text[end] !== ',') end++;
    const key = text.slice(at, end);
    let value = '';
    at = end + 1;
    if (text[end] === '=') {
      while (at < text.length) {
        if (text[at] === ',') {
          if (text[at + 1] !== ',') break;
          at++;
        }
        value += text[at++];
      }
      at++;
    }
    options.push([key, value]);
  }
  return options;
}

function optionKeys(text: string): string[] {
  return readOptions(text).map(([key]) => key);
}
