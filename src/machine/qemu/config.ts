/** What a QEMU machine is made of. Plain data: where it comes from (files, environment) is not known here. */
import type { BootOverride, Firmware } from '../../bmc/boot.ts';
import type { MachineHardware } from '../../bmc/machine.ts';
import type { AcceleratorMode } from './kvm-probe.ts';

export interface QemuMachineConfig {
  /** Also what an adopted QEMU must call itself. */
  readonly name: string;
  /** RFC 4122 text form. */
  readonly uuid: string;
  readonly memoryMb: number;
  readonly cpus: number;
  /** `auto`: `host` under KVM, `max` under TCG. */
  readonly cpuModel: string;
  readonly acceleratorMode: AcceleratorMode;
  readonly bootMode: Firmware;
  /** A TPM 2.0; needs swtpm. */
  readonly tpm: boolean;
  /** The machine's own order; classes left out are tried last. */
  readonly bootOrder: readonly BootClass[];
  readonly disks: readonly DiskConfig[];
  /** An ISO image in a drive of its own, beside the drive for virtual media. */
  readonly cdrom?: string;
  /** VNC on this TCP port of `vncAddress` besides the unix socket in the run directory. */
  readonly vncPort?: number;
  readonly vncAddress: string;
  /** A KCS system interface, served by whoever listens on the run directory's `ipmi.sock`. */
  readonly systemInterface: boolean;
  /** Appended as they are: for experts who know QEMU's options. */
  readonly extraArgs: readonly string[];
  /** A name looked up in PATH, or a path. */
  readonly qemuBinary: string;
  readonly firmware: FirmwarePaths;
  readonly watchdogAction: 'reset' | 'poweroff' | 'pause' | 'none' | 'inject-nmi';
}

/** What a start makes the machine of: as configured, unless the core says otherwise; the override has the last word. */
export function hardwareOf(
  { cpus, memoryMb, bootMode, tpm }: QemuMachineConfig,
  wanted: Partial<MachineHardware>,
  override: BootOverride | undefined,
): MachineHardware {
  return {
    cpus,
    sockets: 1,
    threadsPerCore: 1,
    memoryMb,
    secureBoot: false,
    serialRedirection: true,
    networkBoot: true,
    tpm,
    bootOrder: [],
    ...wanted,
    // The setup is brought up, and used, over the serial port.
    ...(override?.target === 'bios-setup' && { serialRedirection: true }),
    firmware: override?.firmware ?? wanted.firmware ?? bootMode,
  };
}

export const bootClasses = ['disk', 'cdrom', 'pxe', 'usb'] as const;
export type BootClass = (typeof bootClasses)[number];

export interface DiskConfig {
  readonly path: string;
  /** Never guessed: a guest could write another format's header. */
  readonly format: 'raw' | 'qcow2';
  readonly readOnly?: boolean;
  readonly serial?: string;
  /** A qcow2 image may name another file as its base; refused unless this says so. */
  readonly backingFile?: boolean;
}

export interface NicConfig {
  /** Letters, digits, `-`, `_`; unique. The device is called so in QEMU. */
  readonly id: string;
  /** QEMU's device model; `virtio-net-pci` unless given. */
  readonly model?: string;
  readonly mac: string;
  /** Told to the guest by a card that can (virtio): what its wire carries. */
  readonly mtu?: number;
  /** Pairs of queues, so that several processors share the work; 1 unless given. */
  readonly queues?: number;
  /** Counted from 0: cards with low places always sit in the same PCI slots, also when one between them is missing. */
  readonly place?: number;
  readonly backend: NicBackend;
}

/** How a network card's other side is made. */
export type NicBackend = UserBackend | TapBackend | TapNodeBackend;

/** A tap device that exists, which QEMU opens by its name. */
export interface TapBackend {
  readonly kind: 'tap';
  readonly device: string;
}

/** The device node of a macvtap: the launcher opens it, once for each queue, and QEMU inherits the descriptors. */
export interface TapNodeBackend {
  readonly kind: 'tap-node';
  readonly path: string;
}

/** QEMU's own user-mode network: NAT, DHCP, TFTP; needs no rights. */
export interface UserBackend {
  readonly kind: 'user';
  /** No way out of the virtual network. */
  readonly restrict: boolean;
  readonly hostForward?: readonly {
    readonly protocol: 'tcp' | 'udp';
    readonly hostPort: number;
    readonly guestPort: number;
  }[];
  /** A directory served by TFTP. */
  readonly tftp?: string;
  /** The file that DHCP tells a network boot to load. */
  readonly bootFile?: string;
}

export interface FirmwarePaths {
  readonly ovmfCode: string;
  /** Copied once per machine: each has its own UEFI variables. */
  readonly ovmfVarsTemplate: string;
  /** Firmware that can check signatures, with variables that hold keys and have it do so. */
  readonly secure: { readonly ovmfCode: string; readonly ovmfVarsTemplate: string };
}

export const debianFirmware: FirmwarePaths = {
  ovmfCode: '/usr/share/OVMF/OVMF_CODE_4M.fd',
  ovmfVarsTemplate: '/usr/share/OVMF/OVMF_VARS_4M.fd',
  secure: {
    ovmfCode: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
    ovmfVarsTemplate: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
  },
};
