/**
 * The resources that more than one page reads, as far as they read them. A page's own resources are described beside the
 * page. Properties are as in the DMTF's schemas; all that a service may leave out is optional.
 */
import type { LoggedMessage } from '../i18n/event-texts.ts';

export interface Link {
  readonly '@odata.id': string;
}

export interface Resource extends Link {
  readonly Id: string;
  readonly Name: string;
  readonly '@odata.etag'?: string;
}

export interface Collection<T = Link> extends Link {
  readonly Members: readonly T[];
  /** Of all that there are, not only of those on this page. */
  readonly 'Members@odata.count': number;
  readonly 'Members@odata.nextLink'?: string;
}

export type Health = 'OK' | 'Warning' | 'Critical';

export interface Status {
  readonly State?: string;
  readonly Health?: Health | null;
  readonly HealthRollup?: Health | null;
}

export interface Session extends Resource {
  readonly UserName: string;
  readonly Roles?: readonly string[];
  readonly ClientOriginIPAddress?: string;
  readonly CreatedTime?: string;
  readonly SessionType?: string;
  readonly '@Message.ExtendedInfo'?: readonly {
    readonly MessageId: string;
    readonly MessageArgs?: readonly string[];
  }[];
}

export type PowerState = 'On' | 'Off' | 'PoweringOn' | 'PoweringOff' | 'Paused';

export interface ComputerSystem extends Resource {
  readonly Manufacturer?: string;
  readonly Model?: string;
  readonly SerialNumber?: string;
  readonly UUID?: string;
  readonly AssetTag?: string;
  readonly PowerState: PowerState;
  readonly LocationIndicatorActive?: boolean;
  readonly Status: Status;
  readonly BiosVersion?: string;
  readonly LastResetTime?: string;
  readonly BootProgress?: {
    readonly LastState?: string;
    readonly OemLastState?: string;
    readonly LastStateTime?: string;
  };
  readonly Boot: {
    readonly BootSourceOverrideEnabled: 'Disabled' | 'Once' | 'Continuous';
    readonly BootSourceOverrideTarget: string;
    readonly BootSourceOverrideMode: 'UEFI' | 'Legacy';
    readonly 'BootSourceOverrideTarget@Redfish.AllowableValues'?: readonly string[];
    readonly BootOrder?: readonly string[];
    readonly BootOptions?: Link;
    readonly HttpBootUri?: string | null;
    readonly UefiTargetBootSourceOverride?: string | null;
    readonly BootNext?: string | null;
  };
  readonly ProcessorSummary?: { readonly LogicalProcessorCount?: number; readonly Model?: string };
  readonly MemorySummary?: { readonly TotalSystemMemoryGiB?: number };
  readonly Actions?: {
    readonly '#ComputerSystem.Reset'?: {
      readonly target: string;
      readonly 'ResetType@Redfish.AllowableValues'?: readonly string[];
    };
  };
}

export interface Manager extends Resource {
  readonly FirmwareVersion?: string;
  readonly LastResetTime?: string;
  readonly Status?: Status;
}

export interface EthernetInterface extends Resource {
  readonly HostName?: string;
  readonly MACAddress?: string;
  readonly DHCPv4?: { readonly DHCPEnabled?: boolean };
  readonly IPv4Addresses?: readonly {
    readonly Address: string;
    readonly SubnetMask?: string;
    readonly Gateway?: string | null;
    readonly AddressOrigin?: string;
  }[];
  readonly IPv6Addresses?: readonly {
    readonly Address: string;
    readonly PrefixLength?: number;
    readonly AddressOrigin?: string;
  }[];
}

interface Protocol {
  readonly ProtocolEnabled?: boolean;
  readonly Port?: number | null;
}

export interface NetworkProtocol extends Resource {
  readonly HostName?: string;
  readonly HTTPS?: Protocol;
  readonly HTTP?: Protocol;
  readonly IPMI?: Protocol;
  readonly KVMIP?: Protocol;
}

export interface LogEntry extends Resource {
  readonly Created: string;
  readonly Severity: Health;
  readonly Message: string;
  readonly MessageId?: string;
  readonly MessageArgs?: readonly string[];
  readonly Originator?: string;
  readonly Oem?: LoggedMessage['Oem'];
}

/** Where this appliance has its one system, chassis and manager. */
export const uris = {
  root: '/redfish/v1',
  system: '/redfish/v1/Systems/1',
  chassis: '/redfish/v1/Chassis/1',
  manager: '/redfish/v1/Managers/1',
  managerInterface: '/redfish/v1/Managers/1/EthernetInterfaces/1',
  networkProtocol: '/redfish/v1/Managers/1/NetworkProtocol',
  eventLogEntries: '/redfish/v1/Managers/1/LogServices/EventLog/Entries',
  selEntries: '/redfish/v1/Systems/1/LogServices/SEL/Entries',
  accounts: '/redfish/v1/AccountService/Accounts',
} as const;
