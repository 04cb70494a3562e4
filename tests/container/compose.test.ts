/** The compose file at the top level, under docker-compose 1.29 or 2, whichever is here. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { DemoShell } from '../support/demo-shell.ts';
import { containerImage, docker, ownLabel, ownName } from '../support/docker.ts';
import { freeTcpPort, freeUdpPort, run, until } from '../support/processes.ts';

const { image, skipped } = containerImage();
const root = join(import.meta.dirname, '../..');
const compose = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...words]) => spawnSync(program, [...words, 'version'], { stdio: 'ignore' }).status === 0,
);
const title = skipped || (compose ? '' : ' (skipped: docker-compose is not installed)');

describe.skipIf(image === undefined || !compose)(`the compose file${title}`, () => {
  const project = ownName('compose');
  let folder: string;
  let ports: [number, number];
  let redfishPorts: [number, number];
  let env: NodeJS.ProcessEnv;
  const call = async (...args: string[]) => {
    const [program = '', ...words] = compose ?? [];
    const files = ['-f', join(root, 'docker-compose.yml'), '-f', join(folder, 'own.yml')];
    const options = { env, timeoutMs: 120_000 };
    const finished = await run(program, [...words, '-p', project, ...files, ...args], options);
    if (finished.code !== 0)
      throw new Error(`compose ${args.join(' ')}: ${finished.stdout}${finished.stderr}`);
    return finished.stdout;
  };
  const login = (port: number) =>
    ['-I', 'lanplus', '-H', '127.0.0.1', '-p', `${port}`, '-U', 'admin', '-P', 'password'] as const;
  const containers: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-compose-'));
    ports = [await freeUdpPort(), await freeUdpPort()];
    redfishPorts = [await freeTcpPort(), await freeTcpPort()];
    env = {
      ...process.env,
      SERVER1_IPMI_PORT: String(ports[0]),
      SERVER2_IPMI_PORT: String(ports[1]),
      SERVER1_REDFISH_PORT: String(redfishPorts[0]),
      SERVER2_REDFISH_PORT: String(redfishPorts[1]),
      // In the range for tests of networks, and of this process alone.
      WIRE_SUBNET: `198.18.${process.pid % 256}.0/24`,
    };
    const [label = '', value = ''] = ownLabel().split('=');
    const own = { image, labels: { [label]: value } };
    writeFileSync(join(folder, 'own.yml'), stringify({ services: { server1: own, server2: own } }));
    await call('up', '-d', '--no-build');
    for (const service of ['server1', 'server2']) containers.push((await call('ps', '-q', service)).trim());
  });
  afterAll(async () => {
    await call('down', '-v', '-t', '1');
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers IPMI on two published ports of this machine', async () => {
    for (const port of ports) {
      await until(
        'the BMC answers',
        async () => (await run('ipmitool', [...login(port), '-N', '1', 'mc', 'info'])).code === 0,
      );
      const refused = await run('ipmitool', [...login(port), '-P', 'wrong', 'mc', 'info']);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/RAKP 2 HMAC is invalid|Unable to establish/);
    }
  });

  it('answers Redfish on two more, as two different servers', async () => {
    const uuids = await Promise.all(
      redfishPorts.map((port) =>
        until('Redfish answers', async () => {
          const url = `https://127.0.0.1:${port}/redfish/v1/Systems/1`;
          const { code, stdout } = await run('curl', ['-sk', '-u', 'admin:password', url]);
          return code === 0 && JSON.parse(stdout).UUID;
        }),
      ),
    );
    expect(new Set(uuids).size).toBe(2);
    const refused = await run('curl', [
      '-sk',
      '-u',
      'admin:wrong',
      `https://127.0.0.1:${redfishPorts[0]}/redfish/v1/Systems`,
    ]);
    expect(JSON.parse(refused.stdout)).toHaveProperty('error');
  });

  it('asks for no privileged container', async () => {
    for (const name of containers) {
      expect(await docker('inspect', '-f', '{{.HostConfig.Privileged}}', name)).toBe('false\n');
    }
  });

  it('keeps eth0 for the BMC, on the management network', async () => {
    const network = `{{with index .NetworkSettings.Networks "${project}_1-management"}}{{.IPAddress}}{{end}}`;
    for (const name of containers) {
      const address = (await docker('inspect', '-f', network, name)).trim();
      const eth0 = await docker('exec', name, 'ip', '-o', '-4', 'address', 'show', 'dev', 'eth0');
      expect(eth0).toContain(` ${address}/`);
    }
  });

  it('joins the machines by the wire: they reach one another', async () => {
    const shells: DemoShell[] = [];
    try {
      for (const [i, port] of ports.entries()) {
        const shell = await DemoShell.open(login(port));
        shells.push(shell);
        await shell.run('killall udhcpc');
        await shell.run(`ip address add 10.9.0.${i + 1}/24 dev eth0`);
      }
      await until(
        'the first reaches the second',
        async () => (await shells[0]?.run('ping -c 1 -W 2 10.9.0.2'))?.code === 0,
      );
    } finally {
      for (const shell of shells) await shell.close();
    }
  });
});
