/** The container with more, with fewer and with no rights at all: it starts with what it has, and says what lacks. */
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  BmcContainer,
  type ContainerOptions,
  containerImage,
  docker,
  macvtapMajor,
  minimalGrants,
  ownLabel,
  ownName,
  procStatus,
} from '../support/docker.ts';
import { until } from '../support/processes.ts';

const { image = '', skipped } = containerImage();
const device = (path: string) => statSync(path, { throwIfNoEntry: false })?.isCharacterDevice() ?? false;

let server: BmcContainer | undefined;
const folders: string[] = [];

afterEach(async () => {
  await server?.remove();
  server = undefined;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function start(options: Omit<ContainerOptions, 'image'>): Promise<BmcContainer> {
  server = await BmcContainer.start({ image, ...options });
  return server;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'qemu-bmc-container-'));
  folders.push(path);
  // As a directory of disks is when root makes it.
  chmodSync(path, 0o755);
  return path;
}

/** QEMU has nothing that it was not to have, whatever the container was granted. */
async function expectPowerlessQemu(of: BmcContainer, uid: number): Promise<void> {
  const qemu = await until('QEMU runs', () => of.qemu(), 10_000);
  expect(qemu.uid).toBe(uid);
  const rights = procStatus(qemu.pid);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(rights.get(set)).toMatch(/^0+$/);
  expect(rights.get('NoNewPrivs')).toBe('1');
}

/** Stops it as `docker stop` does by default: what takes longer than its 10 s ends with 137. */
async function expectOrderlyStop(of: BmcContainer): Promise<void> {
  const { exitCode } = await of.stop();
  expect(exitCode).toBe(0);
}

describe.skipIf(image === '')(`the container's grants${skipped}`, () => {
  it('minimal: everything runs as root, QEMU without any rights, and UEFI variables outlive a restart', async () => {
    const bmc = await start({ args: minimalGrants(), env: { VM_BOOT_MODE: 'uefi' } });
    await expectPowerlessQemu(bmc, 0);
    const log = await bmc.logs();
    expect(log).toContain('not granted: no SETUID, SETGID, CHOWN, KILL: BMC and QEMU run as root');
    expect(log).not.toContain('no NET_ADMIN');
    if (macvtapMajor() !== undefined) expect(log).not.toContain('macvtap');
    if (device('/dev/net/tun')) expect(log).not.toContain('/dev/net/tun');
    await bmc.booted();
    const variables = async () =>
      (await bmc.exec('stat', '-c', '%i %s', '/var/lib/qemu-bmc/ovmf-vars.fd')).stdout;
    const before = await variables();
    expect(before).toMatch(/^\d+ 540672\n$/);
    await expectOrderlyStop(bmc);
    await bmc.restart();
    await bmc.answers();
    await until('the power is on', () => bmc.isOn(), 10_000);
    expect(await variables()).toBe(before);
  });

  it('minimal and the four for users of their own: BMC and QEMU are two users, also after a restart', async () => {
    // What runs is asked about, not the guest, which is still booting when it is stopped.
    const bmc = await start({ args: [...minimalGrants(), ...four], env: { SHUTDOWN_GRACE: '1' } });
    await expectPowerlessQemu(bmc, 6230);
    expect(await bmc.logs()).not.toContain('as root');
    expect((await bmc.status()).get('Machine')).toBe('demo, on');
    await bmc.restart();
    await bmc.answers();
    await expectPowerlessQemu(bmc, 6230);
    await bmc.ipmi('power', 'off');
    await until('the power is off', async () => !(await bmc.isOn()), 10_000);
  });

  it('none at all: IPMI, power and the guest work, on a user-mode network', async () => {
    const bmc = await start({ args: ['--cap-drop', 'ALL'] });
    await expectPowerlessQemu(bmc, 0);
    expect(await bmc.logs()).toMatch(/not granted: no NET_ADMIN: .* \(--cap-add NET_ADMIN\)/);
    await bmc.booted();
    await expectOrderlyStop(bmc);
  });

  const kvm = device('/dev/kvm');
  it.skipIf(!kvm)(
    `--privileged, as containerlab starts it: KVM is tried out${kvm ? '' : ' (skipped: this machine has no /dev/kvm)'}`,
    async () => {
      const bmc = await start({ args: ['--privileged'] });
      await expectPowerlessQemu(bmc, 6230);
      expect(await bmc.logs()).not.toContain('not granted');
      const acceleration = (await bmc.status()).get('Acceleration');
      // Tried by the BMC's own user: whatever the answer, it does not come from a lack of permission.
      expect(acceleration).toMatch(/^(kvm|tcg) \(KVM /);
      expect(acceleration).not.toMatch(/permission|forbid/);
    },
  );

  it('a read-only root file system with a tmpfs at /run is enough', async () => {
    const bmc = await start({ args: ['--read-only', '--tmpfs', '/run'] });
    await expectPowerlessQemu(bmc, 6230);
    expect((await bmc.exec('touch', '/app/x')).code).not.toBe(0);
    expect((await bmc.status()).get('Machine')).toBe('demo, on');
  });

  it('without that tmpfs it ends at once and says what to give it', async () => {
    const bmc = await start({ args: ['--read-only'], answering: false });
    await until('it has ended', async () => !(await bmc.isRunning()), 20_000);
    expect(await bmc.inspect('{{.State.ExitCode}}')).toBe('1');
    expect(await bmc.logs()).toContain('the root file system is read-only');
    expect(await bmc.logs()).toContain('--tmpfs /run');
  });

  it('a configuration that is wrong ends it at once, with the reason', async () => {
    const bmc = await start({ env: { VM_MEMORY: 'much', IPMI_PORT: '0' }, answering: false });
    await until('it has ended', async () => !(await bmc.isRunning()), 20_000);
    expect(await bmc.inspect('{{.State.ExitCode}}')).toBe('1');
    expect(await bmc.logs()).toMatch(/VM_MEMORY[\s\S]*"much"/);
  });

  const tun = device('/dev/net/tun') && macvtapMajor() !== undefined;
  const four = ['SETUID', 'SETGID', 'KILL', 'CHOWN'].flatMap((name) => ['--cap-add', name]);
  it.skipIf(!tun).each([
    ['minimal', 'macvtap', () => minimalGrants()],
    [
      'minimal, two users and a read-only root with a tmpfs that allows no device nodes',
      'macvtap',
      () => [...minimalGrants(), ...four, '--read-only', '--tmpfs', '/run'],
    ],
    [
      'the same without MKNOD',
      'tc',
      () => ['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN', ...four, '--device', '/dev/net/tun'],
    ],
  ])(
    `%s: a card joins a network by %s${tun ? '' : ' (skipped: no macvtap or no /dev/net/tun here)'}`,
    async (_, backend, args) => {
      const network = ownName('wire');
      try {
        await docker('network', 'create', '--label', ownLabel(), network);
        const bmc = await start({
          args: args(),
          env: { VM_NETWORKS: 'auto:eth1', POWER_ON_AT_START: 'false' },
        });
        await docker('network', 'connect', network, bmc.name);
        await bmc.ipmi('power', 'on');
        await until('the power is on', () => bmc.isOn(), 20_000);
        const card = await until(
          'the card is told',
          async () => (await bmc.status()).get('Network card'),
          10_000,
        );
        expect(card).toMatch(new RegExp(`^nic0: ${backend} on eth1, .*link up`));
      } finally {
        await server?.remove();
        server = undefined;
        await docker('network', 'rm', network);
      }
    },
  );

  it('a disk of root’s opens for QEMU’s user, and its owner stays', async () => {
    const path = folder();
    const disk = join(path, 'disk.raw');
    writeFileSync(disk, '');
    truncateSync(disk, 1024 * 1024);
    chownSync(disk, 0, 0);
    chmodSync(disk, 0o600);
    const bmc = await start({ args: ['-v', `${path}:/vm`], env: { VM_DISK: '/vm/disk.raw:raw' } });
    await expectPowerlessQemu(bmc, 6230);
    const { uid, gid, mode } = statSync(disk);
    expect([uid, gid, mode & 0o777]).toEqual([0, 6230, 0o660]);
    expect(
      (await bmc.logs()).split('\n').filter((line) => line.includes('/vm/disk.raw: group')),
    ).toHaveLength(1);
  });

  it('a disk below a directory that only root may enter has both run as root, QEMU without rights, and says so', async () => {
    const path = folder();
    const disk = join(path, 'disk.raw');
    writeFileSync(disk, '');
    truncateSync(disk, 1024 * 1024);
    chmodSync(path, 0o700);
    const bmc = await start({ args: ['-v', `${path}:/vm`], env: { VM_DISK: '/vm/disk.raw:raw' } });
    await expectPowerlessQemu(bmc, 0);
    expect(await bmc.logs()).toContain(
      '/vm/disk.raw cannot be opened by QEMU’s user: BMC and QEMU run as root',
    );
    await until('the power is on', () => bmc.isOn(), 10_000);
  });

  it('a guest that does not listen is switched off within docker’s 10 s', async () => {
    const path = folder();
    writeFileSync(join(path, 'disk.raw'), Buffer.alloc(1024 * 1024));
    const bmc = await start({ args: ['-v', `${path}:/vm`], env: { VM_DISK: '/vm/disk.raw:raw' } });
    await until('the power is on', () => bmc.isOn(), 10_000);
    const { ms, exitCode } = await bmc.stop();
    expect(exitCode).toBe(0);
    expect(ms).toBeGreaterThan(6_000);
    expect(await bmc.logs()).toMatch(/"why":"forced","msg":"machine off"/);
  });

  it('a password from a secret that root alone can read is taken', async () => {
    const path = folder();
    writeFileSync(join(path, 'password'), 'from-a-secret\n', { mode: 0o400 });
    const bmc = await start({
      args: ['-v', `${path}:/run/secrets:ro`],
      env: { IPMI_PASS_FILE: '/run/secrets/password' },
      answering: false,
    });
    await until('it takes the password', async () => {
      return (await bmc.ipmitool('-P', 'from-a-secret', 'mc', 'info')).code === 0;
    });
    expect(await bmc.logs()).not.toContain('from-a-secret');
    expect(await bmc.logs()).not.toContain('is the one in the manual');
  });
});
