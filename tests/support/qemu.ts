/** Real QEMU machines for tests: a guest of a few instructions, its disk and CD, and a machine in a directory of its own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MachineEvent } from '../../src/bmc/machine.ts';
import { type Logger, silentLogger } from '../../src/lib/log.ts';
import { processStat } from '../../src/lib/process-stat.ts';
import type { QemuMachineConfig } from '../../src/machine/qemu/config.ts';
import type { NicProvider } from '../../src/machine/qemu/nic-provider.ts';
import { isAlive, killProcess, type ProcessRef } from '../../src/machine/qemu/process.ts';
import { QemuMachine } from '../../src/machine/qemu/qemu-machine.ts';
import type { Supervisor } from '../../src/supervise/supervisor.ts';
import { ChildSupervisor } from './child-supervisor.ts';
import { qemuMachineDefaults } from './qemu-config.ts';

/**
 * A boot sector for SeaBIOS, in 16-bit real mode. It writes `tiny: boot=X` to the first serial port and then
 * obeys single keys, which SeaBIOS takes from that port as well: `r` resets (port CF9h), `s` switches off (ACPI PM1a control of q35), `p` reports a
 * panic (pvpanic); all others are echoed. The ACPI power button switches it off. It sleeps (`hlt`) in between.
 */
const tinyGuestHex =
  'eb0158fa31c08ed88ed0bc0070ba0206b80001efbe6b7cbaf803ac84c0740a3c3f7503a0027ceeebf1ba0006edf6c4017528b401' +
  'cd167504fbf4ebed31c0cd16baf8033c72740b3c73740f3c707414eeebd7baf90cb006eeebfeba0406b80020efebfeba0505b001' +
  'eeebbe74696e793a20626f6f743d3f0d0a00';
const letterOffset = 2;

export function tinyBootSector(letter: string): Buffer {
  const sector = Buffer.alloc(512);
  Buffer.from(tinyGuestHex, 'hex').copy(sector);
  sector[letterOffset] = letter.charCodeAt(0);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/**
 * The tiny guest with one more key: `w` writes a sector 10 MB into its disk, by the firmware, and is echoed when that is
 * over. The disk is 64 MB, nothing of it but its first sector written yet.
 */
export function writeTinyWritingDisk(path: string, letter: string): string {
  const sector = tinyBootSector(letter);
  const [echo, loop, added] = [0x4f, 0x29, 0x100];
  const near = (from: number, to: number) => [0xe9, (to - from - 3) & 0xff, ((to - from - 3) >> 8) & 0xff];
  // In place of `out dx,al; jmp loop`.
  sector.set(near(echo, added), echo);
  const write = [
    ...[0x31, 0xc0, 0x8e, 0xc0, 0xbb, 0x00, 0x7c], // es:bx = the boot sector
    ...[0xb8, 0x01, 0x03, 0xb9, 0x01, 0x14, 0xba, 0x80, 0x00, 0xcd, 0x13], // int 13h: cylinder 20, head 0, sector 1
    ...[0xba, 0xf8, 0x03, 0xb0, 0x77], // dx = the serial port, al = w
  ];
  const code = [0x3c, 0x77, 0x75, write.length, ...write, 0xee];
  sector.set([...code, ...near(added + code.length, loop)], added);
  writeFileSync(path, sector);
  truncateSync(path, 64 * 1024 * 1024);
  return path;
}

/** A raw disk with the tiny guest. */
export function writeTinyDisk(path: string, letter: string): string {
  writeFileSync(path, Buffer.concat([tinyBootSector(letter), Buffer.alloc(1024 * 1024 - 512)]));
  return path;
}

/** An ISO 9660 image with nothing but an El Torito boot entry (no emulation) for the tiny guest. */
export function writeTinyIso(path: string, letter: string): string {
  const sectorBytes = 2048;
  const image = Buffer.alloc(64 * sectorBytes);
  const descriptor = (sector: number, type: number) => {
    const at = sector * sectorBytes;
    image[at] = type;
    image.write('CD001', at + 1, 'latin1');
    image[at + 6] = 1;
    return at;
  };
  descriptor(16, 1);
  const bootRecord = descriptor(17, 0);
  image.write('EL TORITO SPECIFICATION', bootRecord + 7, 'latin1');
  image.writeUInt32LE(19, bootRecord + 0x47);
  descriptor(18, 255);
  const catalog = 19 * sectorBytes;
  image[catalog] = 1;
  image.writeUInt16LE(0xaa55, catalog + 30);
  // All words of the validation entry sum up to 0.
  image.writeUInt16LE((0x10000 - 0xaa55 - 1) & 0xffff, catalog + 28);
  image[catalog + 32] = 0x88;
  image.writeUInt16LE(4, catalog + 32 + 6);
  image.writeUInt32LE(20, catalog + 32 + 8);
  tinyBootSector(letter).copy(image, 20 * sectorBytes);
  writeFileSync(path, image);
  return path;
}

export interface QemuFixture {
  readonly dir: string;
  readonly runDir: string;
  readonly config: QemuMachineConfig;
  /** A machine object on the fixture's run directory; closed by `cleanUp`. */
  machine(options?: {
    config?: Partial<QemuMachineConfig>;
    supervisor?: Supervisor;
    nics?: NicProvider;
    log?: Logger;
  }): WatchedMachine;
  /** The QEMU process of the run directory. */
  process(): ProcessRef;
  /** Ends the QEMU that the fixture started, and removes its directory. */
  cleanUp(): Promise<void>;
}

/** A machine with what it did written down. */
export interface WatchedMachine {
  readonly machine: QemuMachine;
  readonly events: MachineEvent[];
  /** All bytes that came from the serial port. */
  output(): string;
  clearOutput(): void;
  until(text: string, timeoutMs?: number): Promise<void>;
  event(kind: MachineEvent['kind'], timeoutMs?: number): Promise<MachineEvent>;
}

export function qemuFixture(overrides: Partial<QemuMachineConfig> = {}): QemuFixture {
  const dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-test-'));
  const runDir = join(dir, 'run');
  mkdirSync(runDir, { mode: 0o700 });
  const config: QemuMachineConfig = {
    ...qemuMachineDefaults,
    name: `test-${process.pid}`,
    uuid: '6f5ba4b4-6a35-4b1c-9d6e-0123456789ab',
    memoryMb: 64,
    cpus: 1,
    acceleratorMode: 'false',
    disks: [{ path: writeTinyDisk(join(dir, 'disk.img'), 'D'), format: 'raw' }],
    cdrom: writeTinyIso(join(dir, 'cd.iso'), 'C'),
    ...overrides,
  };
  const opened: QemuMachine[] = [];
  const seen = new Map<number, ProcessRef>();
  const runningProcess = () => {
    const [, pid, startTime] = /^(\d+) (\d+)\n$/.exec(readFileSync(join(runDir, 'qemu.pid'), 'latin1')) ?? [];
    if (!pid || !startTime) throw new Error('no QEMU process');
    const ref = { pid: Number(pid), startTime };
    seen.set(ref.pid, ref);
    return ref;
  };
  return {
    dir,
    runDir,
    config,
    process: runningProcess,
    machine(options = {}) {
      const machine = new QemuMachine({
        config: { ...config, ...options.config },
        runDir,
        stateDir: join(dir, 'state'),
        supervisor: options.supervisor ?? new ChildSupervisor(runDir),
        nics: options.nics ?? noCards,
        log: options.log ?? silentLogger,
      });
      opened.push(machine);
      return watch(machine);
    },
    async cleanUp() {
      try {
        runningProcess();
      } catch {
        // It has ended.
      }
      for (const machine of opened) await machine.close();
      for (const ref of seen.values()) if (isAlive(ref)) killProcess(ref);
      // Until its parent has taken note as well: when this process ends before, a zombie is left to init.
      await eventually(
        () => [...seen.values()].every(({ pid }) => !processStat(pid)),
        'QEMU is gone',
        10_000,
      );
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function watch(machine: QemuMachine): WatchedMachine {
  const events: MachineEvent[] = [];
  let output = '';
  machine.on((event) => {
    // When its parts are seen is a matter of chance.
    if (event.kind !== 'parts') events.push(event);
  });
  machine.console.receive((bytes) => {
    output += Buffer.from(bytes).toString('latin1');
  });
  return {
    machine,
    events,
    output: () => output,
    clearOutput: () => {
      output = '';
    },
    until: (text, timeoutMs = 60_000) =>
      eventually(
        () => output.includes(text),
        `"${text}" on the console`,
        timeoutMs,
        () => output.slice(-500),
      ),
    async event(kind, timeoutMs = 60_000) {
      const find = () => events.find((event) => event.kind === kind);
      await eventually(
        () => find() !== undefined,
        `event ${kind}`,
        timeoutMs,
        () => JSON.stringify(events),
      );
      const found = find();
      if (!found) throw new Error(`event ${kind} is gone`);
      return found;
    },
  };
}

export async function eventually(
  condition: () => boolean,
  what: string,
  timeoutMs: number,
  state: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() >= deadline) throw new Error(`${what}: not within ${timeoutMs} ms; ${state()}`);
    await sleep(5);
  }
}

/** A machine with these cards, on QEMU's own network. */
export function userCards(...macs: readonly string[]): NicProvider {
  const planned = macs.map((mac, index) => ({ id: `nic${index}`, mac }));
  const backend = { kind: 'user', restrict: false } as const;
  const cards = planned.map((each) => ({ ...each, backend }));
  const shown = { mtu: undefined, queues: 1, wire: undefined, linkUp: true, note: undefined };
  const nics = planned.map((each) => ({ ...each, ...shown, backend: 'user' }));
  return { ...noCards, planned, nics, prepare: () => Promise.resolve(cards) };
}

/** A machine without network cards. */
const noCards: NicProvider = {
  nics: [],
  counters: () => undefined,
  planned: [],
  on: () => () => undefined,
  plan: () => Promise.resolve(),
  prepare: () => Promise.resolve([]),
  adopt: () => Promise.resolve(),
  release: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
