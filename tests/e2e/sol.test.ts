/** Serial-over-LAN with real clients, against the whole IPMI face and a machine that is a small shell. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bmc } from '../../src/bmc/bmc.ts';
import type { HostConsole, Machine, MachineEvent } from '../../src/bmc/machine.ts';
import { memoryStore } from '../../src/bmc/store.ts';
import { getDeviceId } from '../../src/ipmi/commands/app.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { CommandRegistry } from '../../src/ipmi/commands/registry.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { IpmiLan } from '../../src/ipmi/lan.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Emitter } from '../../src/lib/emitter.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { FakeFirmware } from '../../src/machine/fake/fake-firmware.ts';
import { FakeScreen } from '../../src/machine/fake/fake-screen.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { freeUdpPort, run, until } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';

/** Echoes what is typed; a line `lines N` prints N numbered lines. */
class ShellConsole implements HostConsole {
  connected = true;
  breaks = 0;
  #line = '';
  #say: (bytes: Uint8Array) => void = () => undefined;
  #connection: (connected: boolean) => void = () => undefined;

  say(text: string): void {
    this.#say(Buffer.from(text, 'latin1'));
  }

  switch(on: boolean): void {
    this.connected = on;
    this.#connection(on);
  }

  receive(listener: (bytes: Uint8Array) => void): void {
    this.#say = listener;
  }

  send(bytes: Uint8Array): number {
    if (!this.connected) return 0;
    for (const character of Buffer.from(bytes).toString('latin1')) {
      if (character !== '\r') {
        this.#line += character;
        this.say(character);
        continue;
      }
      const count = Number(/^lines (\d+)$/.exec(this.#line)?.[1] ?? 0);
      this.#line = '';
      const lines = Array.from({ length: count }, (_, i) => `line ${String(i).padStart(5, '0')} of many\r\n`);
      this.say(`\r\n${lines.join('')}test login: `);
    }
    return bytes.length;
  }

  drained(): void {}

  sendBreak(): void {
    this.breaks++;
    this.say('<break>');
  }

  connection(listener: (connected: boolean) => void): void {
    this.#connection = listener;
  }

  history(): Promise<Uint8Array> {
    return Promise.resolve(Buffer.from('booted\r\ntest login: '));
  }
}

class ShellMachine implements Machine {
  readonly console = new ShellConsole();
  readonly #events = new Emitter<MachineEvent>();
  readonly configured = {
    cpus: 1,
    sockets: 1,
    threadsPerCore: 1,
    memoryMb: 512,
    firmware: 'bios',
    secureBoot: false,
    serialRedirection: true,
    networkBoot: true,
    tpm: false,
    bootOrder: [],
  } as const;
  readonly hardware = this.configured;
  readonly inventory = { processors: [], memory: [], drives: [], nics: [], tpm: undefined, pci: [] };
  readonly bootDevices = [];
  readonly bootEntries = [];
  readonly nics = [];

  nicCounters(): undefined {}
  readonly screen = new FakeScreen(() => false);
  running = false;

  on(listener: (event: MachineEvent) => void): () => void {
    return this.#events.on(listener);
  }
  async open(): Promise<void> {
    this.running = true;
    this.#events.emit({ kind: 'started', adopted: true });
  }
  async close(): Promise<void> {}
  setUpBy(): void {}
  async powerOn(): Promise<void> {}
  async forceOff(): Promise<void> {}
  async pressPowerButton(): Promise<void> {}
  async reset(): Promise<void> {}
  async pause(): Promise<void> {}
  async resume(): Promise<void> {}
  async diagnosticInterrupt(): Promise<void> {}
  setBootOverride(): void {}
  async telemetry(): Promise<undefined> {}
  async changeMedium(): Promise<void> {}
  readonly firmware = new FakeFirmware(() => undefined);
}

const port = await freeUdpPort();
const address = '127.0.0.1';
const login = ['-U', 'admin', '-P', 'password'];
const args = (host: string, ...rest: string[]) => [
  '-I',
  'lanplus',
  '-H',
  host,
  '-p',
  String(port),
  ...login,
  ...rest,
];
const ipmitool = (...rest: string[]) => run('ipmitool', args(address, ...rest));

/** How often Get Device ID was answered. */
let deviceIdsAsked = 0;
const commands = new CommandRegistry(
  ipmiCommands.definitions.map((definition) =>
    definition !== getDeviceId
      ? definition
      : {
          ...definition,
          handle(request, context) {
            deviceIdsAsked++;
            return definition.handle(request, context);
          },
        },
  ),
);

let machine: ShellMachine;
let bmc: Bmc;
let sol: SolService;
let lan: IpmiLan;
let terminals: Terminal[];

function open(program: string, programArgs: readonly string[]): Terminal {
  const terminal = new Terminal(program, programArgs);
  terminals.push(terminal);
  return terminal;
}

/** `ipmitool sol activate` up to its greeting. */
async function activate(host = address, ...options: string[]): Promise<Terminal> {
  const terminal = open('ipmitool', args(host, ...options, 'sol', 'activate'));
  await terminal.expect('[SOL Session operational.');
  return terminal;
}

beforeEach(async () => {
  terminals = [];
  machine = new ShellMachine();
  const store = memoryStore();
  bmc = new Bmc({
    machine,
    identity: {
      uuid: '4b1c6d2e-0f3a-4a57-9d4b-2d1f6f0c9a11',
      serialNumber: 'QBTEST',
      manufacturer: 'qemu-bmc',
      product: 'test',
      firmwareVersion: '0.1.0',
    },
    users: [{ name: 'admin', password: 'password', limit: 'administrator' }],
    restorePolicy: 'always-off',
    softOffTimeoutMs: 60_000,
    store,
    clock: systemClock,
    random: systemRandom(),
    log: silentLogger,
  });
  await bmc.start({ powerReturned: false, powerOn: false });
  sol = new SolService({
    console: bmc.console,
    settings: bmc.sol,
    events: bmc.events,
    users: bmc.users,
    clock: systemClock,
    log: silentLogger,
    replayBytes: 0,
  });
  lan = new IpmiLan({ bmc, state: new IpmiState(bmc), commands, sol, address, port });
  await lan.start();
});

afterEach(async () => {
  for (const terminal of terminals) terminal.kill();
  sol.stop();
  await lan.stop();
  await bmc.stop();
});

describe('ipmitool', () => {
  test('gets a prompt, an echo of its keys, sends a break and leaves with ~.', async () => {
    const terminal = await activate();
    await terminal.typeUntil('\r', 'test login: ');
    terminal.type('root');
    await terminal.expect('root');
    terminal.type('\r');
    await terminal.expect('test login: ');
    terminal.type('\r~B');
    await terminal.expect('<break>');
    terminal.type('\r~.');
    await terminal.expect('[terminated ipmitool]');
    expect(await terminal.exited()).toBe(0);
    expect(machine.console.breaks).toBe(1);
    await until('the console is free', () => sol.instances().length === 0);
  });

  test('asks for the device ID every 15 s beside the console, which goes on', async () => {
    const terminal = await activate();
    await terminal.typeUntil('\r', 'test login: ');
    const asked = deviceIdsAsked;
    await until('ipmitool shows that it is alive', () => deviceIdsAsked > asked, 30_000);
    terminal.type('still here');
    await terminal.expect('still here');
  });

  test('shows 3,000 lines whole and in order', async () => {
    const terminal = await activate();
    await terminal.typeUntil('\r', 'test login: ');
    terminal.type('lines 3000\r');
    await terminal.expect(/line 02999 of many/);
    const seen = [...terminal.output.matchAll(/line (\d{5}) of many\r\n/g)].map((match) => Number(match[1]));
    expect(seen).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  });

  test('is told that another session has the console, and `sol deactivate` ends that one with a notice', async () => {
    const first = await activate();
    const second = await ipmitool('sol', 'activate');
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain('SOL payload already active on another session');
    expect((await ipmitool('sol', 'deactivate')).code).toBe(0);
    await first.expect(/\[SOL deactivated: closed by admin \(127\.0\.0\.1:\d+\)\]/);
    await first.expect('SOL session closed by BMC', 10_000);
    expect(await first.exited()).not.toBe(0);
    const again = await ipmitool('sol', 'deactivate');
    expect(again.stderr).toContain('SOL payload already de-activated');
    await activate();
  });

  test('keeps its console over power off and on', async () => {
    const terminal = await activate();
    machine.console.switch(false);
    terminal.type('lost');
    await new Promise((resolve) => setTimeout(resolve, 500));
    machine.console.switch(true);
    machine.console.say('booting again\r\n');
    await terminal.expect('booting again');
    terminal.type('\r');
    await terminal.expect('test login: ');
  });

  test('looks on as instance 2 while instance 1 types', async () => {
    const writer = await activate();
    const viewer = open('ipmitool', args(address, 'sol', 'activate', 'instance=2'));
    await viewer.expect('booted');
    writer.type('hello\r');
    await viewer.expect('hello');
  });

  test('prints complete and sane settings, and changes them', async () => {
    const info = await ipmitool('sol', 'info', '1');
    expect(info.code).toBe(0);
    expect(info.stderr).toBe('');
    const lines = Object.fromEntries(
      info.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+: /)),
    );
    expect(lines).toEqual({
      'Set in progress': 'set-complete',
      Enabled: 'true',
      'Force Encryption': 'true',
      'Force Authentication': 'true',
      'Privilege Level': 'OPERATOR',
      'Character Accumulate Level (ms)': '5',
      'Character Send Threshold': '96',
      'Retry Count': '7',
      'Retry Interval (ms)': '500',
      'Volatile Bit Rate (kbps)': '115.2',
      'Non-Volatile Bit Rate (kbps)': '115.2',
      'Payload Channel': '1 (0x01)',
      'Payload Port': String(port),
    });
    expect((await ipmitool('sol', 'set', 'retry-count', '3', '1')).code).toBe(0);
    expect((await ipmitool('sol', 'set', 'privilege-level', 'admin', '1')).code).toBe(0);
    expect((await ipmitool('sol', 'set', 'volatile-bit-rate', '57.6', '1')).code).toBe(0);
    const changed = await ipmitool('sol', 'info', '1');
    expect(changed.stdout).toMatch(/Retry Count +: 3\n/);
    expect(changed.stdout).toMatch(/Privilege Level +: ADMINISTRATOR\n/);
    expect(changed.stdout).toMatch(/Volatile Bit Rate \(kbps\) +: 57.6\n/);
    expect((await ipmitool('sol', 'payload', 'status', '1', '2')).stdout).toContain(
      'User 2 on channel 1 is enabled',
    );
    expect((await ipmitool('sol', 'payload', 'enable', '1', '2')).code).toBe(0);
    expect((await ipmitool('sol', 'payload', 'disable', '1', '2')).code).toBe(0);
    expect(bmc.users.get(2)?.sol).toBe(false);
    expect((await ipmitool('sol', 'activate')).code).not.toBe(0);
    expect((await ipmitool('sol', 'payload', 'enable', '1', '2')).code).toBe(0);
    expect((await ipmitool('sol', 'set', 'enabled', 'false', '1')).code).toBe(0);
    expect((await ipmitool('sol', 'activate')).stderr).toContain('SOL payload disabled');
  });

  test('shows every line through a network that loses, doubles and reorders 10 % each', async () => {
    const proxy = new LossyProxy({
      address: '127.0.0.2',
      target: { address, port },
      seed: 44,
      drop: 10,
      duplicate: 10,
      reorder: 10,
    });
    await proxy.start();
    try {
      const terminal = await until('a handshake gets through', async () => {
        try {
          return await activate('127.0.0.2', '-N', '1', '-R', '12');
        } catch {
          return undefined;
        }
      });
      const lines = Array.from({ length: 300 }, (_, i) => `line ${String(i).padStart(5, '0')} of many`);
      machine.console.say(lines.map((line) => `${line}\r\n`).join(''));
      machine.console.say('that was all\r\n');
      await terminal.expect('that was all', 60_000);
      // ipmitool 1.8.19 compares a packet with the one before only: what the network doubles or delays may show
      // twice, even in the middle of a line. Nothing may be missing, or come before what it follows.
      expect(withoutRepeats(terminal.output, lines.join(''))).toBe(lines.join(''));
      expect(proxy.counters.dropped).toBeGreaterThan(0);
    } finally {
      await proxy.stop();
    }
  });
});

describe('ipmiconsole', () => {
  const ipmiconsole = () =>
    open('ipmiconsole', ['-h', `${address}:${port}`, '-u', 'admin', '-p', 'password', '-I', '3']);

  test('gets a prompt and leaves with &.', async () => {
    const terminal = ipmiconsole();
    await terminal.expect('[SOL established]');
    terminal.type('\r');
    await terminal.expect('test login: ');
    terminal.type('&.');
    await terminal.expect('[closing the connection]');
    await terminal.exited();
    await until('the console is free', () => sol.instances().length === 0);
  });

  test('takes the console from ipmitool, and ends when its own is closed', async () => {
    const first = await activate();
    const second = ipmiconsole();
    await second.expect('[SOL established]');
    await first.expect('[SOL deactivated: ');
    second.type('\r');
    await second.expect('test login: ');
    expect((await ipmitool('sol', 'deactivate')).code).toBe(0);
    await second.expect('[SOL session stolen]');
    await second.exited();
  });
});

/** As much of the text as can be read in what was shown, in order, with anything in between. */
function withoutRepeats(shown: string, text: string): string {
  let found = 0;
  for (const character of shown) if (character === text[found]) found++;
  return text.slice(0, found);
}
