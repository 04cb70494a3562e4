/**
 * A BMC in a process of its own with the product's ends of QEMU's sockets, for floods from the guest: `FOLDER`.
 * The serial port is FOLDER/serial.sock, where somebody listens already; FOLDER/ipmi.sock is the system interface.
 */
import { join } from 'node:path';
import { Bmc } from '../src/bmc/bmc.ts';
import { ConsoleHub } from '../src/bmc/console.ts';
import { memoryStore } from '../src/bmc/store.ts';
import { ipmiCommands } from '../src/ipmi/commands/commands.ts';
import { InBand } from '../src/ipmi/in-band.ts';
import { IpmiState } from '../src/ipmi/ipmi-state.ts';
import { IpmiLan } from '../src/ipmi/lan.ts';
import { SolService } from '../src/ipmi/sol/sol-service.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { FakeMachine } from '../src/machine/fake/fake-machine.ts';
import { SerialConsole } from '../src/machine/qemu/serial-console.ts';
import { bmcOptions } from '../tests/support/in-band-bench.ts';

const [folder = ''] = process.argv.slice(2);
const bmc = new Bmc({ ...bmcOptions(clock), machine: new FakeMachine({ clock }), store: memoryStore() });
const state = new IpmiState(bmc);
const serial = new SerialConsole(join(folder, 'serial.log'), () => undefined);
const console = new ConsoleHub(serial, clock);
const { sol: settings, events, users, log } = bmc;
const lan = new IpmiLan({
  bmc,
  state,
  sol: new SolService({ console, settings, events, users, clock, log, replayBytes: 0 }),
  commands: ipmiCommands,
  address: '127.0.0.1',
  port: 0,
});
const inBand = new InBand({
  bmc,
  state,
  commands: ipmiCommands,
  lan: lan.context,
  socketPath: join(folder, 'ipmi.sock'),
});
await lan.start();
await inBand.start();
await bmc.start({ powerReturned: true, powerOn: true });
await console.start();
await serial.attach(join(folder, 'serial.sock'), { adopting: false });
process.stdout.write(`ready ${lan.address.port}\n`);
