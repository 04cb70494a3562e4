/**
 * From configuration to QEMU's arguments. A pure function: it neither reads files nor starts anything.
 *
 * Whatever a user wrote reaches QEMU either inside JSON or through `optionValue`, so that it stays a value. The
 * one exception is `extraArgs`, which is meant for experts.
 */
import type { BootOverride } from '../../bmc/boot.ts';
import type { FruFields } from '../../bmc/fru.ts';
import { fitsTopology, type MachineHardware, type MachineMedium } from '../../bmc/machine.ts';
import { type BootDevice, bootIndices } from './boot-order.ts';
import type { NicConfig, QemuMachineConfig } from './config.ts';
import { cdrom } from './devices/cdrom.ts';
import type { Backend, DeviceParts, Properties } from './devices/device.ts';
import { disk } from './devices/disk.ts';
import { ipmiKcs } from './devices/ipmi-kcs.ts';
import { type NicParts, nic } from './devices/nic.ts';
import { display, panicNotifier, randomness, watchdog } from './devices/platform.ts';
import { serial } from './devices/serial.ts';
import { tpm } from './devices/tpm.ts';
import { usbController, usbStick, virtualCd } from './devices/virtual-media.ts';
import { optionList, optionText, optionValue } from './option-value.ts';
import type { Descriptor, RunDir } from './run-dir.ts';
import { smbiosArguments } from './smbios.ts';
import { firmwareFiles, isSecure } from './uefi-variables.ts';

export interface CommandLineInput {
  readonly config: QemuMachineConfig;
  readonly run: RunDir;
  readonly accelerator: 'kvm' | 'tcg';
  readonly bootOverride: BootOverride | undefined;
  readonly hardware: MachineHardware;
  /** What the guest reads on the machine's parts. */
  readonly labels: FruFields | undefined;
  /** What is in the drives for removable media. */
  readonly media: readonly MachineMedium[];
  readonly nics: readonly NicConfig[];
  /** The machine's own UEFI variables; needed for firmware `uefi`. */
  readonly uefiVariables: string | undefined;
  /** In place of the firmware that comes with the host. */
  readonly firmwareFile?: string | undefined;
}

export interface CommandLine {
  /** Program first. */
  readonly argv: readonly string[];
  readonly bootDevices: readonly BootDevice[];
  /** What QEMU inherits open. */
  readonly descriptors: readonly Descriptor[];
}

/** Numbers below are the launcher's own. */
const firstDescriptor = 30;
/** PCI slots of the first cards; those below are for what has no place of its own, the last one is the chipset's. */
const firstNicSlot = 0x10;
const nicSlots = 15;

/** How long SeaBIOS waits for Escape: long enough for us to answer its prompt, and paid at every boot. */
const bootMenuMs = 400;

/** @throws {RangeError} for a value that QEMU cannot be given */
export function commandLine(input: CommandLineInput): CommandLine {
  const { config, run, accelerator, hardware, nics } = input;
  const descriptors = nicDescriptors(nics);
  const parts = deviceParts(
    input,
    nicParts(nics, descriptors, {
      bootable: hardware.networkBoot,
      // iPXE would ask DHCP for a file first, and boot that.
      withoutRom: input.bootOverride?.target === 'uefi-http',
    }),
  );
  const bootDevices = bootDevicesOf(parts);
  const indices = bootIndices(
    bootDevices,
    { ids: hardware.bootOrder, classes: config.bootOrder },
    input.bootOverride?.target,
  );

  const argv = [
    config.qemuBinary,
    ...['-name', `guest=${optionText(config.name, 'machine name')}`],
    ...['-machine', machineOptions(hardware)],
    ...['-accel', accelerator],
    ...['-cpu', cpuModelFor(config, accelerator)],
    ...['-m', String(positiveInteger(hardware.memoryMb, 'memory'))],
    ...['-smp', topology(hardware)],
    ...['-uuid', uuid(config.uuid)],
    ...['-nodefaults', '-no-user-config', '-S'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-msg', 'timestamp=on'],
    ...['-rtc', 'base=utc'],
    ...['-boot', `menu=on,splash-time=${bootMenuMs}`],
    ...['-action', 'panic=none', '-action', `watchdog=${config.watchdogAction}`],
    ...smbiosArguments(config.uuid, input.labels),
    ...(hardware.serialRedirection
      ? ['-fw_cfg', optionList({ name: 'etc/sercon-port', file: run.serialConsolePort }, 'fw_cfg')]
      : []),
    ...(input.bootOverride?.target === 'uefi-http'
      ? ['-fw_cfg', optionList({ name: 'etc/edk2/https/cacerts', file: run.httpsAuthorities }, 'fw_cfg')]
      : []),
    ...[
      '-chardev',
      `socket,${optionList({ id: 'qmp0', path: run.qmpSocket, server: 'on', wait: 'off' }, 'QMP')}`,
    ],
    ...['-mon', 'chardev=qmp0,mode=control'],
    ...['-vnc', `unix:${optionValue(run.vncSocket, 'VNC socket')}`],
    ...vncPortArguments(config),
    ...secureBootArguments(hardware),
    ...firmwareArguments(input),
  ];
  for (const { chardevs = [] } of parts) argv.push(...options('chardev', chardevs));
  for (const { tpmdevs = [] } of parts) argv.push(...options('tpmdev', tpmdevs));
  for (const { objects = [] } of parts) argv.push(...json('-object', objects));
  for (const { blockdevs = [] } of parts) argv.push(...json('-blockdev', blockdevs));
  for (const { netdevs = [] } of parts) argv.push(...json('-netdev', netdevs));
  for (const { devices = [] } of parts) {
    for (const { properties, bootClass } of devices) {
      const bootindex = bootClass && indices.get(String(properties.id));
      argv.push(...json('-device', [{ ...properties, bootindex }]));
    }
  }
  argv.push(...config.extraArgs);
  const nul = argv.find((arg) => arg.includes('\0'));
  if (nul !== undefined) throw new RangeError(`QEMU argument: no NUL allowed: ${JSON.stringify(nul)}`);
  return { argv, bootDevices, descriptors };
}

/** What a machine of these parts can boot from, in the order in which devices of one class are tried. */
export function bootDevicesOf(parts: readonly DeviceParts[]): readonly BootDevice[] {
  return parts.flatMap(({ devices = [] }) =>
    devices.flatMap(({ properties, bootClass }) =>
      bootClass ? [{ id: String(properties.id), bootClass }] : [],
    ),
  );
}

export function cpuModelFor(config: QemuMachineConfig, accelerator: 'kvm' | 'tcg'): string {
  if (config.cpuModel !== 'auto') {
    if (!/^[A-Za-z0-9_.,+=-]+$/.test(config.cpuModel)) {
      throw new RangeError(`CPU model: letters, digits and _.,+=- only: ${JSON.stringify(config.cpuModel)}`);
    }
    return config.cpuModel;
  }
  return accelerator === 'kvm' ? 'host' : 'max';
}

function nicDescriptors(nics: readonly NicConfig[]): Descriptor[] {
  const paths = nics.flatMap(({ backend, queues = 1 }) =>
    backend.kind === 'tap-node' ? Array.from({ length: queues }, () => backend.path) : [],
  );
  const broken = paths.find((path) => /[\0\n]/.test(path));
  if (broken !== undefined) throw new RangeError(`device node: not a path: ${JSON.stringify(broken)}`);
  return paths.map((path, index) => ({ fd: firstDescriptor + index, path }));
}

/** Either all cards have a fixed slot or none: the guest counts them by their slots. */
export function nicParts(
  nics: readonly NicConfig[],
  descriptors: readonly Descriptor[],
  firmware: Pick<NicParts, 'bootable' | 'withoutRom'>,
): NicParts[] {
  const onWire = nics.some(({ backend }) => backend.kind !== 'user');
  const fixed = onWire && nics.every(({ place }) => place !== undefined && place < nicSlots);
  return nics.map((each) => {
    const { backend, place } = each;
    const fds = backend.kind === 'tap-node' ? descriptors.filter(({ path }) => path === backend.path) : [];
    return {
      nic: each,
      ...firmware,
      slot: fixed && place !== undefined ? firstNicSlot + place : undefined,
      fds: fds.map(({ fd }) => fd),
    };
  });
}

export function deviceParts(
  { config, run, media, hardware }: Pick<CommandLineInput, 'config' | 'run' | 'media' | 'hardware'>,
  nics: readonly NicParts[],
): DeviceParts[] {
  const stick = media.find(({ slot }) => slot === 'usb');
  return [
    serial.parts({}, run),
    display.parts({}, run),
    ...config.disks.map((each, index) => disk.parts({ index, disk: each }, run)),
    virtualCd.parts({ medium: media.find(({ slot }) => slot === 'cd') }, run),
    ...(config.cdrom === undefined ? [] : [cdrom.parts({ image: config.cdrom }, run)]),
    ...nics.map((each) => nic.parts(each, run)),
    panicNotifier.parts({}, run),
    watchdog.parts({}, run),
    randomness.parts({}, run),
    ...(config.systemInterface ? [ipmiKcs.parts({}, run)] : []),
    ...(hardware.tpm ? [tpm.parts({}, run)] : []),
    // Last, so that all else sits where it would without.
    usbController.parts({}, run),
    ...(stick ? [usbStick.parts({ medium: stick }, run)] : []),
  ];
}

function machineOptions(hardware: MachineHardware): string {
  const firmware = hardware.firmware === 'uefi' ? ',pflash0=firmware-code,pflash1=firmware-variables' : '';
  return `q35,usb=off,vmport=off${isSecure(hardware) ? ',smm=on' : ''}${firmware}`;
}

/** Variables that hold keys are written in system management mode only, which needs sleep to memory to be off. */
function secureBootArguments(hardware: MachineHardware): string[] {
  if (!isSecure(hardware)) return [];
  return [
    ...['-global', 'driver=cfi.pflash01,property=secure,value=on'],
    ...['-global', 'ICH9-LPC.disable_s3=1'],
  ];
}

function topology(hardware: MachineHardware): string {
  const { sockets, threadsPerCore } = hardware;
  const cpus = positiveInteger(hardware.cpus, 'CPUs');
  if (sockets === 1 && threadsPerCore === 1) return String(cpus);
  if (!fitsTopology(hardware)) {
    throw new RangeError(
      `CPUs: ${cpus} cannot be shared out to ${sockets} sockets of cores with ${threadsPerCore} threads`,
    );
  }
  const cores = cpus / sockets / threadsPerCore;
  return `cpus=${cpus},sockets=${sockets},cores=${cores},threads=${threadsPerCore}`;
}

function firmwareArguments(input: CommandLineInput): string[] {
  const { config, hardware, uefiVariables: variables, firmwareFile } = input;
  if (hardware.firmware === 'bios') return firmwareFile === undefined ? [] : ['-bios', firmwareFile];
  const code = firmwareFile ?? firmwareFiles(config.firmware, hardware).ovmfCode;
  if (variables === undefined) throw new RangeError('UEFI: no file for the variables');
  return json('-blockdev', [
    { driver: 'file', 'node-name': 'firmware-code-file', filename: code, 'read-only': true },
    { driver: 'raw', 'node-name': 'firmware-code', file: 'firmware-code-file', 'read-only': true },
    { driver: 'file', 'node-name': 'firmware-variables-file', filename: variables },
    { driver: 'raw', 'node-name': 'firmware-variables', file: 'firmware-variables-file' },
  ]);
}

/** The screen on a TCP port as well, where one is asked for. */
function vncPortArguments({ vncPort, vncAddress }: QemuMachineConfig): string[] {
  if (vncPort === undefined) return [];
  // QEMU counts displays from port 5900.
  if (!Number.isInteger(vncPort) || vncPort < 5900 || vncPort > 65535) {
    throw new RangeError(`VNC port: 5900 to 65535, not ${vncPort}`);
  }
  if (!/^[A-Za-z0-9.:[\]-]*$/.test(vncAddress))
    throw new RangeError(`VNC address: not an address: ${vncAddress}`);
  return ['-vnc', `${vncAddress}:${vncPort - 5900}`];
}

function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    throw new RangeError(`UUID: not one: ${text}`);
  return text;
}

function positiveInteger(value: number, what: string): number {
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${what}: a whole number above 0, not ${value}`);
  return value;
}

function options(name: string, values: readonly Backend[]): string[] {
  return values.flatMap(({ backend, options: list }) => [`-${name}`, `${backend},${optionList(list, name)}`]);
}

function json(option: string, values: readonly Properties[]): string[] {
  return values.flatMap((value) => [option, JSON.stringify(value)]);
}
