/** How often commands ended with each completion code. */
export class CompletionCounts {
  readonly #counts = new Map<number, number>();

  /** @param reply completion code first */
  count(reply: Uint8Array): void {
    const code = reply[0];
    if (code !== undefined) this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Those that have come up, in order. */
  get all(): readonly (readonly [code: number, count: number])[] {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }
}
