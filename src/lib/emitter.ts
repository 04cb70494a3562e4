/** A list of listeners with types: what a part offers others to hear. */

/** Shared by all that nobody listens to: a process may hold tens of thousands of these. */
const nobody: readonly never[] = [];

export class Emitter<E> {
  /** Never changed in place: who comes or goes during an event does so from the next one on. */
  #listeners: readonly ((event: E) => void)[] = nobody;

  /** @returns a function that ends the subscription */
  on(listener: (event: E) => void): () => void {
    // Not by spreading, which leaves room for sixteen more.
    if (!this.#listeners.includes(listener)) this.#listeners = this.#listeners.concat(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  emit(event: E): void {
    for (const listener of this.#listeners) listener(event);
  }
}
