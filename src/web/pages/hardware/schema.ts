/** The resources of this page, as far as it reads them. */
import type { Link, Resource, Status } from '../../api/schema.ts';

export const hardwareUris = {
  sensors: '/redfish/v1/Chassis/1/Sensors',
  history: '/redfish/v1/TelemetryService/MetricReports/SensorsLastHour',
  processors: '/redfish/v1/Systems/1/Processors',
  memory: '/redfish/v1/Systems/1/Memory',
  storage: '/redfish/v1/Systems/1/Storage/1',
  volumes: '/redfish/v1/Systems/1/Storage/1/Volumes',
  cards: '/redfish/v1/Systems/1/EthernetInterfaces',
  adapters: '/redfish/v1/Chassis/1/NetworkAdapters',
  firmware: '/redfish/v1/UpdateService/FirmwareInventory',
} as const;

export const thresholdNames = [
  'LowerFatal',
  'LowerCritical',
  'LowerCaution',
  'UpperCaution',
  'UpperCritical',
  'UpperFatal',
] as const;
export type ThresholdName = (typeof thresholdNames)[number];
export type Thresholds = Readonly<Partial<Record<ThresholdName, { readonly Reading: number }>>>;

export interface Sensor extends Resource {
  readonly ReadingType: string;
  readonly ReadingUnits: string;
  readonly Reading: number | null;
  readonly ReadingRangeMax?: number;
  readonly Status: Status;
  readonly Thresholds?: Thresholds;
}

export interface Processor extends Resource {
  readonly Socket?: string;
  readonly Model?: string;
  readonly Manufacturer?: string;
  readonly InstructionSet?: string;
  readonly TotalCores?: number;
  readonly TotalThreads?: number;
  readonly Status?: Status;
}

export interface MemoryModule extends Resource {
  readonly CapacityMiB?: number;
  readonly Manufacturer?: string;
  readonly Status?: Status;
}

export interface Storage extends Resource {
  readonly Drives: readonly Link[];
}

/** One file of a disk: the first one is written to, the next ones hold what it does not. */
export interface ImageLayer {
  readonly File: string;
  readonly Format?: string;
  readonly VirtualSizeBytes?: number;
  readonly AllocatedBytes?: number;
}

export interface Drive extends Resource {
  readonly Model?: string;
  readonly Manufacturer?: string;
  readonly SerialNumber?: string;
  readonly CapacityBytes?: number;
  readonly Status?: Status;
  readonly Oem?: { readonly QemuBmc?: { readonly BackingChain?: readonly ImageLayer[] } };
}

export interface Volume extends Resource {
  readonly Description?: string;
}

export interface Card extends Resource {
  readonly Description?: string;
  readonly MACAddress?: string;
  readonly MTUSize?: number;
  readonly LinkStatus?: 'LinkUp' | 'LinkDown' | 'NoLink';
  readonly Status?: Status;
}

/** What has gone through a card, as the guest would count it. */
export interface PortMetrics extends Resource {
  readonly RXBytes?: number;
  readonly TXBytes?: number;
  readonly RXErrors?: number;
  readonly TXErrors?: number;
  readonly Networking?: {
    readonly RXFrames: number;
    readonly TXFrames: number;
    readonly RXDiscards: number;
    readonly TXDiscards: number;
  };
}

export interface PcieDevice extends Resource {
  readonly Description?: string;
  readonly PCIeFunctions?: Link;
  readonly Status?: Status;
}

export interface PcieFunction extends Resource {
  readonly DeviceClass?: string;
  readonly VendorId?: string;
  readonly DeviceId?: string;
  readonly BusNumber?: string;
  readonly DeviceNumber?: string;
  readonly FunctionNumber?: string;
}

export interface Software extends Resource {
  readonly Version?: string | null;
  readonly Description?: string;
  readonly SoftwareId?: string;
  readonly SizeBytes?: number;
  readonly Active?: boolean;
  readonly Status?: Status;
  readonly Actions?: { readonly '#SoftwareInventory.Activate'?: { readonly target: string } };
}
