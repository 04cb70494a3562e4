/** Text inside QEMU's `key=value,key=value` options, for the few options that do not take JSON. */

/** SMBIOS strings are at most 64 bytes (System Management BIOS 2.7 §6.1.3); names are kept as short. */
const maxTextLength = 64;

/**
 * A value that cannot end its option or begin another.
 * @throws {RangeError} for a control character
 */
export function optionValue(value: string, what: string): string {
  if (hasControlCharacter(value)) throw new RangeError(`${what}: control characters are not allowed`);
  return value.replaceAll(',', ',,');
}

/** {@link optionValue} of a text shown to people. @throws {RangeError} also for more than 64 characters */
export function optionText(value: string, what: string): string {
  if ([...value].length > maxTextLength) {
    throw new RangeError(`${what}: at most ${maxTextLength} characters, ${[...value].length} given`);
  }
  return optionValue(value, what);
}

/** `{a: 'x', b: 'y,z'}` becomes `a=x,b=y,,z`; the keys are ours. Undefined values are left out. */
export function optionList(values: Readonly<Record<string, string | undefined>>, what: string): string {
  return Object.entries(values)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([key, value]) => `${key}=${optionValue(value, `${what} ${key}`)}`)
    .join(',');
}

function hasControlCharacter(value: string): boolean {
  return /\p{Cc}/u.test(value);
}
