/** A log as a file: made in the browser, of what the filter lets through. */
import type { Entry } from './log-kinds.ts';
import { originOf } from './log-kinds.ts';

const columns = [
  ['Id', ({ Id }: Entry) => Id],
  ['Created', ({ Created }: Entry) => Created],
  ['Severity', ({ Severity }: Entry) => Severity],
  ['Message', ({ Message }: Entry) => Message],
  ['MessageId', ({ MessageId }: Entry) => MessageId],
  ['Originator', ({ Originator }: Entry) => Originator],
  ['Face', (entry: Entry) => originOf(entry).face],
  ['OriginAddress', ({ OriginAddress }: Entry) => OriginAddress],
  ['SensorType', ({ SensorType }: Entry) => SensorType],
  ['EntryCode', ({ EntryCode }: Entry) => EntryCode],
] as const;

/**
 * RFC 4180, with a byte order mark, by which spreadsheets see that it is UTF-8. What a spreadsheet would take for a
 * formula gets an apostrophe before it: guests write into these logs.
 */
export function csvOf(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => columns.map(([, read]) => csvCell(read(entry) ?? '')));
  const lines = [columns.map(([name]) => name), ...rows].map((cells) => cells.join(','));
  return `\uFEFF${lines.join('\r\n')}\r\n`;
}

export function csvCell(text: string): string {
  const harmless = /^[\s\uFEFF]*[=+\-@|%]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n;\t]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** As the service has them. */
export function jsonOf(entries: readonly Entry[]): string {
  return `${JSON.stringify(entries, null, 2)}\n`;
}

/** `bmc-1_sel_2026-05-01T12-30-00Z.csv` */
export function fileName(machine: string, log: string, extension: string, now: Date): string {
  const time = now
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
  const safe = machine.replace(/[^\w.-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '');
  return `${safe || 'machine'}_${log}_${time}.${extension}`;
}
