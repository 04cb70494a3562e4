/** A list of listeners with types: what a part offers others to hear. */
export class Emitter<E> {
  readonly #listeners = new Set<(event: E) => void>();

  /** @returns a function that ends the subscription */
  on(listener: (event: E) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(event: E): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
