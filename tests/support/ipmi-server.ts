/** The whole appliance with a machine in memory, in this process, and the real clients that talk to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Appliance, runAppliance } from '../../src/appliance.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { packageRoot } from '../../src/config/package-paths.ts';
import { preparePrivateDirectory } from '../../src/config/run-files.ts';
import { type Logger, silentLogger } from '../../src/lib/log.ts';
import { freeUdpPort } from './processes.ts';
import { type Answer, RealClients } from './real-clients.ts';

export class IpmiServer {
  readonly appliance: Appliance;
  readonly loaded: LoadedConfig;
  readonly #folder: string;
  readonly #clients: RealClients;
  readonly port: number;

  private constructor(appliance: Appliance, folder: string, port: number, loaded: LoadedConfig) {
    this.appliance = appliance;
    this.loaded = loaded;
    this.#folder = folder;
    this.port = port;
    this.#clients = new RealClients({ address: '127.0.0.1', port, home: folder, freeipmiOptions: [] });
  }

  /** The machine is on when it resolves, user `admin` has the password `password`. */
  static async start(
    env: Readonly<Record<string, string>> = {},
    port: number | undefined = undefined,
    log: Logger = silentLogger,
  ): Promise<IpmiServer> {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-clients-'));
    const chosen = port ?? (await freeUdpPort());
    const loaded = loadConfig({
      file: join(packageRoot, 'configs/dev.yaml'),
      env: {
        BMC_ADDR: '127.0.0.1',
        IPMI_PORT: String(chosen),
        REDFISH_PORT: '0',
        STATE_DIR: join(folder, 'state'),
        RUN_DIR: join(folder, 'run'),
        ...env,
      },
    });
    const { config } = loaded;
    preparePrivateDirectory(config.bmc.stateDir);
    preparePrivateDirectory(config.bmc.runDir);
    const appliance = await runAppliance(config, { powerReturned: true, log });
    return new IpmiServer(appliance, folder, chosen, loaded);
  }

  async stop(): Promise<void> {
    await this.appliance.stop({ shutdownGraceMs: 0 });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A file name in the server's own folder. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Any program in the clients' surroundings. */
  run(program: string, args: readonly string[], input = ''): Promise<Answer> {
    return this.#clients.run(program, args, input);
  }

  /** @param face `lan` for IPMI 1.5, `lanplus` for 2.0 */
  ipmitool(face: string, ...args: readonly string[]): Promise<Answer> {
    return this.#clients.ipmitool('-I', face, ...args);
  }

  /** @param driver `LAN` for IPMI 1.5, `LAN_2_0` for 2.0 */
  freeipmi(driver: string, program: string, ...args: readonly string[]): Promise<Answer> {
    return this.#clients.freeipmi(program, '-D', driver, '-l', 'ADMIN', ...args);
  }
}
