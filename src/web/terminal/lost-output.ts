/** A line of our own in the middle of a terminal's output, where some of it is missing. */
import { useMemo } from 'react';
import { useFormats } from '../i18n/formats.ts';
import { type Dictionary, useWords } from '../i18n/words.ts';

const dictionary = {
  en: { lost: (size: string) => `${size} of output was lost here` },
  ja: { lost: (size: string) => `ここで ${size} の出力が失われました` },
} satisfies Dictionary<{ readonly lost: (size: string) => string }>;

/** @returns the line for so many bytes, in the user's language */
export function useLostOutput(): (bytes: number) => Uint8Array<ArrayBuffer> {
  const words = useWords(dictionary);
  const { bytes } = useFormats();
  return useMemo(() => (count) => lostOutput(words.lost(bytes(count))), [words, bytes]);
}

/**
 * A sequence that was cut off is cancelled (ECMA-48 §8.3.6), and neither the colours nor the drawing characters of what
 * came before reach into the line.
 * @param words without control characters
 */
export function lostOutput(words: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`\u0018\u001b(B\u001b[0m\r\n\u001b[7m ${words} \u001b[0m\r\n`);
}
