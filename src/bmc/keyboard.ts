/**
 * Keys of a PC's keyboard by the names of "UI Events KeyboardEvent code Values" (W3C), which name places on the
 * keyboard and not letters; and which of them type a text, on the layout that firmware and rescue systems begin with:
 * that of the United States.
 */
import { BmcError } from './errors.ts';

const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'] as const;
const digits = [...'0123456789'] as const;
const functionKeys = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'] as const;

const otherKeys = [
  'Escape',
  'Backquote',
  'Minus',
  'Equal',
  'Backspace',
  'Tab',
  'BracketLeft',
  'BracketRight',
  'Backslash',
  'CapsLock',
  'Semicolon',
  'Quote',
  'Enter',
  'ShiftLeft',
  'ShiftRight',
  'Comma',
  'Period',
  'Slash',
  'ControlLeft',
  'ControlRight',
  'AltLeft',
  'AltRight',
  'MetaLeft',
  'MetaRight',
  'ContextMenu',
  'Space',
  'PrintScreen',
  'ScrollLock',
  'Pause',
  'Insert',
  'Delete',
  'Home',
  'End',
  'PageUp',
  'PageDown',
  'ArrowUp',
  'ArrowDown',
  'ArrowLeft',
  'ArrowRight',
  'NumLock',
  'NumpadEnter',
] as const;

export type KeyName =
  | (typeof otherKeys)[number]
  | `Key${string}`
  | `Digit${string}`
  | `F${(typeof functionKeys)[number]}`;

export const keyNames: readonly KeyName[] = [
  ...letters.map((letter) => `Key${letter}` as const),
  ...digits.map((digit) => `Digit${digit}` as const),
  ...functionKeys.map((number) => `F${number}` as const),
  ...otherKeys,
];

/** Of the keys that type a character of their own: without and with Shift. */
const characters: readonly (readonly [key: KeyName, plain: string, shifted: string])[] = [
  ...letters.map((letter) => [`Key${letter}`, letter.toLowerCase(), letter] as const),
  ...[...')!@#$%^&*('].map((shifted, digit) => [`Digit${digit}`, String(digit), shifted] as const),
  ['Backquote', '`', '~'],
  ['Minus', '-', '_'],
  ['Equal', '=', '+'],
  ['BracketLeft', '[', '{'],
  ['BracketRight', ']', '}'],
  ['Backslash', '\\', '|'],
  ['Semicolon', ';', ':'],
  ['Quote', "'", '"'],
  ['Comma', ',', '<'],
  ['Period', '.', '>'],
  ['Slash', '/', '?'],
];

const strokes: ReadonlyMap<string, readonly KeyName[]> = new Map<string, readonly KeyName[]>([
  ...characters.flatMap(([key, plain, shifted]): [string, readonly KeyName[]][] => [
    [plain, [key]],
    [shifted, ['ShiftLeft', key]],
  ]),
  [' ', ['Space']],
  ['\n', ['Enter']],
  ['\t', ['Tab']],
]);

/**
 * The keys that type a text, those of one character at a time. A line ends with LF, CR or both.
 * @throws {BmcError} `bad-argument` naming the first character that this keyboard has not
 */
export function strokesOf(text: string): readonly (readonly KeyName[])[] {
  return [...text.replace(/\r\n?/g, '\n')].map((character, index) => {
    const keys = strokes.get(character);
    if (keys) return keys;
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw new BmcError(
      'bad-argument',
      `character ${index + 1} (U+${code}) is on no key of a keyboard of the United States`,
    );
  });
}
