/** A root shell in the demo guest, over Serial-over-LAN. */
import type { Appliance } from './appliance.ts';
import type { Terminal } from './terminal.ts';

export class GuestShell {
  readonly #terminal: Terminal;
  #commands = 0;

  private constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Waits for the login prompt. From then on all cards are on, and the guest sends nothing by itself. */
  static async open(appliance: Appliance, timeoutMs = 90_000): Promise<GuestShell> {
    const terminal = appliance.sol();
    const shell = new GuestShell(terminal);
    try {
      await terminal.expect('SOL Session operational');
      const [prompt] = await terminal.typeUntil('\r', /demo login: |root@demo:~# /, timeoutMs);
      // Otherwise somebody has left the shell open.
      if (prompt === 'demo login: ') terminal.type('root\r');
      await terminal.typeUntil('\r', 'root@demo:~# ');
      await shell.run('killall -q udhcpc; true');
      await shell.run(
        'for n in $(ls /sys/class/net | grep eth); do echo 1 >/proc/sys/net/ipv6/conf/$n/disable_ipv6; ip addr flush dev $n; ip link set $n up; done',
      );
      return shell;
    } catch (error) {
      terminal.kill();
      throw error;
    }
  }

  /** @returns what the command printed @throws {Error} unless it ends with 0 */
  async run(command: string, timeoutMs = 30_000): Promise<string> {
    const mark = `m${this.#commands++}`;
    // What is typed comes back, too; only what is printed has the sum in it.
    this.#terminal.type(`echo "<$((1+1))${mark}";( ${command} ) 2>&1;echo "${mark}>$?"\r`);
    const [, output = '', code] = await this.#terminal.expect(
      new RegExp(`<2${mark}\\r\\n([\\s\\S]*?)${mark}>(\\d+)\\r`),
      timeoutMs,
    );
    if (code !== '0') throw new Error(`guest: ${command}: ${code}: ${output}`);
    return output.replaceAll('\r', '').trim();
  }

  async close(): Promise<void> {
    this.#terminal.type('\r~.');
    await this.#terminal.exited();
  }

  kill(): void {
    this.#terminal.kill();
  }
}
