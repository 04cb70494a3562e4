import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freeTcpPort } from '../support/processes.ts';

const root = join(import.meta.dirname, '../..');
const program = ['--import', 'tsx', join(root, 'src/main.ts')];
const exec = promisify(execFile);

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'qemu-bmc-cli-'));
  writeFileSync(join(directory, 'disk.img'), 'raw');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    STATE_DIR: join(directory, 'state'),
    RUN_DIR: join(directory, 'run'),
    REDFISH_PORT: '0',
    VM_DISK: join(directory, 'disk.img'),
    ...more,
  };
}

async function qemuBmc(args: string[], env: Record<string, string> = {}) {
  try {
    const { stdout, stderr } = await exec(process.execPath, [...program, ...args], {
      cwd: root,
      env: environment(env),
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address() as AddressInfo;
  socket.close();
  return port;
}

/** Collects what a process says until a pattern is in it. */
async function until(child: ChildProcess, pattern: RegExp): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    const take = (data: Buffer) => {
      said += data.toString();
      if (pattern.test(said)) resolve(said);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('exit', (code) => reject(new Error(`ended with ${code} before ${pattern}: ${said}`)));
  });
}

describe('qemu-bmc', () => {
  it('config show prints what is in force and masks the password', async () => {
    const { code, stdout } = await qemuBmc(['config', 'show'], {
      IPMI_PASS: 'not-to-be-seen',
      IPMI_PORT: '6230',
    });
    expect(code).toBe(0);
    expect(stdout).toContain('port: 6230 # IPMI_PORT');
    expect(stdout).not.toContain('not-to-be-seen');
  });

  it('ends with 1 and the reason when KVM is demanded and does not work', { timeout: 30_000 }, async () => {
    const { code, stdout, stderr } = await qemuBmc(['run'], {
      IPMI_PORT: String(await freePort()),
      ENABLE_KVM: 'true',
      VM_CPU_MODEL: 'no-such-model',
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/KVM is required but not usable: \S+/);
    expect(stdout).not.toContain('qemu-bmc is ready');
    expect(stderr).toContain('the BMC has ended');
    expect(existsSync(join(directory, 'run'))).toBe(false);
  });

  it('ends with 1 and one message for a wrong value', async () => {
    const { code, stdout, stderr } = await qemuBmc(['run'], { IPMI_PORT: 'ninety' });
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'qemu-bmc: configuration: IPMI_PORT (ipmi.port): expected an integer from 1 to 65535, got "ninety"\n',
    );
  });

  it('ends with 2 for wrong usage', async () => {
    expect((await qemuBmc(['fly'])).code).toBe(2);
    expect((await qemuBmc(['run', '--fly'])).code).toBe(2);
  });

  it('says when the port is taken', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const { code, stderr } = await qemuBmc(['run'], { IPMI_PORT: String(port) });
    socket.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`UDP port ${port} on 127.0.0.1 is taken`);
    expect(existsSync(join(directory, 'run'))).toBe(false);
  });

  it('says when the port of Redfish is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const env = { IPMI_PORT: String(await freePort()), REDFISH_PORT: String(port) };
    const { code, stderr } = await qemuBmc(['run'], env);
    const fake = await qemuBmc(['run', '--fake'], env);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain(
      `TCP port ${port} on 127.0.0.1 is taken by another program: stop it, or set REDFISH_PORT`,
    );
    expect(fake.code).toBe(1);
    expect(fake.stderr).toContain(`TCP port ${port} on 127.0.0.1 is taken`);
    expect(existsSync(join(directory, 'run'))).toBe(false);
  });

  it('status tells that nothing runs', async () => {
    const { code, stdout } = await qemuBmc(['status']);
    expect(code).toBe(1);
    expect(stdout).toContain('not running');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'run --fake answers ipmitool, and leaves nothing after %s',
    async (signal) => {
      const port = await freePort();
      const redfishPort = await freeTcpPort();
      const child = spawn(process.execPath, [...program, 'run', '--fake'], {
        cwd: root,
        env: environment({ IPMI_PORT: String(port), REDFISH_PORT: String(redfishPort) }),
      });
      const said = await until(child, /Ctrl-C/);
      expect(said).toContain(`ipmitool -I lanplus -H 127.0.0.1 -p ${port} -U admin -P password mc info`);
      const tool = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(port), '-U', 'admin', '-P', 'password'];
      const { stdout } = await exec('ipmitool', [...tool, 'power', 'status']);
      expect(stdout).toBe('Chassis Power is on\n');
      const url = `https://127.0.0.1:${redfishPort}/redfish/v1/Systems/1`;
      expect(said).toContain(`curl -k -u admin:password ${url}`);
      const system = await exec('curl', ['-sk', '-u', 'admin:password', url]);
      expect(JSON.parse(system.stdout)).toMatchObject({ PowerState: 'On' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      expect(await ended).toBe(0);
      expect(existsSync(join(directory, 'run'))).toBe(false);
      const events = await qemuBmc(['events']);
      expect(events.stdout).toContain('bmc-stopped');
    },
  );
});
