/** A program in a real terminal (node-pty), driven by what it prints. */
import { type IPty, spawn } from '@lydell/node-pty';

export class Terminal {
  readonly #pty: IPty;
  #output = '';
  #cursor = 0;
  #wake: (() => void) | undefined;
  #exit: number | undefined;

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#pty = spawn(program, [...args], { name: 'vt100', cols: 120, rows: 40, env, encoding: null });
    this.#pty.onData((data) => {
      // With `encoding: null` the bytes come as they are.
      this.#output += Buffer.from(data as unknown as Uint8Array).toString('latin1');
      this.#wake?.();
    });
    this.#pty.onExit(({ exitCode }) => {
      this.#exit = exitCode;
      this.#wake?.();
    });
  }

  /** Everything printed so far, one character a byte. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#pty.pid;
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  /**
   * Waits for `pattern` in what was printed since the last match, and moves behind it.
   * @throws {Error} with the tail of the output after `timeoutMs`, or when the program has ended
   */
  async expect(pattern: RegExp | string, timeoutMs = 30_000): Promise<RegExpExecArray> {
    const expression =
      typeof pattern === 'string' ? new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : pattern;
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = expression.exec(this.#output.slice(this.#cursor));
      if (match) {
        this.#cursor += match.index + match[0].length;
        return match;
      }
      const leftMs = deadline - performance.now();
      if (this.#exit !== undefined || leftMs <= 0) {
        const why =
          this.#exit !== undefined ? `the program ended with ${this.#exit}` : `${timeoutMs} ms passed`;
        throw new Error(
          `no ${expression} in the terminal, ${why}; it ends in ${JSON.stringify(this.#output.slice(-600))}`,
        );
      }
      await this.#changed(leftMs);
    }
  }

  /**
   * Types `text` again and again until `pattern` comes: a program that has just started may not listen yet, and
   * a terminal that is not in raw mode yet would turn a carriage return into something else.
   * @returns what came
   */
  async typeUntil(text: string, pattern: RegExp | string, timeoutMs = 30_000): Promise<RegExpExecArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      this.type(text);
      try {
        return await this.expect(pattern, 1_000);
      } catch (error) {
        if (this.#exit !== undefined || performance.now() > deadline) throw error;
      }
    }
  }

  /** Waits for the program's end. */
  async exited(timeoutMs = 15_000): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    while (this.#exit === undefined) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0)
        throw new Error(`the program still runs; it ends in ${JSON.stringify(this.#output.slice(-600))}`);
      await this.#changed(leftMs);
    }
    return this.#exit;
  }

  kill(): void {
    if (this.#exit === undefined) this.#pty.kill('SIGKILL');
  }

  #changed(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
