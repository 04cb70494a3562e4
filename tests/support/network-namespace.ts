/**
 * Two network namespaces with a wire between them: a BMC in one, its clients in the other, and nothing of this machine's
 * own network in either. Needs root and iproute2.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { type Finished, run } from './processes.ts';

/** Programs run in it as they do on a host of their own. */
export class Namespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  static async make(name: string): Promise<Namespace> {
    const made = new Namespace(name);
    await succeed('ip', ['netns', 'add', name]);
    await made.ip('link', 'set', 'lo', 'up');
    return made;
  }

  /** iproute2's `ip` on this namespace. @throws {Error} with its words */
  ip(...args: readonly string[]): Promise<string> {
    return succeed('ip', ['-n', this.name, ...args]);
  }

  run(program: string, args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Finished> {
    return run('ip', ['netns', 'exec', this.name, program, ...args], options);
  }

  spawn(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.name, program, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** With its interfaces. Processes in it are the caller's business. */
  async remove(): Promise<void> {
    await run('ip', ['netns', 'delete', this.name]);
  }
}

export interface Wire {
  readonly bmc: Namespace;
  readonly client: Namespace;
  remove(): Promise<void>;
}

let count = 0;

/** The BMC's end is `eth0`, the clients' `wire0`; both are up, without addresses but the link-local ones. */
export async function makeWire(): Promise<Wire> {
  const id = `qbmc${process.pid}x${count++}`;
  const bmc = await Namespace.make(`${id}b`);
  const client = await Namespace.make(`${id}c`);
  await client.ip('link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', bmc.name);
  await client.ip('link', 'set', 'wire0', 'up');
  await bmc.ip('link', 'set', 'eth0', 'up');
  return {
    bmc,
    client,
    async remove() {
      await bmc.remove();
      await client.remove();
    },
  };
}

async function succeed(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function namespacesWork(): boolean {
  const name = `qbmc${process.pid}probe`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return false;
  return spawnSync('ip', ['netns', 'delete', name]).status === 0;
}

export const hasNamespaces = namespacesWork();
/** For the title of a test that is skipped without them. */
export const withoutNamespaces = hasNamespaces ? '' : ' (skipped: network namespaces need root and iproute2)';
