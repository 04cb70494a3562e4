/** A BMC with Redfish in front of a real QEMU machine, and curl that talks to it. */
import { readFileSync } from 'node:fs';
import { Bmc } from '../../src/bmc/bmc.ts';
import { consoleRingBytes } from '../../src/bmc/console.ts';
import { memoryStore } from '../../src/bmc/store.ts';
import { HttpService } from '../../src/http-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import type { QemuMachineConfig } from '../../src/machine/qemu/config.ts';
import type { NicProvider } from '../../src/machine/qemu/nic-provider.ts';
import { identity, users } from './bmc-on-lan.ts';
import { run, until } from './processes.ts';
import { type QemuFixture, qemuFixture } from './qemu.ts';

export class RedfishMachine {
  readonly lab: QemuFixture;
  readonly bmc: Bmc;
  readonly #web: HttpService;

  static async start(config: Partial<QemuMachineConfig> = {}, nics?: NicProvider): Promise<RedfishMachine> {
    const lab = qemuFixture(config);
    try {
      const { machine } = lab.machine({ ...(nics && { nics }) });
      const bmc = new Bmc({
        ...{ machine, identity, users, restorePolicy: 'always-off', softOffTimeoutMs: 20_000 },
        ...{ store: memoryStore(), clock: systemClock, random: systemRandom(), log: silentLogger },
      });
      const web = await HttpService.start({
        bmc,
        address: '127.0.0.1',
        port: 0,
        ipmiPort: 623,
        compatibility: true,
      });
      await bmc.start({ powerReturned: true, powerOn: false });
      return new RedfishMachine(lab, bmc, web);
    } catch (error) {
      await lab.cleanUp();
      throw error;
    }
  }

  private constructor(lab: QemuFixture, bmc: Bmc, web: HttpService) {
    this.lab = lab;
    this.bmc = bmc;
    this.#web = web;
  }

  async stop(): Promise<void> {
    await this.bmc.stop({ shutdownGraceMs: 0 });
    await this.#web.stop();
    await this.lab.cleanUp();
  }

  /** @param path below the service root: `Systems/1` @returns the answer's body */
  // biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
  async ask(method: string, path: string, body?: object): Promise<any> {
    const url = `https://127.0.0.1:${this.#web.address.port}/redfish/v1/${path}`;
    const sent = body ? ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)] : [];
    const { stdout: output } = await run('curl', ['-sk', '-u', 'admin:password', '-X', method, ...sent, url]);
    return output === '' ? {} : JSON.parse(output);
  }

  /** An answer's HTTP status. */
  async status(method: string, path: string, body?: object): Promise<number> {
    const url = `https://127.0.0.1:${this.#web.address.port}/redfish/v1/${path}`;
    const sent = body ? ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)] : [];
    const show = ['-o', '/dev/null', '-w', '%{http_code}'];
    return Number(
      (await run('curl', ['-sk', '-u', 'admin:password', ...show, '-X', method, ...sent, url])).stdout,
    );
  }

  async reset(ResetType: string): Promise<void> {
    await this.ask('POST', 'Systems/1/Actions/ComputerSystem.Reset', { ResetType });
  }

  /** What the guest has said. */
  said(from = 0): string {
    return Buffer.from(this.bmc.console.history(consoleRingBytes)).toString('latin1').slice(from);
  }

  /** Waits for what the guest says after this moment. */
  next(text: string, timeoutMs = 60_000): () => Promise<void> {
    const from = this.said().length;
    return async () => {
      await until(text, () => this.said(from).includes(text), timeoutMs);
    };
  }

  /** QEMU's argument behind an option. */
  argument(option: string): string | undefined {
    const argv = readFileSync(`/proc/${this.lab.process().pid}/cmdline`, 'latin1').split('\0');
    return argv[argv.indexOf(option) + 1];
  }
}
