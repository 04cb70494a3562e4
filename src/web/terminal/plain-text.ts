/** What a person would read of a terminal's output: without its escape sequences and control characters. ECMA-48 §5.4 */
const sequences = new RegExp(
  [
    String.raw`\u001b\[[0-?]*[ -/]*[@-~]`,
    // Strings: titles, clipboards, device control. One without its end takes the rest.
    String.raw`\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)`,
    String.raw`\u001b[ -/]*[0-~]`,
  ].join('|'),
  'g',
);

export function plainText(output: string): string {
  return (
    output
      .replace(sequences, '')
      .replaceAll('\r\n', '\n')
      // What a carriage return has gone back over.
      .replace(/[^\n]*\r(?=[^\n])/g, '')
      .replace(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\n' || character === '\t' ? character : ''))
      .replace(/\n+$/, '')
  );
}
