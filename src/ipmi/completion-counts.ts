/** How often commands ended with each completion code. */
import { CompletionCode } from './message/completion-code.ts';

export class CompletionCounts {
  /** Of 00h, which nearly all are. */
  #ok = 0;
  readonly #others = new Map<number, number>();

  /** @param reply completion code first */
  count(reply: Uint8Array): void {
    const code = reply[0];
    if (code === CompletionCode.ok) this.#ok++;
    else if (code !== undefined) this.#others.set(code, (this.#others.get(code) ?? 0) + 1);
  }

  /** Those that have come up, in order. */
  get all(): readonly (readonly [code: number, count: number])[] {
    const others = [...this.#others].sort(([a], [b]) => a - b);
    return this.#ok > 0 ? [[CompletionCode.ok, this.#ok], ...others] : others;
  }
}
