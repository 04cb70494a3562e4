/** The compose file: what docker-compose 1.29 and 2 both take, and nothing that asks for more rights than it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { settingsLeaves } from '../../../src/config/schema.ts';

const root = join(import.meta.dirname, '../../..');
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
// Merge keys (`<<`) are YAML 1.1, which both versions of compose read.
const file = parse(text, { merge: true });

const strict = { additionalProperties: false } as const;
const Service = Type.Object(
  {
    image: Type.Literal('qemu-bmc:latest'),
    build: Type.Literal('.'),
    hostname: Type.String(),
    restart: Type.Enum(['no', 'always', 'on-failure', 'unless-stopped']),
    stop_grace_period: Type.String({ pattern: '^[0-9]+s$' }),
    cap_drop: Type.Array(Type.String()),
    cap_add: Type.Array(Type.String()),
    devices: Type.Array(Type.String()),
    device_cgroup_rules: Type.Array(Type.String()),
    environment: Type.Record(Type.String(), Type.String()),
    ports: Type.Array(Type.String()),
    networks: Type.Record(Type.String(), Type.Object({}, strict)),
    volumes: Type.Array(Type.String({ pattern: '^[a-z0-9-]+:/' })),
  },
  strict,
);
const Network = Type.Object(
  {
    ipam: Type.Optional(
      Type.Object({ config: Type.Array(Type.Object({ subnet: Type.String() }, strict)) }, strict),
    ),
  },
  strict,
);
const ComposeFile = Type.Object(
  {
    'x-server': Type.Unknown(),
    services: Type.Record(Type.String(), Service),
    networks: Type.Record(Type.String(), Network),
    volumes: Type.Record(Type.String(), Type.Object({}, strict)),
  },
  strict,
);

test('the compose file has the keys of the Compose Specification that are used here, and no others', () => {
  expect(Value.Errors(ComposeFile, file)).toEqual([]);
});

describe('each service of the compose file', () => {
  const { services, networks, volumes } = file as Static<typeof ComposeFile>;
  const all = Object.entries(services);

  test('asks for nothing privileged, and drops what it does not name', () => {
    expect(text).not.toMatch(/^\s*privileged:/m);
    for (const [, { cap_drop, cap_add }] of all) {
      expect(cap_drop).toEqual(['ALL']);
      expect(cap_add).toEqual(['NET_ADMIN', 'MKNOD', 'SETUID', 'SETGID', 'CHOWN', 'KILL']);
    }
  });

  test('is on the management network first, as Docker numbers them: by name', () => {
    for (const [, service] of all) {
      const names = Object.keys(service.networks);
      expect(names).toEqual([...names].sort());
      expect(names[0]).toContain('management');
      expect(names.filter((name) => !(name in networks))).toEqual([]);
    }
  });

  test('names the machine’s network by the subnet that it has', () => {
    const { ipam } = networks['2-wire'] ?? {};
    for (const [, { environment }] of all) {
      expect(environment.VM_NETWORKS).toBe(`auto:${ipam?.config[0]?.subnet}`);
    }
  });

  test('is reached from this machine only, on a port of its own, by the number that the BMC itself knows', () => {
    const ports = all.map(([, service]) => service.environment.IPMI_PORT);
    expect(ports).toEqual(all.map((_, i) => `\${SERVER${i + 1}_IPMI_PORT:-${6231 + i}}`));
    expect(all.flatMap(([, service]) => service.ports)).toEqual(
      ports.flatMap((port, i) => [
        `127.0.0.1:${port}:${port}/udp`,
        `127.0.0.1:\${SERVER${i + 1}_REDFISH_PORT:-${8441 + i}}:443`,
      ]),
    );
  });

  test('has a state of its own, variables that the program reads, and time to shut the guest down', () => {
    const variables = new Set(settingsLeaves().map(({ schema }) => schema['x-env']));
    const mounts = all.flatMap(([, service]) => service.volumes.map((volume) => volume.split(':')[0] ?? ''));
    expect([...mounts].sort()).toEqual(Object.keys(volumes).sort());
    for (const [, { environment, stop_grace_period }] of all) {
      expect(Object.keys(environment).filter((name) => !variables.has(name))).toEqual([]);
      expect(Number.parseInt(stop_grace_period, 10)).toBeGreaterThan(Number(environment.SHUTDOWN_GRACE));
    }
  });
});
