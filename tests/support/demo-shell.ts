/** A shell on the demo machine's serial console, by ipmitool's Serial-over-LAN. */
import { Terminal } from './terminal.ts';

export class DemoShell {
  readonly #terminal: Terminal;
  #commands = 0;

  /**
   * @param args words of ipmitool that reach the BMC, without a command
   * @throws {Error} when there is no shell within `timeoutMs`, which may have to cover a boot
   */
  static async open(args: readonly string[], timeoutMs = 180_000): Promise<DemoShell> {
    const terminal = new Terminal('ipmitool', [...args, 'sol', 'activate']);
    try {
      await terminal.expect('SOL Session operational');
      await terminal.typeUntil('\r', 'demo login: ', timeoutMs);
      terminal.type('root\r');
      await terminal.expect('root@demo:~# ');
      return new DemoShell(terminal);
    } catch (error) {
      terminal.kill();
      throw error;
    }
  }

  private constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** @returns the exit code, and what was printed, the command's echo before it */
  async run(
    command: string,
    timeoutMs = 30_000,
  ): Promise<{ readonly code: number; readonly output: string }> {
    const number = ++this.#commands;
    const start = this.#terminal.output.length;
    this.#terminal.type(`${command}; echo end of ${number}: $?\r`);
    // What is typed comes back, too, but with $? in place of the code.
    const [, code] = await this.#terminal.expect(new RegExp(`end of ${number}: (\\d+)`), timeoutMs);
    return { code: Number(code), output: this.#terminal.output.slice(start) };
  }

  /** Logs out and ends the session. */
  async close(): Promise<void> {
    try {
      this.#terminal.type('exit\r');
      await this.#terminal.expect('demo login: ');
      this.#terminal.type('\r~.');
      await this.#terminal.expect('terminated ipmitool');
      await this.#terminal.exited();
    } finally {
      this.#terminal.kill();
    }
  }
}
