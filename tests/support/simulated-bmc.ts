/** A BMC with a machine in memory on a free UDP port of this host, and real clients that talk to it. */
import { Bmc } from '../../src/bmc/bmc.ts';
import { memoryStore } from '../../src/bmc/store.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { IpmiLan } from '../../src/ipmi/lan.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { FakeMachine } from '../../src/machine/fake/fake-machine.ts';
import { bmcOptions } from './in-band-bench.ts';
import { run } from './processes.ts';

export interface Outcome {
  readonly code: number | null;
  /** Standard output, then standard error. */
  readonly output: string;
}

export class SimulatedBmc {
  readonly machine = new FakeMachine({ clock: systemClock });
  readonly bmc: Bmc;
  readonly lan: IpmiLan;

  constructor() {
    this.bmc = new Bmc({ ...bmcOptions(systemClock), machine: this.machine, store: memoryStore() });
    const { console, sol: settings, events, users, clock, log } = this.bmc;
    this.lan = new IpmiLan({
      bmc: this.bmc,
      state: new IpmiState(this.bmc),
      sol: new SolService({ console, settings, events, users, clock, log, replayBytes: 0 }),
      commands: ipmiCommands,
      address: '127.0.0.1',
      port: 0,
    });
  }

  async start(): Promise<void> {
    await this.bmc.start({ powerReturned: true, powerOn: true });
    await this.lan.start();
  }

  async stop(): Promise<void> {
    await this.lan.stop();
    await this.bmc.stop({ shutdownGraceMs: 0 });
  }

  ipmitool(...args: string[]): Promise<Outcome> {
    const login = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(this.lan.address.port)];
    return outcome('ipmitool', [...login, '-U', 'admin', '-P', 'password', ...args]);
  }

  freeIpmi(program: string, ...args: string[]): Promise<Outcome> {
    const host = `127.0.0.1:${this.lan.address.port}`;
    const login = ['-D', 'LAN_2_0', '-h', host, '-u', 'admin', '-p', 'password', '-l', 'ADMIN'];
    return outcome(program, [...login, ...args]);
  }
}

async function outcome(program: string, args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await run(program, args);
  return { code, output: stdout + stderr };
}
