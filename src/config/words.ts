/** Splits a line into words as a shell does, with quotes and backslashes, but expands nothing. */

/** @throws {RangeError} for a quote that is not closed or a backslash at the end */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word += char;
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else if (char === '\\' && '"\\$`'.includes(line.charAt(at + 1)) && at + 1 < line.length) {
        word += line.charAt(++at);
      } else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '\\') {
      if (at + 1 >= line.length) throw new RangeError('a backslash ends the line');
      word = (word ?? '') + line.charAt(++at);
    } else if (/[ \t\r\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote) throw new RangeError(`a ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

/** One word quoted so that {@link splitWords}, and a shell, reads it back as it was. */
export function quoteWord(word: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
