/** The logs that the page shows: what Redfish calls them and what is told of each entry. */
import { type LogEntry, type Resource, uris } from '../../api/schema.ts';
import type { EventChange as Change } from '../../i18n/event-texts.ts';

export type { EventChange as Change } from '../../i18n/event-texts.ts';

/** An entry as the logs page reads it. LogEntry.v1_21_0. */
export interface Entry extends Omit<LogEntry, 'Created' | 'Oem'> {
  /** Absent in the one kind of SEL record that has no room for it. */
  readonly Created?: string;
  readonly EntryType?: string;
  readonly OriginatorType?: string;
  readonly Username?: string;
  /** `ipmi://192.0.2.1:40000` */
  readonly OriginAddress?: string;
  readonly SensorType?: string;
  readonly SensorNumber?: number;
  readonly EntryCode?: string;
  readonly Oem?: {
    readonly QemuBmc?: {
      readonly Face?: string;
      readonly Facts?: readonly { readonly Name: string; readonly Value: string }[];
      readonly Changes?: readonly Change[];
    };
  };
}

export interface LogService extends Resource {
  readonly MaxNumberOfRecords?: number;
  readonly Overflow?: boolean;
  readonly OverWritePolicy?: string;
  readonly Actions?: { readonly '#LogService.ClearLog'?: { readonly target: string } };
}

export const logIds = ['events', 'sel', 'audit'] as const;
export type LogId = (typeof logIds)[number];

export const serviceUris: Readonly<Record<LogId, string>> = {
  events: '/redfish/v1/Managers/1/LogServices/EventLog',
  sel: '/redfish/v1/Systems/1/LogServices/SEL',
  audit: '/redfish/v1/Managers/1/LogServices/AuditLog',
};

export function entriesUri(log: LogId): string {
  return `${serviceUris[log]}/Entries`;
}

export const serialEntriesUri = `${uris.system}/LogServices/SerialConsole/Entries`;

/** Where an entry came from: by which face, and from which address. Undefined: nobody asked for it. */
export function originOf({ OriginAddress: origin = '', Oem }: Entry): {
  readonly face: string | undefined;
  readonly address: string | undefined;
} {
  const [, scheme, address] = /^([a-z]+):\/\/(.+)$/.exec(origin) ?? [];
  const face =
    Oem?.QemuBmc?.Face ?? (scheme === 'https' ? 'Redfish' : scheme === 'ipmi' ? 'IPMI' : undefined);
  return { face, address };
}
