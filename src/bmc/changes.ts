/**
 * What a change changed, value by value, for the audit log: names with what was before and what is after, bounded, and
 * never a secret. Settings are plain data; secrets are told by the names of their fields.
 */

/** One value that is another now. Absent ends are null. */
export interface Change {
  /** Path of names from the whole that changed, such as `filters.3.enabled`; empty for the whole itself. */
  readonly name: string;
  readonly before: ChangeValue;
  readonly after: ChangeValue;
}

export type ChangeValue = string | number | boolean | null;

/** A change of more values than these is cut. */
export const maxChanges = 32;
/** Longer texts are cut. */
export const maxValueLength = 160;

/** What stands for a secret, whichever it is. */
export const hidden = '(secret)';

/** Fields whose values give access, wherever they are found. The BMC key, SNMP's password, HTTP's headers and tokens. */
export const secretNames =
  /password$|passphrase|^kghex$|secret$|token|community|private|credential|httpheaders|cookie|pem$/i;

/** @returns nothing where both are the same */
export function changesBetween(before: unknown, after: unknown): readonly Change[] {
  const found: Change[] = [];
  compare('', before, after, false, found);
  return found;
}

/** `enabled: true → false, name: "a" → "b"` */
export function changesText(changes: readonly Change[]): string {
  const parts = changes.map(
    ({ name, before, after }) => `${name}${name && ': '}${valueText(before)} → ${valueText(after)}`,
  );
  return `${parts.join(', ')}${changes.length === maxChanges ? ' …' : ''}`;
}

function compare(name: string, before: unknown, after: unknown, secret: boolean, found: Change[]): void {
  if (found.length >= maxChanges || Object.is(before, after)) return;
  if (isPlain(before) || isPlain(after)) {
    const [from, to] = [membersOf(before), membersOf(after)];
    for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
      compare(name ? `${name}.${key}` : key, from[key], to[key], secret || secretNames.test(key), found);
    }
    return;
  }
  if (isSame(before, after)) return;
  const shown = secret ? hiddenValue : plainValue;
  found.push({ name, before: shown(before), after: shown(after) });
}

/** Lists whose members have members are compared one by one, by their places; others as one value. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Set)
    return false;
  return !Array.isArray(value) || value.some((member) => typeof member === 'object' && member !== null);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isPlain(value) ? value : {};
}

function isSame(before: unknown, after: unknown): boolean {
  return bytesOrList(before) === bytesOrList(after);
}

function bytesOrList(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  }
  if (value instanceof Set) return JSON.stringify([...value]);
  return JSON.stringify(value) ?? '';
}

function hiddenValue(value: unknown): ChangeValue {
  const isNone = value === undefined || value === null || value === '';
  return isNone || (ArrayBuffer.isView(value) && value.byteLength === 0) ? null : hidden;
}

function plainValue(value: unknown): ChangeValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean' || typeof value === 'number') return value;
  // Bytes may be anything, a password too.
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  const list = value instanceof Set ? [...value] : value;
  const text = Array.isArray(list) ? list.join(' ') : String(list);
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength - 1)}…` : text;
}

/** Texts are quoted: they are a client's, and must not look like our own words. */
function valueText(value: ChangeValue): string {
  if (value === null) return 'none';
  return typeof value === 'string' && !/^[\w.:/+-]+$/.test(value) && value !== hidden
    ? JSON.stringify(value)
    : String(value);
}
