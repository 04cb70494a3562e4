/** ipmitool and FreeIPMI's tools, as an administrator calls them, against one IPMI LAN channel. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './processes.ts';

export interface Answer {
  /** Null when it was killed for taking too long. */
  readonly code: number | null;
  /** Standard output, then standard error. */
  readonly output: string;
  readonly ms: number;
}

export interface RealClientsOptions {
  readonly address: string;
  readonly port: number;
  /** Their HOME: FreeIPMI keeps what it has read of sensor records there. */
  readonly home: string;
  /** What FreeIPMI's tools get besides name and password. */
  readonly freeipmiOptions?: readonly string[];
}

/** Longest that any client may take before it counts as hung. */
const timeoutMs = 30_000;

/** They log in as user `admin` with the password `password`. */
export class RealClients {
  readonly #options: RealClientsOptions;

  constructor(options: RealClientsOptions) {
    this.#options = options;
  }

  /** Over IPMI 2.0. Options among `args` win over ours: `-I lan` takes IPMI 1.5, `-U` another user. */
  ipmitool(...args: readonly string[]): Promise<Answer> {
    const { address, port } = this.#options;
    const login = ['-I', 'lanplus', '-H', address, '-p', `${port}`, '-U', 'admin', '-P', 'password'];
    return this.run('ipmitool', [...login, ...args]);
  }

  /** Over IPMI 2.0, as administrator, unless made otherwise. Options among `args` win over ours here too. */
  freeipmi(tool: string, ...args: readonly string[]): Promise<Answer> {
    const { address, port, freeipmiOptions = ['-D', 'LAN_2_0', '-l', 'ADMIN'] } = this.#options;
    const host = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    const login = ['-h', host, '-u', 'admin', '-p', 'password'];
    return this.run(tool, [...freeipmiOptions, ...login, ...args]);
  }

  /**
   * Any program in the clients' surroundings: HOME, PATH, no language but the one that tests read, and no certificate
   * authorities of the host's own, which Python's clients would put before what they are told.
   */
  async run(program: string, args: readonly string[], input = ''): Promise<Answer> {
    const { REQUESTS_CA_BUNDLE: _, CURL_CA_BUNDLE: __, ...outer } = process.env;
    const env = { ...outer, HOME: this.#options.home, LC_ALL: 'C', PATH: clientPath };
    const { code, stdout, stderr, ms } = await run(program, args, { env, timeoutMs, input });
    return { code, output: stdout + stderr, ms };
  }
}

/** FreeIPMI's tools stand where only root looks by itself. */
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
