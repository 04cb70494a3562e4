/** Numbers that look random and come again with the same seed, so that a failure can be run again. */
export type SeededRandom = (below: number) => number;

/** Mulberry32: 32 bits of state, every seed its own sequence. @returns whole numbers from 0 to `below` - 1 */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
