/**
 * What a machine consists of, part by part, as a driver tells it: the same parts that its guest finds. Identifiers
 * stay the same over power cycles as long as the machine is configured the same.
 */

/** One processor package. */
export interface ProcessorPart {
  readonly id: string;
  /** As SMBIOS names the place: `CPU 0`. */
  readonly socket: string;
  readonly manufacturer: string;
  /** Undefined while nobody can tell. */
  readonly model: string | undefined;
  readonly architecture: 'x86' | 'ARM';
  readonly instructionSet: 'x86-64' | 'ARM-A64';
  readonly cores: number;
  readonly threads: number;
}

/** One memory module, as SMBIOS (type 17) tells the guest. */
export interface MemoryPart {
  readonly id: string;
  /** `DIMM 0` */
  readonly locator: string;
  readonly manufacturer: string;
  readonly sizeMb: number;
}

/** One of the files on the host that a disk is made of. */
export interface ImageLayer {
  readonly file: string;
  /** `raw`, `qcow2`; undefined where nothing says so. */
  readonly format: string | undefined;
  /** Undefined while the file cannot be read. */
  readonly virtualSizeBytes: number | undefined;
  /** What it takes on the host; undefined for what is no file here. */
  readonly allocatedBytes: number | undefined;
}

export interface DrivePart {
  readonly id: string;
  readonly serialNumber: string;
  readonly manufacturer: string;
  readonly model: string;
  /** What the guest sees, not what it takes on the host; undefined while the image cannot be read. */
  readonly capacityBytes: number | undefined;
  readonly readOnly: boolean;
  /** The file that is written to, then what it rests on, down to the last; none where no file is behind the disk. */
  readonly layers: readonly ImageLayer[];
}

/** A network card. What is attached to it now is told by `Machine.nics`. */
export interface NicPart {
  readonly id: string;
  /** Lower case, with colons. */
  readonly mac: string;
}

/** A trusted platform module. */
export interface TpmPart {
  readonly id: string;
  /** Of the TPM library specification: `2.0`. */
  readonly version: '2.0';
  /** False: it has failed in the machine that runs. */
  readonly works: boolean;
}

/** A function on the machine's PCI bus. */
export interface PciPart {
  readonly id: string;
  /** `00:02.0` */
  readonly address: string;
  readonly vendorId: number;
  readonly deviceId: number;
  /** Class and subclass: 0x0200 is an Ethernet controller. */
  readonly classCode: number;
  /** What it is, in words. */
  readonly description: string;
}

export interface MachineInventory {
  readonly processors: readonly ProcessorPart[];
  readonly memory: readonly MemoryPart[];
  readonly drives: readonly DrivePart[];
  readonly nics: readonly NicPart[];
  readonly tpm: TpmPart | undefined;
  /** Of the latest start; empty before the first one. */
  readonly pci: readonly PciPart[];
}

export const bootDeviceKinds = ['disk', 'cdrom', 'pxe', 'usb'] as const;
export type BootDeviceKind = (typeof bootDeviceKinds)[number];

/** Something that the firmware can boot from. */
export interface MachineBootDevice {
  /** The part's own: `disk0`. */
  readonly id: string;
  readonly kind: BootDeviceKind;
}

/** An entry of the firmware's own boot menu, which it has found or was given by an operating system. */
export interface FirmwareBootEntry {
  /** `Boot0001` */
  readonly id: string;
  readonly name: string;
  /** The firmware tries it by itself. */
  readonly enabled: boolean;
  /** Where it leads: the text of its UEFI device path. */
  readonly path: string;
}
