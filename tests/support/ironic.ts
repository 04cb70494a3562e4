/**
 * OpenStack Ironic as Debian packages it, alone: API and conductor in one process of our own, SQLite, no login, no message
 * queue, everything in a directory of its own. Commands go to it by its own client, `baremetal`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freeTcpPort, run, until } from './processes.ts';

const programs = ['/usr/bin/ironic', '/usr/bin/ironic-dbsync', '/usr/bin/baremetal', '/usr/bin/socat'];
export const hasIronic = programs.every((path) => existsSync(path));

/** Certificates that this host trusts are no business of a conductor that is told which one to trust. */
const {
  REQUESTS_CA_BUNDLE: _,
  CURL_CA_BUNDLE: __,
  SSL_CERT_FILE: ___,
  SSL_CERT_DIR: ____,
  ...env
} = process.env;

/**
 * Debian's 21.4.4-0+deb12u2 (its patch for OSSA-2026-008) puts the whole command in quotes within quotes, which its
 * socat 1.7.4 takes for the name of one program, whatever BMC there is: `EXEC:"'ipmitool … sol activate'",pty,stderr`.
 * This takes the inner ones off and leaves the rest to the real one.
 */
const socatAsMeant = `#!/usr/bin/python3
import os, re, sys
meant = [re.sub(r'''^EXEC:"'([^'"]*)'"''', r'EXEC:"\\1"', each) for each in sys.argv[1:]]
os.execv('/usr/bin/socat', ['socat'] + meant)
`;

export class Ironic {
  readonly #folder: string;
  readonly #endpoint: string;
  #child: ChildProcess | undefined;
  #output = '';

  /** @param folder empty; of the caller, who removes it */
  static async start(folder: string): Promise<Ironic> {
    const [apiPort, rpcPort] = [await freeTcpPort(), await freeTcpPort()];
    const ironic = new Ironic(folder, `http://127.0.0.1:${apiPort}`);
    try {
      await ironic.#start(apiPort, rpcPort);
    } catch (error) {
      await ironic.stop();
      throw new Error(`Ironic said: ${ironic.#output.slice(-4000)}`, { cause: error });
    }
    return ironic;
  }

  private constructor(folder: string, endpoint: string) {
    this.#folder = folder;
    this.#endpoint = endpoint;
  }

  async #start(apiPort: number, rpcPort: number): Promise<void> {
    const file = join(this.#folder, 'ironic.conf');
    for (const name of ['tftp', 'http', 'images', 'master', 'console', 'state']) {
      mkdirSync(join(this.#folder, name), { recursive: true });
    }
    writeFileSync(file, configuration(this.#folder, apiPort, rpcPort));
    const bin = join(this.#folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'socat'), socatAsMeant, { mode: 0o755 });
    const made = await run('/usr/bin/ironic-dbsync', ['--config-file', file, 'create_schema'], {
      env,
      timeoutMs: 60_000,
    });
    this.#output = made.stderr;
    if (made.code !== 0) throw new Error('its database cannot be made');
    const child = spawn('/usr/bin/ironic', ['--config-file', file], {
      env: { ...env, PATH: `${bin}:${env.PATH}` },
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    await until(
      'both drivers are there',
      async () => {
        if (child.exitCode !== null) throw new Error('it ended');
        const answer = await fetch(`${this.#endpoint}/v1/drivers`).catch(() => undefined);
        const body = (await answer?.json()) as { drivers: { name: string }[] } | undefined;
        return (
          body?.drivers
            .map(({ name }) => name)
            .sort()
            .join() === 'ipmi,redfish'
        );
      },
      90_000,
      300,
    );
  }

  /** What it has logged at the level ERROR. */
  get errors(): string[] {
    return this.#output.split('\n').filter((line) => / ERROR ironic/.test(line));
  }

  /** @throws {Error} unless the client says yes; @returns what it printed */
  async baremetal(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tryBaremetal(...args);
    if (code !== 0) throw new Error(`baremetal ${args.join(' ')}: ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  tryBaremetal(...args: readonly string[]) {
    return run('/usr/bin/baremetal', args, {
      env: { ...env, OS_AUTH_TYPE: 'none', OS_ENDPOINT: this.#endpoint },
      timeoutMs: 120_000,
    });
  }

  /** What its API tells; quicker than its client. @param path behind `/v1/` */
  // biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
  async get(path: string): Promise<any> {
    const headers = { 'x-openstack-ironic-api-version': '1.80' };
    const answer = await fetch(`${this.#endpoint}/v1/${path}`, { headers });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  // biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
  async json(...args: readonly string[]): Promise<any> {
    return JSON.parse(await this.baremetal(...args, '-f', 'json'));
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(late);
  }

  /** Where a console's socat leaves its process number; none when no console is open. */
  consolePids(uuid: string): number[] {
    const file = join(this.#folder, 'console', `${uuid}.pid`);
    return existsSync(file) ? [Number(readFileSync(file, 'utf8'))] : [];
  }
}

function configuration(folder: string, apiPort: number, rpcPort: number): string {
  const sections = {
    DEFAULT: {
      auth_strategy: 'noauth',
      host: 'peer',
      my_ip: '127.0.0.1',
      rpc_transport: 'json-rpc',
      state_path: join(folder, 'state'),
      enabled_hardware_types: 'ipmi,redfish',
      enabled_boot_interfaces: 'pxe,redfish-virtual-media',
      enabled_bios_interfaces: 'no-bios,redfish',
      enabled_console_interfaces: 'ipmitool-socat,no-console',
      enabled_deploy_interfaces: 'direct,ramdisk',
      enabled_inspect_interfaces: 'no-inspect,redfish',
      enabled_management_interfaces: 'ipmitool,redfish,noop',
      enabled_network_interfaces: 'noop',
      enabled_power_interfaces: 'ipmitool,redfish',
      enabled_raid_interfaces: 'no-raid',
      enabled_vendor_interfaces: 'ipmitool,redfish,no-vendor',
      use_stderr: 'true',
      minimum_memory_warning_only: 'true',
    },
    api: { host_ip: '127.0.0.1', port: apiPort, api_workers: 1 },
    json_rpc: { auth_strategy: 'noauth', host_ip: '127.0.0.1', port: rpcPort },
    database: { connection: `sqlite:///${join(folder, 'ironic.sqlite')}` },
    conductor: {
      automated_clean: 'false',
      power_state_change_timeout: 60,
      // Power is looked at often, so that what was changed elsewhere is soon known, and taken for what it is.
      sync_power_state_interval: 5,
      force_power_state_during_sync: 'false',
      // Two of its nodes are one server here: each sees power change that it has not asked for, and gives up at this many.
      power_state_sync_max_retries: 1000,
    },
    ipmi: { min_command_interval: 1, command_retry_timeout: 10, use_ipmitool_retries: 'false' },
    redfish: { use_swift: 'false', connection_attempts: 2 },
    console: { terminal_pid_dir: join(folder, 'console'), socat_address: '127.0.0.1' },
    pxe: {
      tftp_root: join(folder, 'tftp'),
      tftp_master_path: join(folder, 'master/tftp'),
      instance_master_path: join(folder, 'master/instances'),
      images_path: join(folder, 'images'),
    },
    // Images go to the BMC by their own address, not by a copy of Ironic's.
    deploy: { http_root: join(folder, 'http'), ramdisk_image_download_source: 'http' },
    dhcp: { dhcp_provider: 'none' },
    oslo_concurrency: { lock_path: join(folder, 'lock') },
  };
  return Object.entries(sections)
    .map(([name, options]) => {
      const lines = Object.entries(options).map(([key, value]) => `${key} = ${value}`);
      return [`[${name}]`, ...lines].join('\n');
    })
    .join('\n');
}
