import { timingSafeEqual } from 'node:crypto';

/** Compares secrets in constant time; different lengths are simply unequal. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
