/** A BMC with an IPMI LAN face on a free port of 127.0.0.1, for real clients; its machine is in memory. */
import { execFile } from 'node:child_process';
import { Bmc } from '../../src/bmc/bmc.ts';
import { memoryStore, type Store } from '../../src/bmc/store.ts';
import type { UserSpec } from '../../src/bmc/users.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { IpmiLan } from '../../src/ipmi/lan.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { FakeMachine } from '../../src/machine/fake/fake-machine.ts';
import { hostNetwork } from '../../src/network/host-network.ts';

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export function runProgram(program: string, args: readonly string[], timeoutMs = 30_000): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: timeoutMs }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, output: stdout + stderr });
    });
  });
}

export interface LanServerOptions {
  readonly store?: Store;
  readonly users?: readonly UserSpec[];
  readonly ipmi15?: boolean;
  readonly address?: string;
}

export const serverUsers: readonly UserSpec[] = [
  { name: 'admin', password: 'password', limit: 'administrator' },
  { name: 'operator', password: '20-byte-password-xyz', limit: 'operator' },
];

export async function startLanServer(options: LanServerOptions = {}) {
  const { address = '127.0.0.1' } = options;
  const bmc = new Bmc({
    machine: new FakeMachine({ clock: systemClock }),
    identity: {
      uuid: '4c1f6e0a-52f1-4b7e-9a43-0123456789ab',
      serialNumber: 'QB0',
      manufacturer: 'qemu-bmc',
      product: 'e2e',
      firmwareVersion: '1.2.3',
    },
    users: options.users ?? serverUsers,
    lan: { network: hostNetwork(address) },
    restorePolicy: 'always-off',
    softOffTimeoutMs: 1000,
    store: options.store ?? memoryStore(),
    clock: systemClock,
    random: systemRandom(),
    log: silentLogger,
  });
  await bmc.start({ powerReturned: true, powerOn: false });
  const { console, sol: settings, events, users, clock, log } = bmc;
  const sol = new SolService({ console, settings, events, users, clock, log, replayBytes: 0 });
  const lan = new IpmiLan({
    bmc,
    state: new IpmiState(bmc),
    sol,
    commands: ipmiCommands,
    address,
    port: 0,
    ipmi15: options.ipmi15 ?? true,
  });
  await lan.start();
  const { port } = lan.address;
  const ipmitool = (driver: string, ...args: string[]) => {
    const where = ['-I', driver, '-H', address, '-p', `${port}`];
    const login = args.includes('-U') ? [] : ['-U', 'admin', '-P', 'password'];
    return runProgram('ipmitool', [...where, ...login, ...args]);
  };
  return {
    bmc,
    lan,
    ipmitool,
    lanplus: (...args: string[]) => ipmitool('lanplus', ...args),
    /** With the driver that FreeIPMI takes unless told otherwise: IPMI 1.5. */
    freeipmi: (program: string, ...args: string[]) =>
      runProgram(`/usr/sbin/${program}`, [
        '-h',
        `${address}:${port}`,
        ...(args.includes('-u') ? [] : ['-u', 'admin', '-p', 'password']),
        ...args,
      ]),
    stop: async () => {
      await lan.stop();
      await bmc.stop();
    },
  };
}
export type LanServer = Awaited<ReturnType<typeof startLanServer>>;
