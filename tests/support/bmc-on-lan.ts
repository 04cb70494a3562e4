/** A BMC on the loopback address with a machine in memory that is off, and the real clients that talk to it. */
import { execFile } from 'node:child_process';
import { Bmc } from '../../src/bmc/bmc.ts';
import { memoryStore, type Store } from '../../src/bmc/store.ts';
import type { SendTrap } from '../../src/ipmi/alerting.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { IpmiLan } from '../../src/ipmi/lan.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { FakeMachine } from '../../src/machine/fake/fake-machine.ts';

export interface Outcome {
  readonly code: number;
  /** Standard output, then standard error. */
  readonly output: string;
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, output: stdout + stderr });
    });
  });
}

export async function startBmcOnLan(options: { readonly store?: Store; readonly sendTrap?: SendTrap } = {}) {
  const machine = new FakeMachine({ clock: systemClock });
  const bmc = new Bmc({
    machine,
    identity: {
      uuid: '4c1f6e0a-52f1-4b7e-9a43-0123456789ab',
      serialNumber: 'QB0',
      manufacturer: 'qemu-bmc',
      product: 'e2e',
      firmwareVersion: '1.2.3',
    },
    users: [{ name: 'admin', password: 'password', limit: 'administrator' }],
    restorePolicy: 'always-off',
    softOffTimeoutMs: 1000,
    store: options.store ?? memoryStore(),
    clock: systemClock,
    random: systemRandom(),
    log: silentLogger,
  });
  const { console, sol: settings, events, users, clock, log } = bmc;
  const sol = new SolService({ console, settings, events, users, clock, log, replayBytes: 0 });
  const { sendTrap } = options;
  const state = new IpmiState(bmc, sendTrap === undefined ? {} : { sendTrap });
  const lan = new IpmiLan({ bmc, state, sol, commands: ipmiCommands, address: '127.0.0.1', port: 0 });
  // After the IPMI state is there, which makes SEL records of what happens.
  await bmc.start({ powerReturned: true, powerOn: false });
  await lan.start();
  const { port } = lan.address;
  return {
    bmc,
    machine,
    ipmitool: (...args: string[]) => {
      const login = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(port), '-U', 'admin', '-P', 'password'];
      return run('ipmitool', [...login, ...args]);
    },
    freeipmi: (program: string, ...args: string[]) => {
      const login = [
        '-D',
        'LAN_2_0',
        '-h',
        `127.0.0.1:${port}`,
        '-u',
        'admin',
        '-p',
        'password',
        '-l',
        'ADMIN',
      ];
      return run(program, [...login, ...args]);
    },
    async stop(): Promise<void> {
      await lan.stop();
      await bmc.stop({ shutdownGraceMs: 0 });
    },
  };
}
