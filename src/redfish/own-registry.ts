/**
 * The message registry of our own: what happens to this server, one message for each kind of entry in the core's event
 * log, and one for records of the SEL. Logs, events and the registry file that clients read come from this table.
 */
import { type EventEntry, type EventKind, eventKinds } from '../bmc/event-log.ts';
import type { JsonObject } from './json.ts';

export const ownRegistry = { prefix: 'QemuBmc', version: '1.0.0', messagePrefix: 'QemuBmc.1.0' } as const;

export type Severity = 'OK' | 'Warning' | 'Critical';

/** What a kind of event is about. */
export type Subject = 'system' | 'manager' | 'accounts' | 'sessions';

interface OwnMessage {
  readonly severity: Severity;
  /** `%1` is the event log's own line, or what of it the pattern does not say. */
  readonly text: string;
  readonly about: Subject;
}

const messages = {
  'bmc-started': { severity: 'OK', text: 'The BMC has started: %1.', about: 'manager' },
  'bmc-stopped': { severity: 'OK', text: 'The BMC stops: %1.', about: 'manager' },
  'power-on': { severity: 'OK', text: 'The server was powered on: %1.', about: 'system' },
  'power-off': { severity: 'OK', text: 'The server was powered off: %1.', about: 'system' },
  'power-failed': { severity: 'Critical', text: 'A power command failed: %1.', about: 'system' },
  'machine-crashed': { severity: 'Critical', text: 'The server lost its power: %1.', about: 'system' },
  'machine-adopted': { severity: 'OK', text: 'The BMC found the server running: %1.', about: 'system' },
  reset: { severity: 'OK', text: 'The server was reset: %1.', about: 'system' },
  'guest-shutdown': { severity: 'OK', text: 'The operating system shut down: %1.', about: 'system' },
  'soft-off-ignored': { severity: 'Warning', text: 'A shutdown was not obeyed: %1.', about: 'system' },
  'diagnostic-interrupt': {
    severity: 'Warning',
    text: 'A diagnostic interrupt was sent: %1.',
    about: 'system',
  },
  paused: { severity: 'Warning', text: 'The server stands still: %1.', about: 'system' },
  resumed: { severity: 'OK', text: 'The server goes on: %1.', about: 'system' },
  'power-limit': { severity: 'Warning', text: 'The power limit: %1.', about: 'system' },
  panic: { severity: 'Critical', text: 'The operating system panicked: %1.', about: 'system' },
  watchdog: { severity: 'Warning', text: 'A watchdog expired: %1.', about: 'system' },
  'boot-override': { severity: 'OK', text: 'The boot override was changed: %1.', about: 'system' },
  boot: { severity: 'OK', text: 'The server boots: %1.', about: 'system' },
  'sol-activated': { severity: 'OK', text: 'The serial console was opened: %1.', about: 'manager' },
  'sol-deactivated': { severity: 'OK', text: 'The serial console was closed: %1.', about: 'manager' },
  'console-opened': { severity: 'OK', text: 'A console was opened: %1.', about: 'system' },
  'console-closed': { severity: 'OK', text: 'A console was closed: %1.', about: 'system' },
  configuration: { severity: 'OK', text: 'The configuration was changed: %1.', about: 'manager' },
  'user-changed': { severity: 'OK', text: 'A user was changed: %1.', about: 'accounts' },
  'session-opened': { severity: 'OK', text: 'A session was opened: %1.', about: 'sessions' },
  'session-closed': { severity: 'OK', text: 'A session was closed: %1.', about: 'sessions' },
  'state-damaged': { severity: 'Warning', text: 'Stored state was damaged: %1.', about: 'manager' },
  'nic-missing': { severity: 'Critical', text: 'A network card is missing: %1.', about: 'system' },
  'nic-fallback': {
    severity: 'Warning',
    text: 'A network card is attached otherwise than wanted: %1.',
    about: 'system',
  },
  'nic-late': { severity: 'OK', text: 'A network card was attached: %1.', about: 'system' },
  'media-inserted': { severity: 'OK', text: 'A medium was inserted: %1.', about: 'system' },
  'media-ejected': { severity: 'OK', text: 'A medium was ejected: %1.', about: 'system' },
  'tpm-failed': { severity: 'Critical', text: 'The TPM failed: %1.', about: 'system' },
  'media-failed': { severity: 'Warning', text: 'A medium cannot be read: %1.', about: 'system' },
  firmware: { severity: 'OK', text: 'The firmware of the server was changed: %1.', about: 'system' },
  'update-failed': { severity: 'Warning', text: 'An update was not installed: %1.', about: 'manager' },
  'wire-lost': { severity: 'Warning', text: 'A network card lost its wire: %1.', about: 'system' },
  'wire-returned': { severity: 'OK', text: 'A network card has its wire again: %1.', about: 'system' },
} as const satisfies Readonly<Record<EventKind, OwnMessage>>;

/** Of the records in the SEL. */
const selText = 'Sensor %1: %2 (%3).';

export interface Told {
  /** `QemuBmc.1.0.PowerOn` */
  readonly messageId: string;
  readonly text: string;
  readonly args: readonly string[];
  readonly severity: Severity;
}

/** An entry of the event log in the words of the registry. */
export function toldEvent({
  kind,
  text,
  facts,
}: Pick<EventEntry, 'kind' | 'text' | 'facts'>): Told & { about: Subject } {
  // Entries of other versions may be of kinds that this one does not know.
  const { severity, text: pattern, about } = messages[kind] ?? messages.configuration;
  // What was done to the power is what the pattern says.
  const detail = facts?.By === undefined ? text : `by ${facts.By}`;
  return {
    messageId: `${ownRegistry.messagePrefix}.${nameOf(kind)}`,
    text: filled(pattern, [detail]),
    args: [detail],
    severity,
    about,
  };
}

/** A record of the SEL in the words of the registry. @param args sensor, what happened, whether it began or ended */
export function toldSelRecord(args: readonly [string, string, string], severity: Severity): Told {
  return {
    messageId: `${ownRegistry.messagePrefix}.SelRecord`,
    text: filled(selText, args),
    args,
    severity,
  };
}

/** Of the messages that the registry has. */
export const ownMessageKeys: readonly string[] = [...eventKinds.map(nameOf), 'SelRecord'];

/** The registry itself. DSP0266 §9.5; MessageRegistry.v1_7_0. */
export function ownRegistryBody(): JsonObject {
  const own = eventKinds.map((kind) => [nameOf(kind), described(messages[kind], 1)] as const);
  const sel = { severity: 'OK', text: selText } as const;
  return {
    '@odata.type': '#MessageRegistry.v1_7_0.MessageRegistry',
    Id: `${ownRegistry.prefix}.${ownRegistry.version}`,
    Name: 'Messages of qemu-bmc',
    Language: 'en',
    Description: 'What happens to this server.',
    RegistryPrefix: ownRegistry.prefix,
    RegistryVersion: ownRegistry.version,
    OwningEntity: 'qemu-bmc',
    Messages: { ...Object.fromEntries(own), SelRecord: described(sel, 3) },
  };
}

function described({ severity, text }: Pick<OwnMessage, 'severity' | 'text'>, args: number): JsonObject {
  return {
    Description: text.replace(/:? ?%\d/g, '').replace(/ \(\)/, ''),
    Message: text,
    Severity: severity,
    MessageSeverity: severity,
    NumberOfArgs: args,
    ParamTypes: Array.from({ length: args }, () => 'string'),
    Resolution: 'None.',
  };
}

/** `power-on` → `PowerOn`. */
function nameOf(kind: string): string {
  return kind.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function filled(pattern: string, args: readonly string[]): string {
  return pattern.replace(/%(\d)/g, (_, n: string) => args[Number(n) - 1] ?? '').replace(/([.!?])\.$/, '$1');
}
