/** The same image under podman. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { containerImage, docker, ownName } from '../support/docker.ts';
import { run, until } from '../support/processes.ts';

const { image = '', skipped } = containerImage();
const words = podmanRun();
const without = image === '' ? skipped : words ? '' : ' (skipped: podman is not installed)';

describe.skipIf(without !== '')(`podman${without}`, () => {
  it('runs it: IPMI answers, QEMU is a user without rights, the stop is in order', {
    timeout: 400_000,
  }, async () => {
    const [program = '', ...options] = words ?? [];
    const podman = async (...args: string[]) => {
      const { code, stdout, stderr } = await run('podman', args, { timeoutMs: 240_000 });
      if (code !== 0) throw new Error(`podman ${args.join(' ')}: ${code}: ${stdout}${stderr}`);
      return stdout;
    };
    const name = ownName('podman');
    const tag = `localhost/${name}:test`;
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-podman-'));
    try {
      const archive = join(folder, 'image.tar');
      await docker('tag', image, tag);
      await docker('save', '-o', archive, tag);
      await podman('load', '-q', '-i', archive);
      rmSync(archive);
      const own = ['-d', '--name', name, '--sysctl', 'net.ipv4.ip_unprivileged_port_start=0'];
      const started = await run(program, [...options, ...own, tag], { timeoutMs: 60_000 });
      expect(started.code, started.stderr).toBe(0);
      const address = (await podman('inspect', '--format', '{{.NetworkSettings.IPAddress}}', name)).trim();
      const login = ['-I', 'lanplus', '-H', address, '-U', 'admin', '-P', 'password'];
      await until('IPMI answers', async () => {
        const { stdout } = await run('ipmitool', [...login, '-N', '1', '-R', '1', 'power', 'status']);
        return stdout === 'Chassis Power is on\n';
      });
      const qemu =
        "for p in /proc/[0-9]*; do grep -q '^Name:.qemu-system' $p/status && cat $p/status; done; true";
      const status = await podman('exec', name, 'sh', '-c', qemu);
      expect(status).toMatch(/^Uid:\s+6230\s/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(await podman('exec', name, 'qemu-bmc', 'health')).toContain('healthy: ');
      // The guest listens to its power button when it is up.
      await until(
        'the guest is up',
        async () => (await podman('exec', name, 'cat', '/run/qemu-bmc/serial.log')).includes('demo login: '),
        180_000,
        500,
      );
      await podman('stop', name);
      expect(await podman('inspect', '--format', '{{.State.ExitCode}}', name)).toBe('0\n');
      expect(await podman('logs', name)).toMatch(/"why":"guest","msg":"machine off"/);
    } finally {
      await run('podman', ['rm', '-f', '-v', name]);
      await run('podman', ['rmi', tag], { timeoutMs: 60_000 });
      await run('docker', ['rmi', '--no-prune', tag]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** How podman runs a container here; undefined without podman. */
function podmanRun(): string[] | undefined {
  if (spawnSync('podman', ['--version'], { stdio: 'ignore' }).error) return undefined;
  const tool = fileURLToPath(new URL('../../../shared/tools/base-images', import.meta.url));
  if (!existsSync(tool)) return ['podman', 'run'];
  return execFileSync(tool, ['--podman-run'], { encoding: 'utf8' }).trim().split(' ');
}
