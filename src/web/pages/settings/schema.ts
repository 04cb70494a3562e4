/** The resources that the settings read, as far as they read them. */
import type { Link, Resource } from '../../api/schema.ts';

export const settingsUris = {
  accountService: '/redfish/v1/AccountService',
  roles: '/redfish/v1/AccountService/Roles',
  sessionService: '/redfish/v1/SessionService',
  sessions: '/redfish/v1/SessionService/Sessions',
  certificateService: '/redfish/v1/CertificateService',
  certificates: '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates',
  certificate: '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates/1',
  serialInterface: '/redfish/v1/Managers/1/SerialInterfaces/1',
  eventFiltering: '/redfish/v1/Managers/1/Oem/QemuBmc/EventFiltering',
  eventFilters: '/redfish/v1/Managers/1/Oem/QemuBmc/EventFiltering/EventFilters',
  alertPolicies: '/redfish/v1/Managers/1/Oem/QemuBmc/EventFiltering/AlertPolicies',
  alertDestinations: '/redfish/v1/Managers/1/Oem/QemuBmc/EventFiltering/AlertDestinations',
  eventService: '/redfish/v1/EventService',
  subscriptions: '/redfish/v1/EventService/Subscriptions',
  updateService: '/redfish/v1/UpdateService',
  firmware: '/redfish/v1/UpdateService/FirmwareInventory',
} as const;

export interface AccountService extends Resource {
  readonly MinPasswordLength?: number;
  readonly MaxPasswordLength?: number;
  readonly AccountLockoutThreshold?: number;
  /** Seconds; null: until an administrator ends it. */
  readonly AccountLockoutDuration?: number | null;
  readonly AccountLockoutCounterResetAfter?: number;
  readonly AccountLockoutCounterResetEnabled?: boolean;
  readonly HTTPBasicAuth?: string;
  /** Null: passwords never expire. */
  readonly PasswordExpirationDays?: number | null;
}

export const accountTypes = ['Redfish', 'IPMI', 'HostConsole'] as const;
export type AccountType = (typeof accountTypes)[number];

export interface Account extends Resource {
  /** Absent where the user may not read the account. */
  readonly UserName?: string;
  readonly RoleId?: string;
  readonly Enabled?: boolean;
  readonly Locked?: boolean;
  readonly AccountTypes?: readonly AccountType[];
  readonly PasswordChangeRequired?: boolean;
  /** RFC 3339; null: never. */
  readonly PasswordExpiration?: string | null;
}

export interface EventFiltering extends Resource {
  readonly Enabled: boolean;
  readonly LogActions: boolean;
  readonly AllowedActions: readonly string[];
  readonly TrapPort: number;
}

export interface EventFilter extends Resource {
  /** What it looks for, in words. */
  readonly Description: string;
  readonly Enabled: boolean;
  readonly FilterActions: readonly string[];
  readonly AlertPolicyNumber: number;
  readonly EventSeverity: string;
  readonly SensorType: number | null;
  readonly SensorNumber: number | null;
  readonly EventTrigger: number | null;
  readonly EventOffsets: readonly number[];
}

export interface AlertPolicy extends Resource {
  readonly Enabled: boolean;
  readonly PolicyNumber: number;
  readonly Rule: string;
  readonly Destination: number;
}

export interface AlertDestination extends Resource {
  readonly Address: string | null;
  readonly Acknowledged: boolean;
  readonly RetryCount: number;
  readonly RetryIntervalSeconds: number;
  readonly Actions: { readonly '#QemuBmcAlertDestination.SendTestAlert': { readonly target: string } };
}

export const systemInterfacePolicies = ['full', 'no-users', 'read-only', 'off'] as const;
export type SystemInterfacePolicy = (typeof systemInterfacePolicies)[number];

export interface SessionService extends Resource {
  /** Seconds. */
  readonly SessionTimeout?: number;
}

interface DistinguishedName {
  readonly CommonName?: string;
  readonly Organization?: string;
  readonly OrganizationalUnit?: string;
  readonly City?: string;
  readonly State?: string;
  readonly Country?: string;
  readonly AlternativeNames?: readonly string[];
}

export interface Certificate extends Resource {
  readonly CertificateString?: string;
  readonly CertificateType?: string;
  readonly Subject?: DistinguishedName;
  readonly Issuer?: DistinguishedName;
  readonly ValidNotBefore?: string;
  readonly ValidNotAfter?: string;
  readonly SerialNumber?: string;
  readonly Fingerprint?: string;
  readonly SignatureAlgorithm?: string;
}

export interface SerialInterface extends Resource {
  readonly InterfaceEnabled?: boolean;
  readonly BitRate?: string;
}

export interface EventService extends Resource {
  readonly DeliveryRetryAttempts?: number;
  readonly DeliveryRetryIntervalSeconds?: number;
  readonly RegistryPrefixes?: readonly string[];
  readonly Actions?: { readonly '#EventService.SubmitTestEvent'?: { readonly target: string } };
}

export interface Subscription extends Resource {
  readonly Destination: string;
  readonly Context?: string | null;
  readonly RegistryPrefixes?: readonly string[];
  readonly DeliveryRetryPolicy?: string;
  readonly VerifyCertificate?: boolean;
  readonly Status?: { readonly State?: string };
  readonly Actions?: { readonly '#EventDestination.ResumeSubscription'?: { readonly target: string } };
}

export interface UpdateService extends Resource {
  readonly MultipartHttpPushUri?: string;
  readonly MaxImageSizeBytes?: number;
  readonly VerifyRemoteServerCertificate?: boolean;
}

export interface Software extends Resource {
  readonly Version?: string;
  readonly Updateable?: boolean;
  readonly Status?: { readonly State?: string; readonly Health?: string | null };
  readonly Actions?: { readonly '#SoftwareInventory.Activate'?: { readonly target: string } };
}

export interface Task extends Resource {
  readonly TaskState: string;
  readonly PercentComplete?: number;
  readonly Messages?: readonly {
    readonly MessageId?: string;
    readonly Message?: string;
    readonly MessageArgs?: readonly string[];
    readonly MessageSeverity?: string;
  }[];
}

export interface Network extends Resource {
  readonly HostName?: string;
  readonly MACAddress?: string;
  readonly DHCPv4?: { readonly DHCPEnabled?: boolean };
  readonly IPv4Addresses?: readonly Ipv4[];
  readonly IPv4StaticAddresses?: readonly Ipv4[];
  readonly IPv6Addresses?: readonly {
    readonly Address: string;
    readonly PrefixLength?: number;
    readonly AddressOrigin?: string;
  }[];
  readonly IPv6StaticAddresses?: readonly ({
    readonly Address?: string;
    readonly PrefixLength?: number;
  } | null)[];
  readonly IPv6DefaultGateway?: string | null;
  readonly VLAN?: {
    readonly VLANEnable?: boolean;
    readonly VLANId?: number;
    readonly VLANPriority?: number;
  };
}

export interface Ipv4 {
  readonly Address?: string;
  readonly SubnetMask?: string;
  readonly Gateway?: string | null;
}

export interface ManagerSettings extends Resource {
  readonly FirmwareVersion?: string;
  readonly Model?: string;
  readonly UUID?: string;
  readonly LastResetTime?: string;
  readonly Actions?: {
    readonly '#Manager.Reset'?: { readonly target: string };
    readonly '#Manager.ResetToDefaults'?: { readonly target: string };
    readonly Oem?: { readonly '#QemuBmcManager.ExportConfiguration'?: { readonly target: string } };
  };
  readonly Oem?: {
    readonly QemuBmc?: {
      readonly Profile?: 'lab' | 'strict';
      readonly SystemInterfacePolicy?: SystemInterfacePolicy;
      readonly NetworkWritable?: boolean;
    };
  };
}

export interface ServiceRoot extends Resource {
  readonly RedfishVersion?: string;
  readonly Product?: string;
}

export type Linked = Link;
