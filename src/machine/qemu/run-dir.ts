/**
 * The directory of one machine's run: sockets, QEMU's arguments and what a later life of ours needs to take a
 * running QEMU over. It may lie on a tmpfs; nothing here is worth keeping once QEMU has ended.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BootOverride } from '../../bmc/boot.ts';
import type { BootDevice } from './boot-order.ts';
import { isAlive, type ProcessRef } from './process.ts';

/** `sun_path` has 108 bytes, the last one NUL. */
const maxSocketPathBytes = 107;

/** `machine.json`: how the QEMU that runs was started. Its absence says that none was meant to run. */
export interface RunRecord {
  readonly name: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly acceleratorReason: string;
  /** Wall time in milliseconds since 1970. */
  readonly poweredOnAt: number;
  readonly bootDevices: readonly BootDevice[];
  readonly bootOverride: BootOverride | null;
}

export class RunDir {
  readonly path: string;

  /** @throws {RangeError} when a unix socket in it would have too long a path */
  constructor(path: string) {
    this.path = resolve(path);
    const longest = Buffer.byteLength(this.serialSocket);
    if (longest > maxSocketPathBytes) {
      throw new RangeError(
        `run directory ${this.path}: too long for a unix socket: ${longest} bytes with the file name, at most ${maxSocketPathBytes}`,
      );
    }
  }

  get qmpSocket(): string {
    return join(this.path, 'qmp.sock');
  }
  get serialSocket(): string {
    return join(this.path, 'serial.sock');
  }
  /** The BMC's own, where QEMU finds the system interface; not part of one run. */
  get ipmiSocket(): string {
    return join(this.path, 'ipmi.sock');
  }
  get vncSocket(): string {
    return join(this.path, 'vnc.sock');
  }
  get serialLog(): string {
    return join(this.path, 'serial.log');
  }
  /** Content of the fw_cfg file that has SeaBIOS use the serial port. */
  get serialConsolePort(): string {
    return join(this.path, 'sercon-port');
  }
  /** Standard error of QEMU's latest start. */
  get errors(): string {
    return join(this.path, 'qemu.err');
  }
  get #args(): string {
    return join(this.path, 'qemu.args');
  }
  /** Written by the launcher, which holds the lock: `PID STARTTIME`. */
  get #pid(): string {
    return join(this.path, 'qemu.pid');
  }
  get #record(): string {
    return join(this.path, 'machine.json');
  }

  create(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    chmodSync(this.path, 0o700);
  }

  /** Removes what a QEMU that has ended leaves; its errors stay for people to read. */
  forget(): void {
    for (const file of [this.qmpSocket, this.serialSocket, this.vncSocket, this.#pid, this.#record]) {
      rmSync(file, { force: true });
    }
  }

  /** Before a start: nothing old may be taken for the new QEMU's. */
  clear(): void {
    this.forget();
    rmSync(this.errors, { force: true });
  }

  /** @param argv program first; no element holds a NUL */
  writeArgs(argv: readonly string[]): void {
    const port = Buffer.alloc(8);
    port.writeBigUInt64LE(0x3f8n);
    writeFileSync(this.serialConsolePort, port, { mode: 0o600 });
    replaceFile(this.#args, argv.map((arg) => `${arg}\0`).join(''));
  }

  writeRecord(record: RunRecord): void {
    replaceFile(this.#record, `${JSON.stringify(record)}\n`);
  }

  readRecord(): RunRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#record, 'utf8')) as RunRecord;
    } catch {
      return undefined;
    }
  }

  /** The QEMU that the launcher started last, whether or not it still runs. */
  readProcess(): ProcessRef | undefined {
    let text: string;
    try {
      text = readFileSync(this.#pid, 'latin1');
    } catch {
      return undefined;
    }
    const [, pid, startTime] = /^(\d+) (\d+)\n$/.exec(text) ?? [];
    return pid && startTime ? { pid: Number(pid), startTime } : undefined;
  }

  livingProcess(): ProcessRef | undefined {
    const process = this.readProcess();
    return process && isAlive(process) ? process : undefined;
  }

  /** The last lines QEMU wrote to standard error, without its time stamps; empty when it wrote none. */
  lastErrors(lines = 3): string {
    let text: string;
    try {
      text = readFileSync(this.errors, 'utf8');
    } catch {
      return '';
    }
    return text
      .split('\n')
      .map((line) =>
        line
          .replace(/^\d{4}-\d\d-\d\dT\S+Z /, '')
          .replace(/\p{Cc}/gu, ' ')
          .trim(),
      )
      .filter((line) => line !== '' && !line.includes(' warning: '))
      .slice(-lines)
      .join('; ')
      .slice(0, 500);
  }
}

function replaceFile(path: string, content: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}
