/** Whatever a container with a machine in it has made on its host is gone with it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { processStat } from '../../src/lib/process-stat.ts';
import { BmcContainer, containerImage, docker, minimalGrants, ownPrefix } from '../support/docker.ts';
import { until } from '../support/processes.ts';

const { image = '', skipped } = containerImage();

/** What one container has on this machine, each by a name that nothing else bears. */
interface Footprint {
  readonly container: string;
  readonly processes: readonly string[];
  readonly namespaces: readonly string[];
  readonly links: readonly string[];
  readonly mounts: readonly string[];
  readonly volumes: readonly string[];
}

async function footprint(server: BmcContainer): Promise<Footprint> {
  const id = await server.inspect('{{.Id}}');
  // Some live but for a moment, such as `docker exec`’s and the health check’s.
  const processes = (await server.processes()).flatMap(({ pid }) => {
    const startTime = processStat(pid)?.startTime;
    const namespace = namespaceOf(pid);
    return startTime === undefined || namespace === undefined ? [] : [{ pid, startTime, namespace }];
  });
  const outer = (await server.exec('cat', '/sys/class/net/eth0/iflink')).stdout.trim();
  const volumes = await server.inspect('{{range .Mounts}}{{.Name}} {{end}}');
  const layers = await server.inspect('{{.GraphDriver.Data.MergedDir}}');
  return {
    container: id,
    processes: processes.map(({ pid, startTime }) => `${pid} ${startTime}`),
    namespaces: [...new Set(processes.map(({ namespace }) => namespace))],
    links: links().filter((link) => link.startsWith(`${outer}: `)),
    mounts: mounts().filter((mount) => mount.includes(layers) || mount.includes(id)),
    volumes: volumes.trim().split(' '),
  };
}

function links(): string[] {
  return execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).trim().split('\n');
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ').slice(3, 5).join(' '));
}

function namespaces(): Set<string> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return new Set(pids.flatMap((pid) => namespaceOf(Number(pid)) ?? []));
}

/** @returns undefined when the process has ended */
function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** What of it is still there. */
async function leftOf(found: Footprint): Promise<string[]> {
  const now = { links: links(), mounts: mounts(), namespaces: namespaces() };
  const containers = await docker('ps', '-aq', '--no-trunc');
  const volumes = (await docker('volume', 'ls', '-q')).split('\n');
  return [
    ...found.processes.filter((name) => {
      const [pid, startTime] = name.split(' ');
      return processStat(Number(pid))?.startTime === startTime;
    }),
    ...found.namespaces.filter((name) => now.namespaces.has(name)),
    ...found.links.filter((link) => now.links.some((other) => other.split(':')[0] === link.split(':')[0])),
    ...found.mounts.filter((mount) => now.mounts.includes(mount)),
    ...found.volumes.filter((name) => volumes.includes(name)),
    ...containers.split('\n').filter((id) => id === found.container),
  ];
}

/** Of this file: others run beside it. */
const ownContainers = () => docker('ps', '-aq', '--filter', `name=${ownPrefix}`);

describe.skipIf(image === '')(`the machine under the containers${skipped}`, () => {
  it.each([
    ['after its end in order', (server: BmcContainer) => server.stop()],
    ['after it was killed', (server: BmcContainer) => docker('kill', server.name)],
    ['after QEMU, BMC and pm2 were killed one by one', killAll],
  ])('is left as it was found %s', async (_, end) => {
    const server = await BmcContainer.start({ image, args: minimalGrants(), env: { SHUTDOWN_GRACE: '1' } });
    let found: Footprint;
    try {
      await until('QEMU runs', () => server.qemu(), 20_000);
      found = await footprint(server);
      // Nothing that has no name here can be looked for later.
      expect(found.processes.length).toBeGreaterThanOrEqual(4);
      expect(found.links).toHaveLength(1);
      expect(found.namespaces).toHaveLength(1);
      expect(found.mounts.length).toBeGreaterThan(0);
      expect(found.volumes).toHaveLength(3);
      expect(await leftOf(found)).not.toEqual([]);
      await end(server);
    } finally {
      await server.remove();
    }
    await until('everything is gone', async () => (await leftOf(found)).length === 0, 20_000).catch(
      async (cause) => {
        throw new Error(`left: ${(await leftOf(found)).join(', ')}`, { cause });
      },
    );
  });

  it('is left as it was found by a start that fails', async () => {
    const before = await ownContainers();
    const failing = BmcContainer.start({ image, env: { VM_MEMORY: 'much' } });
    await expect(failing).rejects.toThrow(/the container said: [\s\S]*VM_MEMORY/);
    expect(await ownContainers()).toBe(before);
  });
});

/** @returns when the container has ended, since its supervisor has */
async function killAll(server: BmcContainer): Promise<void> {
  const [init, ...others] = await server.processes();
  for (const { pid } of others.reverse()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went with the one before.
    }
  }
  expect(init?.name).toBe('tini');
  await until('the container has ended', async () => !(await server.isRunning()), 20_000);
}
