/** The resources of this page, as far as it reads them. */
import type { Link, Resource, Status } from '../../api/schema.ts';

export const mediaUris = {
  slots: { Cd: '/redfish/v1/Systems/1/VirtualMedia/Cd', Usb: '/redfish/v1/Systems/1/VirtualMedia/Usb' },
  tasks: '/redfish/v1/TaskService/Tasks',
  bios: '/redfish/v1/Systems/1/Bios',
  biosSettings: '/redfish/v1/Systems/1/Bios/Settings',
  biosRegistry: '/redfish/v1/Registries/BiosAttributeRegistry/BiosAttributeRegistry.v1_0_0.json',
  secureBoot: '/redfish/v1/Systems/1/SecureBoot',
  trustedComponents: '/redfish/v1/Chassis/1/TrustedComponents',
} as const;

export type SlotId = keyof typeof mediaUris.slots;

interface Action {
  readonly target: string;
}

export interface VirtualMedia extends Resource {
  readonly MediaTypes?: readonly string[];
  readonly Image: string | null;
  readonly ImageName?: string;
  readonly Inserted: boolean;
  readonly WriteProtected: boolean;
  readonly TransferMethod?: 'Stream' | 'Upload' | null;
  readonly TransferProtocolType?: string | null;
  readonly VerifyCertificate: boolean;
  readonly Certificates: Link;
  readonly Status: Status;
  readonly Actions: {
    readonly '#VirtualMedia.InsertMedia': Action & {
      readonly 'TransferProtocolType@Redfish.AllowableValues'?: readonly string[];
    };
    readonly '#VirtualMedia.EjectMedia': Action;
    readonly Oem?: {
      readonly '#QemuBmcVirtualMedia.UploadMedia'?: Action;
      readonly '#QemuBmcVirtualMedia.ListLibrary'?: Action;
    };
  };
}

/** An image of the BMC's own folder. */
export interface LibraryImage {
  readonly Name: string;
  /** What InsertMedia takes. */
  readonly Image: string;
  readonly SizeBytes: number;
  readonly Modified: string;
}

export interface Library {
  readonly Images: readonly LibraryImage[];
}

export interface TaskMessage {
  readonly MessageId?: string;
  readonly Message?: string;
  readonly MessageArgs?: readonly string[];
  readonly Resolution?: string;
}

export interface Task extends Resource {
  readonly TaskState: 'Running' | 'Completed' | 'Exception' | 'Cancelling' | 'Cancelled';
  readonly PercentComplete?: number;
  readonly StartTime: string;
  readonly EndTime?: string;
  readonly Messages?: readonly TaskMessage[];
}

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface Bios extends Resource {
  readonly Attributes: Attributes;
  readonly Actions?: { readonly '#Bios.ResetBios'?: Action };
}

/** AttributeRegistry.v1_4_0 */
export interface RegistryAttribute {
  readonly AttributeName: string;
  readonly DisplayName: string;
  readonly HelpText?: string;
  readonly DefaultValue?: AttributeValue;
  readonly ReadOnly?: boolean;
  readonly Type: 'Enumeration' | 'Integer' | 'String' | 'Boolean' | 'Password';
  readonly LowerBound?: number;
  readonly UpperBound?: number;
  readonly ScalarIncrement?: number;
  readonly Value?: readonly { readonly ValueName: string; readonly ValueDisplayName?: string }[];
}

export interface AttributeRegistry {
  readonly RegistryEntries: { readonly Attributes: readonly RegistryAttribute[] };
}

export interface SecureBoot extends Resource {
  readonly SecureBootEnable: boolean;
  readonly SecureBootCurrentBoot: 'Enabled' | 'Disabled';
  readonly SecureBootMode: string;
  readonly SecureBootDatabases?: Link;
  readonly Actions?: { readonly '#SecureBoot.ResetKeys'?: Action };
}

export interface SecureBootDatabase extends Resource {
  readonly DatabaseId: string;
  readonly Certificates?: Link;
  readonly Signatures?: Link;
  readonly Actions?: { readonly '#SecureBootDatabase.ResetKeys'?: Action };
}

interface Identifier {
  readonly CommonName?: string;
  readonly Organization?: string;
}

export interface Certificate extends Resource {
  readonly Subject?: Identifier;
  readonly Issuer?: Identifier;
  readonly ValidNotBefore?: string;
  readonly ValidNotAfter?: string;
  readonly Fingerprint?: string;
}

export interface Signature extends Resource {
  readonly SignatureString: string;
  readonly SignatureType: string;
}

export interface TrustedComponent extends Resource {
  readonly Description?: string;
  readonly TrustedComponentType?: string;
  readonly Status?: Status;
}
