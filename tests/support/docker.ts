/**
 * Containers of this project's own image, as users run them. The image is made once per run by
 * `container-image.ts`; each test file that wants it begins with
 *
 *     const { image, skipped } = containerImage();
 *     describe.skipIf(image === undefined)(`the container${skipped}`, () => { … });
 *
 * All that is made here carries the label of {@link ownLabel} and a name of prefix and process number, so that it can be
 * told from others' and is removed even after a failure.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { inject } from 'vitest';
import { type Finished, run, until } from './processes.ts';
import { Terminal } from './terminal.ts';

export type ContainerImage =
  | { readonly image: string; readonly reason?: undefined }
  | { readonly image?: undefined; readonly reason: string };

declare module 'vitest' {
  interface ProvidedContext {
    containerImage: ContainerImage;
    /** Of everything that the run makes: `qemu-bmc-test=PID`. */
    containerLabel: string;
  }
}

/** The image to test, or the end of a title that says why there is none. */
export function containerImage(): { readonly image: string | undefined; readonly skipped: string } {
  const { image, reason } = inject('containerImage');
  return { image, skipped: image === undefined ? ` (skipped: ${reason})` : '' };
}

/** Label of everything that the run's tests make. */
export function ownLabel(): string {
  return inject('containerLabel');
}

let made = 0;

/** What all names of this process begin with; each test file has a process of its own. */
export const ownPrefix = `qbt-${process.pid}-`;

/** @returns a name for a container, network or volume of this process, different each time */
export function ownName(kind: string): string {
  return `${ownPrefix}${kind}-${++made}`;
}

/** @throws {Error} with docker's own words unless it ends with code 0 */
export async function docker(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('docker', args, { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** What {@link BmcContainer.start} runs `docker run` with. */
export interface ContainerOptions {
  readonly image: string;
  /** Words before the image: grants, volumes, ports, networks. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Waits until IPMI answers, unless false. */
  readonly answering?: boolean;
}

/** One container with a BMC in it. */
export class BmcContainer {
  readonly name: string;

  /** @throws {Error} with the container's log when it does not come to answer within a minute */
  static async start(options: ContainerOptions): Promise<BmcContainer> {
    const container = new BmcContainer(ownName('bmc'));
    try {
      const env = Object.entries(options.env ?? {}).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
      const own = ['--name', container.name, '--hostname', 'server', '--label', ownLabel()];
      await docker('run', '-d', ...own, ...env, ...(options.args ?? []), options.image);
      if (options.answering !== false) await container.answers();
      return container;
    } catch (error) {
      const log = await container.logs().catch(() => 'no log');
      await container.remove();
      throw new Error(`the container said: ${log}`, { cause: error });
    }
  }

  private constructor(name: string) {
    this.name = name;
  }

  /** Waits until ipmitool gets an answer by the container's own address. */
  async answers(timeoutMs = 60_000): Promise<void> {
    const state = await until(
      `${this.name} answers IPMI`,
      async () => {
        if (!(await this.isRunning())) return 'ended';
        return (await this.ipmitool('-N', '1', '-R', '1', 'mc', 'info')).code === 0 && 'answers';
      },
      timeoutMs,
      200,
    );
    if (state === 'ended') throw new Error(`${this.name} has ended`);
  }

  /** @param format a Go template, such as `{{.State.Pid}}` */
  async inspect(format: string): Promise<string> {
    return (await docker('inspect', '--format', format, this.name)).trim();
  }

  async isRunning(): Promise<boolean> {
    return (await this.inspect('{{.State.Running}}')) === 'true';
  }

  /** The address on its first network, as this machine reaches it. */
  async address(): Promise<string> {
    const all = await this.inspect('{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}');
    const [first] = all.split(' ');
    if (!first) throw new Error(`${this.name} has no address: ${all}`);
    return first;
  }

  async ipmitoolArgs(...args: readonly string[]): Promise<string[]> {
    const login = ['-U', 'admin', '-P', 'password'];
    return ['-I', 'lanplus', '-H', await this.address(), ...login, ...args];
  }

  /** Options among `args` win over ours: `-P` another password. */
  async ipmitool(...args: readonly string[]): Promise<Finished> {
    return run('ipmitool', await this.ipmitoolArgs(...args));
  }

  /** @throws {Error} unless ipmitool says yes; @returns what it printed */
  async ipmi(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ipmitool(...args);
    if (code !== 0) throw new Error(`ipmitool ${args.join(' ')}: ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  async isOn(): Promise<boolean> {
    return (await this.ipmi('power', 'status')).trim() === 'Chassis Power is on';
  }

  /** ipmitool's `sol activate` in a terminal of its own. */
  async sol(): Promise<Terminal> {
    return new Terminal('ipmitool', await this.ipmitoolArgs('sol', 'activate'));
  }

  /** `docker exec`, as users type it. */
  exec(...command: readonly string[]): Promise<Finished> {
    return run('docker', ['exec', this.name, ...command]);
  }

  /** `docker exec … qemu-bmc status`, as a table. */
  async status(): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await this.exec('qemu-bmc', 'status');
    return new Map(
      stdout.split('\n').flatMap((line): [string, string][] => {
        const [, key, value] = /^(.{13}) (.*)$/.exec(line) ?? [];
        return key === undefined || value === undefined ? [] : [[key.trim(), value]];
      }),
    );
  }

  /** The event log, as `qemu-bmc events` prints it. */
  async events(): Promise<string> {
    return (await this.exec('qemu-bmc', 'events')).stdout;
  }

  /** What the guest has said on its serial port since the container's start. */
  async serialLog(): Promise<string> {
    return (await this.exec('cat', '/run/qemu-bmc/serial.log')).stdout;
  }

  /** Waits until the demo guest shows its login prompt for the `count`th time. */
  async booted(count = 1, timeoutMs = 180_000): Promise<void> {
    await until(
      `${this.name} is booted for the ${count}. time`,
      async () => (await this.serialLog()).split('] Linux version ').filter(isBooted).length >= count,
      timeoutMs,
      500,
    );
  }

  async logs(): Promise<string> {
    const { stdout, stderr } = await run('docker', ['logs', this.name]);
    return stdout + stderr;
  }

  /** Its processes, as this machine sees them. */
  async processes(): Promise<ContainerProcess[]> {
    const text = await docker('top', this.name, '-eo', 'pid,ppid,uid,comm');
    return text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [pid, parent, uid, name = ''] = line.trim().split(/\s+/);
        return { pid: Number(pid), parent: Number(parent), uid: Number(uid), name };
      });
  }

  /** The machine’s QEMU, as this machine sees it: pm2’s child, or an orphan. One that the BMC asks or tries out is the BMC’s. */
  async qemu(): Promise<ContainerProcess> {
    const [processes, state] = await Promise.all([this.processes(), this.inspect('{{.State.Pid}}')]);
    const init = Number(state);
    const children = processes.filter(({ parent }) => parent === init).map(({ pid }) => pid);
    const found = processes.find(
      ({ name, parent }) => name.startsWith('qemu-system') && [init, ...children].includes(parent),
    );
    if (!found) throw new Error(`${this.name}: no QEMU runs`);
    return found;
  }

  /** `docker stop` with docker's own grace of 10 s. @returns how long it took, in milliseconds, and the exit code */
  async stop(): Promise<{ readonly ms: number; readonly exitCode: number }> {
    const started = performance.now();
    await docker('stop', this.name);
    return { ms: performance.now() - started, exitCode: Number(await this.inspect('{{.State.ExitCode}}')) };
  }

  async restart(): Promise<void> {
    await docker('restart', this.name);
  }

  /** Removes it with its anonymous volumes, whatever it is doing. */
  async remove(): Promise<void> {
    await run('docker', ['rm', '-fv', this.name]);
  }
}

export interface ContainerProcess {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly name: string;
}

function isBooted(boot: string): boolean {
  return boot.includes('demo login: ');
}

/** The fields of /proc/PID/status. */
export function procStatus(pid: number): ReadonlyMap<string, string> {
  return new Map(
    readFileSync(`/proc/${pid}/status`, 'latin1')
      .split('\n')
      .flatMap((line): [string, string][] => {
        const [, key, value] = /^(\w+):\s*(.*)$/.exec(line) ?? [];
        return key === undefined || value === undefined ? [] : [[key, value]];
      }),
  );
}

/** The number behind which macvtap's device nodes stand on this machine; undefined where there is no macvtap. */
export function macvtapMajor(): string | undefined {
  return /^\s*(\d+) macvtap$/m.exec(readFileSync('/proc/devices', 'latin1'))?.[1];
}

/** The grants that the manual calls minimal. */
export function minimalGrants(): string[] {
  const major = macvtapMajor();
  return [
    ...['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN', '--cap-add', 'MKNOD'],
    ...(statSync('/dev/net/tun', { throwIfNoEntry: false }) ? ['--device', '/dev/net/tun'] : []),
    ...(major === undefined ? [] : ['--device-cgroup-rule', `c ${major}:* rwm`]),
  ];
}

/** Removes what tests of one run have made and left. */
export function removeOwn(label: string): void {
  const filter = ['--filter', `label=${label}`];
  const list = (...args: string[]) =>
    execFileSync('docker', [...args, ...filter, '-q'], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
  for (const id of list('ps', '-a')) execFileSync('docker', ['rm', '-fv', id], { stdio: 'ignore' });
  for (const id of list('network', 'ls')) execFileSync('docker', ['network', 'rm', id], { stdio: 'ignore' });
  for (const id of list('volume', 'ls')) execFileSync('docker', ['volume', 'rm', id], { stdio: 'ignore' });
}
