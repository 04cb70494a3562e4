/** The whole appliance with a machine in memory, in this process, and the real clients that talk to it. */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Appliance, runAppliance } from '../../src/appliance.ts';
import { loadConfig } from '../../src/config/load.ts';
import { packageRoot } from '../../src/config/package-paths.ts';
import { preparePrivateDirectory } from '../../src/config/run-files.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { freeUdpPort, run } from './processes.ts';

export interface Answer {
  /** Null when it was killed for taking too long. */
  readonly code: number | null;
  /** Standard output, then standard error. */
  readonly output: string;
  readonly ms: number;
}

/** Longest that any client may take before it counts as hung. */
const timeoutMs = 30_000;

export class IpmiServer {
  readonly #appliance: Appliance;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly port: number;

  private constructor(appliance: Appliance, folder: string, port: number) {
    this.#appliance = appliance;
    this.#folder = folder;
    this.port = port;
    // FreeIPMI keeps what it has read of sensor records in HOME.
    this.#env = { ...process.env, HOME: folder, LC_ALL: 'C', PATH: clientPath };
  }

  /** The machine is on when it resolves, user `admin` has the password `password`. */
  static async start(
    env: Readonly<Record<string, string>> = {},
    port: number | undefined = undefined,
  ): Promise<IpmiServer> {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-clients-'));
    const chosen = port ?? (await freeUdpPort());
    const { config } = loadConfig({
      file: join(packageRoot, 'configs/dev.yaml'),
      env: {
        BMC_ADDR: '127.0.0.1',
        IPMI_PORT: String(chosen),
        STATE_DIR: join(folder, 'state'),
        RUN_DIR: join(folder, 'run'),
        ...env,
      },
    });
    preparePrivateDirectory(config.bmc.stateDir);
    preparePrivateDirectory(config.bmc.runDir);
    const appliance = await runAppliance(config, { powerReturned: true, log: silentLogger });
    return new IpmiServer(appliance, folder, chosen);
  }

  async stop(): Promise<void> {
    await this.#appliance.stop({ shutdownGraceMs: 0 });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A file name in the server's own folder. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  async run(program: string, args: readonly string[], input = ''): Promise<Answer> {
    const { code, stdout, stderr, ms } = await run(program, args, { env: this.#env, timeoutMs, input });
    return { code, output: stdout + stderr, ms };
  }

  /** @param face `lan` for IPMI 1.5, `lanplus` for 2.0 */
  ipmitool(face: string, ...args: readonly string[]): Promise<Answer> {
    const login = ['-I', face, '-H', '127.0.0.1', '-p', `${this.port}`, '-U', 'admin', '-P', 'password'];
    return this.run('ipmitool', [...login, ...args]);
  }

  /** @param driver `LAN` for IPMI 1.5, `LAN_2_0` for 2.0 */
  freeipmi(driver: string, program: string, ...args: readonly string[]): Promise<Answer> {
    const login = ['-D', driver, '-h', `127.0.0.1:${this.port}`, '-u', 'admin', '-p', 'password'];
    return this.run(program, [...login, '-l', 'ADMIN', ...args]);
  }
}

const clientPath = [process.env.PATH ?? '', '/usr/sbin', '/sbin'].join(delimiter);

/** Whether a program is there to be run. */
export function installed(program: string): boolean {
  return clientPath.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
