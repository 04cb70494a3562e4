/** A BMC with a machine in memory on a UDP port of this host, and the real clients that talk to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bmc, type BmcOptions } from '../../src/bmc/bmc.ts';
import type { ConsoleHub } from '../../src/bmc/console.ts';
import type { MachineHardware } from '../../src/bmc/machine.ts';
import { memoryStore, type Store } from '../../src/bmc/store.ts';
import type { UserSpec } from '../../src/bmc/user-seeds.ts';
import { HttpService } from '../../src/http-service.ts';
import type { SendTrap } from '../../src/ipmi/alerting.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { IpmiLan } from '../../src/ipmi/lan.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { FakeMachine } from '../../src/machine/fake/fake-machine.ts';
import { AddressPolicy } from '../../src/media/address-policy.ts';
import { HttpFetcher } from '../../src/media/http-fetch.ts';
import { FileImages } from '../../src/media/image-store.ts';
import { hostNetwork } from '../../src/network/host-network.ts';
import { until } from './processes.ts';
import { type Answer, RealClients } from './real-clients.ts';

export interface BmcOnLanOptions {
  /** 127.0.0.1 unless given. */
  readonly address?: string;
  /** Any free one unless given. */
  readonly port?: number;
  /** {@link users} unless given. */
  readonly users?: readonly UserSpec[];
  readonly kg?: Uint8Array;
  readonly cipherSuites?: readonly number[];
  /** Whether it speaks IPMI 1.5 too; false unless given. */
  readonly ipmi15?: boolean;
  /** In memory unless given. */
  readonly store?: Store;
  readonly hardware?: Partial<MachineHardware>;
  /** The machine's processor time can be held down. */
  readonly limitable?: boolean;
  /** The machine is on once the BMC has started; off unless given. */
  readonly powerOn?: boolean;
  /** Redfish is served, too, on any free port, with virtual media from this host. */
  readonly redfish?: boolean;
  /** How alerts leave. */
  readonly sendTrap?: SendTrap;
  /** What SOL shows; the machine’s own console unless given. */
  readonly console?: ConsoleHub;
  /** What FreeIPMI's tools get besides name and password: IPMI 2.0 as administrator unless given. */
  readonly freeipmiOptions?: readonly string[];
}

export interface CurlAnswer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
  readonly body: any;
}

export const identity = {
  uuid: '4c1f6e0a-52f1-4b7e-9a43-0123456789ab',
  serialNumber: 'QB0123456789',
  manufacturer: 'qemu-bmc',
  product: 'QEMU Virtual Server',
  firmwareVersion: '1.2.3',
};

export const users: readonly UserSpec[] = [
  { name: 'admin', password: 'password', limit: 'administrator' },
  { name: 'operator', password: '20-byte-password-xyz', limit: 'operator' },
];

export class BmcOnLan {
  readonly bmc: Bmc;
  readonly machine: FakeMachine;
  readonly lan: IpmiLan;
  /** Absent unless asked for. */
  readonly http: HttpService | undefined;
  readonly #clients: RealClients;
  readonly #folder: string;

  private constructor(
    bmc: Bmc,
    machine: FakeMachine,
    lan: IpmiLan,
    http: HttpService | undefined,
    folder: string,
    freeipmiOptions?: readonly string[],
  ) {
    this.bmc = bmc;
    this.http = http;
    this.machine = machine;
    this.lan = lan;
    this.#folder = folder;
    this.#clients = new RealClients({
      ...lan.address,
      home: this.#folder,
      ...(freeipmiOptions && { freeipmiOptions }),
    });
  }

  /** @throws {Error} when the port cannot be had */
  static async start(options: BmcOnLanOptions = {}): Promise<BmcOnLan> {
    const { address = '127.0.0.1', port = 0, kg, hardware, powerOn = false, sendTrap } = options;
    const machine = new FakeMachine({
      clock: systemClock,
      limitable: options.limitable ?? false,
      ...(hardware && { hardware }),
    });
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-on-lan-'));
    const bmc = new Bmc({
      machine,
      ...(options.redfish && { media: mediaFromHere(join(folder, 'media')) }),
      identity,
      users: options.users ?? users,
      lan: { network: hostNetwork(address), ...(kg && { kg }) },
      restorePolicy: 'always-off',
      softOffTimeoutMs: 1000,
      store: options.store ?? memoryStore(),
      clock: systemClock,
      random: systemRandom(),
      log: silentLogger,
    });
    const { sol: settings, events, clock, log } = bmc;
    const console = options.console ?? bmc.console;
    const lan = new IpmiLan({
      bmc,
      // Before the BMC starts: it makes SEL records of what happens.
      state: new IpmiState(bmc, sendTrap && { sendTrap }),
      sol: new SolService({ console, settings, events, users: bmc.users, clock, log, replayBytes: 0 }),
      commands: ipmiCommands,
      address,
      port,
      ...(options.cipherSuites && { cipherSuites: options.cipherSuites }),
      ipmi15: options.ipmi15 ?? false,
    });
    await lan.start().catch((error: unknown) => {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    });
    const http = options.redfish
      ? await HttpService.start({ bmc, address, port: 0, ipmiPort: lan.address.port, compatibility: true })
      : undefined;
    await bmc.start({ powerReturned: true, powerOn });
    if (powerOn) await until('the machine is on', () => bmc.power.isOn);
    return new BmcOnLan(bmc, machine, lan, http, folder, options.freeipmiOptions);
  }

  async stop(): Promise<void> {
    await Promise.all([this.lan.stop(), this.http?.stop()]);
    await this.bmc.stop({ shutdownGraceMs: 0 });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A file name in a folder that is gone once this BMC has stopped. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** See {@link RealClients.ipmitool}. */
  ipmitool(...args: readonly string[]): Promise<Answer> {
    return this.#clients.ipmitool(...args);
  }

  /**
   * curl, as administrator unless `options` say otherwise, without a look at the certificate.
   * @param path below `/redfish/v1/`
   * @returns status and parsed body
   */
  async curl(path: string, ...options: readonly string[]): Promise<CurlAnswer> {
    const url = `https://127.0.0.1:${this.http?.address.port}/redfish/v1/${path}`;
    const login = options.includes('-H') ? [] : ['-u', 'admin:password'];
    const format = ['-w', '\\n%{http_code}'];
    const { code, output } = await this.#clients.run('curl', ['-sk', ...format, ...login, ...options, url]);
    const at = output.lastIndexOf('\n');
    const text = output.slice(0, at);
    if (code !== 0) throw new Error(`curl ${url}: ${code}: ${output}`);
    return {
      status: Number(output.slice(at + 1)),
      text,
      body: text.startsWith('{') ? JSON.parse(text) : undefined,
    };
  }

  /** Any client in their common surroundings. @param input for its standard input */
  client(program: string, args: readonly string[], input?: string): Promise<Answer> {
    return this.#clients.run(program, args, input);
  }

  /** See {@link RealClients.freeipmi}. */
  freeipmi(tool: string, ...args: readonly string[]): Promise<Answer> {
    return this.#clients.freeipmi(tool, ...args);
  }
}

/** Images from http servers of this very host, which the BMC would not call otherwise. */
function mediaFromHere(directory: string): NonNullable<BmcOptions['media']> {
  return {
    images: new FileImages({ directory, maxBytes: 16 * 1024 * 1024 }),
    fetcher: new HttpFetcher({ policy: new AddressPolicy({ allow: ['127.0.0.0/8'], deny: [] }) }),
  };
}
