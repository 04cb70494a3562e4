/** A bare `docker run`, used as a server with a BMC is used. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BmcContainer, containerImage, procStatus } from '../support/docker.ts';
import { freeUdpPort, run, until } from '../support/processes.ts';

const { image, skipped } = containerImage();

/** Sees the container's programs by what they are: name of the program, then its first words. */
const commandLine = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');

describe.skipIf(image === undefined)(`a container without any options${skipped}`, () => {
  let server: BmcContainer;
  let port: number;
  const published = '127.0.4.1';
  beforeAll(async () => {
    port = await freeUdpPort();
    server = await BmcContainer.start({
      image: image ?? '',
      args: ['-p', `${published}:${port}:623/udp`],
    });
    await server.booted();
  });
  afterAll(() => server?.remove());

  it('answers the right password and refuses a wrong one, also by a published port', async () => {
    expect(await server.ipmi('mc', 'info')).toMatch(/IPMI Version\s+: 2\.0/);
    const refused = await server.ipmitool('-P', 'wrong', 'mc', 'info');
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(/RAKP 2 HMAC is invalid|Unable to establish/);
    const words = ['-I', 'lanplus', '-H', published, '-p', `${port}`, '-U', 'admin', '-P', 'password'];
    const outside = await run('ipmitool', [...words, 'power', 'status']);
    expect(outside.stdout).toBe('Chassis Power is on\n');
  });

  it('runs tini, pm2 and the BMC as one user, QEMU as another that has no rights at all', async () => {
    const processes = await server.processes();
    const [init, pm2, bmc, qemu] = ['tini', 'pm2-runtime', 'main.js', 'qemu-system-x86_64'].map((name) =>
      processes.find(({ pid }) => commandLine(pid).some((word) => word.split('/').at(-1) === name)),
    );
    if (!init || !pm2 || !bmc || !qemu) throw new Error(JSON.stringify(processes));
    expect(init.pid).toBe(Number(await server.inspect('{{.State.Pid}}')));
    expect([pm2.parent, bmc.parent, qemu.parent]).toEqual([init.pid, pm2.pid, pm2.pid]);
    expect([pm2.uid, bmc.uid, qemu.uid]).toEqual([6231, 6231, 6230]);
    const rights = procStatus(qemu.pid);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(rights.get(set)).toMatch(/^0+$/);
    expect(rights.get('NoNewPrivs')).toBe('1');
    // The BMC cannot become another user either: only pm2 and the launcher need that.
    const setuid = 1n << 7n;
    expect(BigInt(`0x${procStatus(bmc.pid).get('CapPrm')}`) & setuid).toBe(0n);
    expect(BigInt(`0x${procStatus(pm2.pid).get('CapPrm')}`) & setuid).toBe(setuid);
  });

  it('keeps the BMC’s secrets from QEMU’s user', async () => {
    const asQemu = ['setpriv', '--reuid=6230', '--regid=6230', '--clear-groups', '--inh-caps=-all'];
    const files = ['/run/qemu-bmc/config.json', '/var/lib/qemu-bmc/users.json', '/run/qemu-bmc/pm2'];
    for (const file of files) {
      expect((await server.exec('test', '-e', file)).code).toBe(0);
      expect((await server.exec(...asQemu, 'test', '-r', file)).code).toBe(1);
    }
    for (const directory of ['/run/qemu-bmc', '/var/lib/qemu-bmc']) {
      expect((await server.exec(...asQemu, 'test', '-w', directory)).code).toBe(1);
    }
    const environment = readFileSync(`/proc/${(await server.qemu()).pid}/environ`, 'latin1');
    expect(environment.split('\0').filter(Boolean)).toEqual([expect.stringMatching(/^PATH=/)]);
  });

  it('says once what it was not granted and what that costs, and logs each thing once', async () => {
    const lines = (await server.logs()).split('\n');
    expect(lines.filter((line) => line.includes('no NET_ADMIN'))).toEqual([
      expect.stringContaining('user-mode network instead (--cap-add NET_ADMIN)'),
    ]);
    expect(lines.filter((line) => line.includes('/dev/kvm absent'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('The password is the one in the manual'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"IPMI over LAN listens"'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"machine on"'))).toHaveLength(1);
  });

  it('tells its state to docker exec', async () => {
    const status = await server.status();
    expect(status.get('Machine')).toBe('demo, on');
    expect(status.get('Acceleration')).toContain('tcg (/dev/kvm does not exist)');
    expect([status.get('pm2 bmc'), status.get('pm2 qemu')]).toEqual(['online', 'online']);
    expect(await server.events()).toContain('power-on');
  });

  it('is healthy while the BMC answers, and not when it hangs', async () => {
    await until(
      'docker calls it healthy',
      async () => (await server.inspect('{{.State.Health.Status}}')) === 'healthy',
    );
    const bmc = (await server.processes()).find(({ pid }) => commandLine(pid).includes('bmc'));
    if (!bmc) throw new Error('no BMC');
    process.kill(bmc.pid, 'SIGSTOP');
    try {
      const sick = await server.exec('qemu-bmc', 'health');
      expect([sick.code, sick.stdout]).toEqual([
        1,
        expect.stringContaining('nobody answers a presence ping'),
      ]);
    } finally {
      process.kill(bmc.pid, 'SIGCONT');
    }
    const well = await server.exec('qemu-bmc', 'health');
    expect([well.code, well.stdout]).toEqual([
      0,
      'healthy: the BMC answers at 0.0.0.0, UDP port 623 and TCP port 443\n',
    ]);
  });

  it('shows the guest by Serial-over-LAN', async () => {
    const terminal = await server.sol();
    try {
      await terminal.expect('SOL Session operational');
      await terminal.typeUntil('\r', 'demo login: ');
      terminal.type('root\r');
      await terminal.expect('root@demo:~# ');
      terminal.type('echo $((6*7)) $(uname -s)\r');
      await terminal.expect('42 Linux');
      terminal.type('exit\r~.');
      await terminal.expect('terminated ipmitool');
      await terminal.exited();
    } finally {
      terminal.kill();
    }
  });

  it('survives kill -9 of its BMC: IPMI is back and QEMU has noticed nothing', async () => {
    const before = await server.qemu();
    const bmc = (await server.processes()).find(({ pid }) => commandLine(pid).includes('bmc'));
    if (!bmc) throw new Error('no BMC');
    process.kill(bmc.pid, 'SIGKILL');
    await server.answers();
    expect(await server.isOn()).toBe(true);
    expect(await server.qemu()).toEqual(before);
  });

  it('cycles the power by another QEMU', async () => {
    const before = (await server.qemu()).pid;
    await server.ipmi('power', 'cycle');
    await until('a new QEMU runs', async () => (await server.qemu()).pid !== before, 10_000);
    await server.booted(2);
    expect(await server.isOn()).toBe(true);
  });

  it('docker stop shuts the guest down in order, and what was set is there after the restart', async () => {
    await server.ipmi('user', 'set', 'name', '5', 'keeper');
    await server.ipmi('user', 'set', 'password', '5', 'a-password-kept');
    await server.ipmi('user', 'enable', '5');
    await server.ipmi('channel', 'setaccess', '1', '5', 'ipmi=on', 'privilege=4');
    await server.ipmi('chassis', 'bootdev', 'cdrom', 'options=persistent');
    await server.ipmi('chassis', 'policy', 'previous');
    const sel = (await server.ipmi('sel', 'list')).trim().split('\n');

    const { exitCode } = await server.stop();
    expect(exitCode).toBe(0);
    const log = await server.logs();
    expect(log).toMatch(/"why":"guest","msg":"machine off"/);
    expect(log).not.toContain('had to kill');

    await server.restart();
    await server.answers();
    await until('the power is on', () => server.isOn(), 10_000);
    const again = await server.ipmitool('-U', 'keeper', '-P', 'a-password-kept', 'mc', 'info');
    expect(again.code).toBe(0);
    const after = (await server.ipmi('sel', 'list')).trim().split('\n');
    expect(after.slice(0, sel.length)).toEqual(sel);
    expect(after.slice(sel.length).join('\n')).toMatch(/OS graceful shutdown/);
    expect(await server.ipmi('chassis', 'bootparam', 'get', '5')).toContain('Force Boot from CD/DVD');
    expect(await server.ipmi('chassis', 'status')).toMatch(/Power Restore Policy\s+: previous/);
    await server.booted();
    expect(await server.serialLog()).toContain('booted from cdrom');
  });
});
