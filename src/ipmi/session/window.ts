/**
 * The sliding window over the sequence numbers of one direction, each number once. 0 belongs to no session;
 * numbers go from FFFFFFFFh to 1.
 */
export interface WindowSize {
  /** How far above the highest number accepted the next one may be. */
  readonly ahead: number;
  /** How far below; up to 31. */
  readonly behind: number;
}

/** Of RMCP+ sessions. IPMI 2.0 §6.12.13. */
export const rmcpPlusWindow: WindowSize = { ahead: 15, behind: 16 };
/** Of IPMI 1.5 sessions. IPMI 2.0 §6.12.11. */
export const v15Window: WindowSize = { ahead: 8, behind: 8 };

/** How many numbers there are, 0 left out. */
const cycle = 2 ** 32 - 1;

export class SequenceWindow {
  readonly #size: WindowSize;
  #highest: number;
  /** Bit n: the number n before the highest was accepted. A new session has seen all before its first. */
  #seen = 0xffffffff;

  /** @param highest the number before the first one to come */
  constructor(highest = 0, size = rmcpPlusWindow) {
    this.#highest = highest;
    this.#size = size;
  }

  /** Takes the number for used, if it may be. Call it for authentic packets only. */
  accept(sequence: number): boolean {
    if (sequence === 0) return false;
    // No remainder: what exceeds 31 bits makes it a call of the C library.
    const difference = sequence - this.#highest;
    const step = difference < 0 ? difference + cycle : difference;
    if (step === 0 || step === cycle) return false;
    if (step <= this.#size.ahead) {
      this.#highest = sequence;
      this.#seen = (this.#seen << step) | 1;
      return true;
    }
    const back = cycle - step;
    if (back > this.#size.behind) return false;
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
