/**
 * The sliding window over the sequence numbers of one direction: 15 ahead of and 16 behind the highest one
 * accepted, each number once. IPMI 2.0 §6.12.13. 0 belongs to no session; numbers go from FFFFFFFFh to 1.
 */
const ahead = 15;
const behind = 16;
/** How many numbers there are, 0 left out. */
const cycle = 2 ** 32 - 1;

export class SequenceWindow {
  #highest: number;
  /** Bit n: the number n before the highest was accepted. A new session has seen all before its first. */
  #seen = 0xffffffff;

  /** @param highest the number before the first one to come */
  constructor(highest = 0) {
    this.#highest = highest;
  }

  /** Takes the number for used, if it may be. Call it for authentic packets only. */
  accept(sequence: number): boolean {
    if (sequence === 0) return false;
    const step = (sequence - this.#highest + cycle) % cycle;
    if (step === 0) return false;
    if (step <= ahead) {
      this.#highest = sequence;
      this.#seen = (this.#seen << step) | 1;
      return true;
    }
    const back = cycle - step;
    if (back > behind) return false;
    const bit = 1 << back;
    if ((this.#seen & bit) !== 0) return false;
    this.#seen |= bit;
    return true;
  }

  /** The highest number accepted so far. */
  get highest(): number {
    return this.#highest;
  }
}

/** The number after `sequence`: never 0. */
export function nextSequence(sequence: number): number {
  return sequence === 0xffffffff ? 1 : sequence + 1;
}
