/**
 * Which states of a sensor have been entered and left since it was last re-armed. IPMI 2.0 §35.12, §35.13.
 *
 * A state that is re-armed while it lasts counts as entered anew the next time the sensor is looked at.
 */
export class EventStatus {
  #asserted: ReadonlySet<string> = none;
  #deasserted: ReadonlySet<string> = none;

  get asserted(): ReadonlySet<string> {
    return this.#asserted;
  }

  get deasserted(): ReadonlySet<string> {
    return this.#deasserted;
  }

  /** Takes note of the states that hold now. @returns what has changed since last time */
  update(states: ReadonlySet<string>): {
    readonly entered: readonly string[];
    readonly left: readonly string[];
  } {
    const entered = [...states].filter((state) => !this.#asserted.has(state));
    const left = [...this.#asserted].filter((state) => !states.has(state));
    if (entered.length > 0 || left.length > 0) {
      this.#asserted = states;
      this.#deasserted = new Set([...this.#deasserted, ...left].filter((state) => !states.has(state)));
    }
    return { entered, left };
  }

  rearm(assertions: readonly string[], deassertions: readonly string[]): void {
    this.#asserted = without(this.#asserted, assertions);
    this.#deasserted = without(this.#deasserted, deassertions);
  }
}

const none: ReadonlySet<string> = new Set();

function without(states: ReadonlySet<string>, taken: readonly string[]): ReadonlySet<string> {
  return new Set([...states].filter((state) => !taken.includes(state)));
}
