/**
 * Network namespaces and wires between them, made as containerlab makes them: veth pairs in the host's namespace, MTU
 * 9,500, checksum offload off, random MAC addresses, moved and renamed, then switched on. All of one lab's names begin
 * with its prefix, and `cleanUp` leaves nothing.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { run } from './processes.ts';

const python = '/usr/bin/python3';

/** For the title of tests that need namespaces; empty where they can be had. */
export const withoutNamespaces = reasonAgainst();
export const canMakeNamespaces = withoutNamespaces === '';

function reasonAgainst(): string {
  const because = (reason: string) => ` (skipped: ${reason})`;
  if (process.getuid?.() !== 0) return because('network namespaces need root');
  for (const [program, name] of [
    ['ip', 'iproute2'],
    ['tc', 'iproute2'],
    ['ethtool', 'ethtool'],
    ['dnsmasq', 'dnsmasq-base'],
  ] as const) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return because(`no ${name} installed`);
  }
  if (!existsSync(python)) return because('no python3 installed');
  if (!existsSync('/dev/net/tun')) return because('no /dev/net/tun');
  const name = `qbprobe${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.status !== 0) return because(`no network namespaces: ${made.stderr.trim()}`);
  spawnSync('ip', ['netns', 'delete', name]);
  return '';
}

let labs = 0;

export interface FrameToSend {
  /** The interface's name. */
  readonly from: string;
  /** In hexadecimal digits, from the destination address on. */
  readonly frame: string;
  readonly times: number;
}

export class NetLab {
  readonly #prefix = `q${process.pid.toString(36)}${labs++}`;
  readonly #spaces: string[] = [];
  readonly #children = new Set<ChildProcess>();
  #pairs = 0;

  /** @returns the words that run a program there */
  async space(name: string): Promise<readonly string[]> {
    const space = this.#space(name);
    await must('ip', ['netns', 'add', space]);
    this.#spaces.push(space);
    await must('ip', ['-n', space, 'link', 'set', 'lo', 'up']);
    // containerlab has IPv6 on for all its containers.
    await this.in(name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=0');
    return this.words(name);
  }

  words(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#space(name)];
  }

  /** `space.interface` at each end. The ends are switched on in the order given, one after the other. */
  async wire(one: string, other: string): Promise<void> {
    const ends = [one, other].map((end) => end.split('.') as [space: string, name: string]);
    const pair = `${this.#prefix}${this.#pairs++}`;
    const made = [`${pair}a`, `${pair}b`] as const;
    await must('ip', ['link', 'add', made[0], 'type', 'veth', 'peer', 'name', made[1]]);
    for (const [index, [space, name]] of ends.entries()) {
      const end = made[index] ?? '';
      await must('ip', ['link', 'set', end, 'mtu', '9500']);
      await must('ethtool', ['-K', end, 'tx', 'off']);
      await must('ip', ['link', 'set', end, 'netns', this.#space(space)]);
      await must('ip', ['-n', this.#space(space), 'link', 'set', end, 'name', name]);
    }
    for (const [space, name] of ends) await this.in(space, 'ip', 'link', 'set', name, 'up');
  }

  /** Takes both ends away, as when the other container is removed. */
  async cut(end: string): Promise<void> {
    const [space = '', name = ''] = end.split('.');
    await this.in(space, 'ip', 'link', 'delete', name);
  }

  /** Runs a program in a namespace. @returns its output @throws {Error} unless it ends with 0 */
  async in(space: string, program: string, ...args: readonly string[]): Promise<string> {
    return must('ip', ['netns', 'exec', this.#space(space), program, ...args]);
  }

  /** Starts a program there that runs until `cleanUp`. */
  start(space: string, program: string, ...args: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#space(space), program, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Sends frames, each some times, one after the other. */
  async send(space: string, frames: readonly FrameToSend[]): Promise<void> {
    const words = frames.flatMap(({ from, frame, times }) => [from, frame, String(times)]);
    await this.in(space, python, '-c', sender, ...words);
  }

  /**
   * Listens on an interface.
   * @returns a function that ends it and tells how many frames came in to each destination, in lower case
   */
  async listen(end: string): Promise<() => Promise<Readonly<Record<string, number>>>> {
    const [space = '', name = ''] = end.split('.');
    const child = this.start(space, python, '-c', listener, name);
    let output = '';
    const listening = new Promise<void>((resolve, reject) => {
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.startsWith('listening\n')) resolve();
      });
      child.once('exit', () => reject(new Error(`listener on ${end} ended: ${output}`)));
    });
    await listening;
    return () =>
      new Promise((resolve) => {
        child.once('close', () =>
          resolve(JSON.parse(output.split('\n')[1] ?? '') as Readonly<Record<string, number>>),
        );
        child.stdin?.end();
      });
  }

  async cleanUp(): Promise<void> {
    const children = [...this.#children];
    await Promise.all(
      children.map(
        (child) =>
          new Promise((resolve) => {
            child.once('close', resolve);
            child.kill('SIGKILL');
          }),
      ),
    );
    for (const space of this.#spaces) await must('ip', ['netns', 'delete', space]);
  }

  #space(name: string): string {
    return `${this.#prefix}-${name}`;
  }
}

async function must(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${code}: ${stderr}${stdout}`);
  return stdout;
}

const sender = `
import socket, sys
for name, frame, times in zip(*[iter(sys.argv[1:])] * 3):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((name, 0))
    for _ in range(int(times)): s.send(bytes.fromhex(frame))
`;

const listener = `
import json, select, socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 3))
print('listening', flush=True)
seen = {}
while True:
    ready, _, _ = select.select([s, sys.stdin], [], [])
    if s in ready:
        data, address = s.recvfrom(65535)
        if address[2] != 4:
            to = data[:6].hex(':')
            seen[to] = seen.get(to, 0) + 1
    elif sys.stdin in ready:
        break
print(json.dumps(seen), flush=True)
`;
