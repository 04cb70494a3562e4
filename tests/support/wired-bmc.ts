/** The appliance with a machine in memory in a network namespace of its own, and its clients across a wire. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeWire, type Wire } from './network-namespace.ts';
import { type Finished, until } from './processes.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const clientPath = [process.env.PATH ?? '', '/usr/sbin', '/sbin'].join(':');

export class WiredBmc {
  readonly wire: Wire;
  readonly folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-wired-'));
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #output = '';
  #ended = false;

  /** @param addresses as `ip address add` takes them, for the BMC's `eth0` and the clients' `wire0` */
  static async make(
    addresses: { readonly bmc: readonly string[]; readonly client: readonly string[] },
    env: NodeJS.ProcessEnv,
  ): Promise<WiredBmc> {
    const wire = await makeWire();
    const noDuplicates = (address: string) => (address.includes(':') ? ['nodad'] : []);
    for (const one of addresses.bmc) {
      await wire.bmc.ip('address', 'add', one, 'dev', 'eth0', ...noDuplicates(one));
    }
    for (const one of addresses.client) {
      await wire.client.ip('address', 'add', one, 'dev', 'wire0', ...noDuplicates(one));
    }
    return new WiredBmc(wire, env);
  }

  private constructor(wire: Wire, env: NodeJS.ProcessEnv) {
    this.wire = wire;
    this.#env = {
      PATH: process.env.PATH,
      HOME: this.folder,
      LC_ALL: 'C',
      IPMI_PORT: '623',
      STATE_DIR: join(this.folder, 'state'),
      RUN_DIR: join(this.folder, 'run'),
      ...env,
    };
  }

  /** What it has printed. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when it says that it is ready. @throws {Error} with its words when it ends instead */
  async start(env: NodeJS.ProcessEnv = {}): Promise<void> {
    this.#output = '';
    this.#ended = false;
    const child = this.wire.bmc.spawn(process.execPath, [main, 'run', '--fake'], { ...this.#env, ...env });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    child.once('exit', () => {
      this.#ended = true;
    });
    await until('the BMC is ready', () => this.#ended || this.#output.includes('qemu-bmc is ready'), 30_000);
    if (this.#ended) throw new Error(`it ended: ${this.#output}`);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.#child || this.#ended) return;
    this.#child.kill(signal);
    await until('the BMC has ended', () => this.#ended, 30_000);
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await this.wire.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A program among the clients. */
  run(program: string, args: readonly string[], input = ''): Promise<Finished> {
    const env = { ...process.env, PATH: clientPath, HOME: this.folder, LC_ALL: 'C' };
    return this.wire.client.run(program, args, { env, input, timeoutMs: 60_000 });
  }

  ipmitool(host: string, ...args: readonly string[]): Promise<Finished> {
    return this.run('ipmitool', [
      ...['-I', 'lanplus', '-N', '1', '-R', '3', '-H', host, '-U', 'admin', '-P', 'password'],
      ...args,
    ]);
  }

  /** @throws {Error} unless ipmitool says yes; @returns what it printed */
  async ipmi(host: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ipmitool(host, ...args);
    if (code !== 0) throw new Error(`ipmitool ${args.join(' ')}: ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  freeipmi(host: string, tool: string, ...args: readonly string[]): Promise<Finished> {
    // By default it is in the home that /etc/passwd tells, whatever HOME says, and knows BMCs by their addresses alone.
    const cache = ['ipmi-sensors', 'ipmi-fru'].includes(tool) ? ['--sdr-cache-directory', this.folder] : [];
    return this.run(tool, [
      ...cache,
      ...['-D', 'LAN_2_0', '-l', 'ADMIN', '-h', host, '-u', 'admin', '-p', 'password'],
      ...args,
    ]);
  }

  /** Where `eth0` has addresses, in order, with their prefixes. @param family `-4` or `-6`, without link-local ones */
  async addresses(family: '-4' | '-6', device = 'eth0'): Promise<string[]> {
    const told = await this.wire.bmc.ip(family, '-o', 'address', 'show', 'dev', device, 'scope', 'global');
    return [...told.matchAll(/inet6? (\S+)/g)].map(([, address = '']) => address);
  }

  /** What the event log says of the LAN's settings. */
  lanEvents(): string[] {
    const text = readFileSync(join(this.folder, 'state/events.jsonl'), 'utf8');
    return [...text.matchAll(/"text":"(LAN: [^"]*)"/g)].map(([, found = '']) => found);
  }
}

/**
 * Sends a presence ping from the clients' side.
 * @param from the client's address, to choose the family and the interface
 * @returns the address that the pong came from; empty for none
 */
export async function pongFrom(bmc: WiredBmc, from: string, to: string): Promise<string> {
  const script = `
    const [from, to] = process.argv.slice(1);
    const socket = require('node:dgram').createSocket(from.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (_, { address }) => { console.log(address); process.exit(); });
    socket.bind(0, from, () => {
      if (!from.includes(':')) socket.setBroadcast(true);
      socket.send(Buffer.from('0600ff06000011be80010000', 'hex'), 623, to);
    });
    setTimeout(() => process.exit(), 1500);`;
  const { stdout, stderr } = await bmc.run(process.execPath, ['-e', script, from, to]);
  if (stderr !== '') throw new Error(stderr);
  return stdout.trim();
}
