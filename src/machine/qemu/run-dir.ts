/**
 * The directory of one machine's run: sockets, QEMU's arguments and what a later life of ours needs to take a
 * running QEMU over. It may lie on a tmpfs; nothing here is worth keeping once QEMU has ended.
 */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import type { MachineBootOverride } from '../../bmc/boot.ts';
import type { MachineHardware, MachineMedium } from '../../bmc/machine.ts';
import { swapFile } from '../../lib/replace-file.ts';
import type { BootDevice } from './boot-order.ts';
import type { FirmwareInUse } from './machine-firmware.ts';
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
  readonly bootOverride: MachineBootOverride | null;
  readonly hardware: MachineHardware;
  /** What is in the drives for removable media. */
  readonly media: readonly MachineMedium[];
  /** Absent in records of earlier versions. */
  readonly firmware?: FirmwareInUse;
}

/** A file that the launcher opens for reading and writing under a number. */
export interface Descriptor {
  readonly fd: number;
  readonly path: string;
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

  /** Where QEMU makes its sockets: the one place here that it may write to, should it have a user of its own. */
  get #sockets(): string {
    return join(this.path, 'sockets');
  }
  get qmpSocket(): string {
    return join(this.#sockets, 'qmp.sock');
  }
  get serialSocket(): string {
    return join(this.#sockets, 'serial.sock');
  }
  /** The BMC's own, where QEMU finds the system interface; not part of one run. */
  get ipmiSocket(): string {
    return join(this.path, 'ipmi.sock');
  }
  get vncSocket(): string {
    return join(this.#sockets, 'vnc.sock');
  }
  /** Where QEMU leaves a picture of the screen, for a moment. */
  get picture(): string {
    return join(this.#sockets, 'screen.png');
  }

  /** Made by the TPM's process; QEMU connects to it. */
  get tpmSocket(): string {
    return join(this.#sockets, 'tpm.sock');
  }
  get serialLog(): string {
    return join(this.path, 'serial.log');
  }
  /** Content of the fw_cfg file that has SeaBIOS use the serial port. */
  get serialConsolePort(): string {
    return join(this.path, 'sercon-port');
  }
  /** Content of the fw_cfg file with the authorities that UEFI firmware believes over HTTPS. */
  get httpsAuthorities(): string {
    return join(this.path, 'https-authorities');
  }
  /** Standard error of QEMU's latest start. */
  get errors(): string {
    return join(this.path, 'qemu.err');
  }
  get #args(): string {
    return join(this.path, 'qemu.args');
  }
  /** What the launcher opens for QEMU: a line `FD PATH` each. */
  get #fds(): string {
    return join(this.path, 'qemu.fds');
  }
  /** Written by the launcher, which holds the lock: `PID STARTTIME`. */
  get #pid(): string {
    return join(this.path, 'qemu.pid');
  }
  /** What the launcher starts before QEMU; absent for a machine without a TPM. */
  get #tpmArgs(): string {
    return join(this.path, 'tpm.args');
  }
  /** Written by the launcher: `PID STARTTIME`. */
  get #tpmPid(): string {
    return join(this.path, 'tpm.pid');
  }
  get #record(): string {
    return join(this.path, 'machine.json');
  }

  create(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    // A group that may pass through was let in on purpose: QEMU's.
    if ((statSync(this.path).mode & 0o067) !== 0) chmodSync(this.path, 0o700);
    mkdirSync(this.#sockets, { recursive: true });
    chmodSync(this.#sockets, 0o770);
    // Made by us, so that QEMU needs no more than to open it.
    closeSync(openSync(this.serialLog, 'a', 0o660));
  }

  /** Removes what a QEMU that has ended leaves; its errors stay for people to read. */
  forget(): void {
    const { qmpSocket, serialSocket, vncSocket, tpmSocket, picture } = this;
    const left = [
      qmpSocket,
      serialSocket,
      vncSocket,
      tpmSocket,
      picture,
      this.#pid,
      this.#tpmPid,
      this.#record,
    ];
    for (const file of left) rmSync(file, { force: true });
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
    writeFileSync(this.serialConsolePort, port, { mode: 0o640 });
    swapFile(this.#args, words(argv));
  }

  writeHttpsAuthorities(content: Uint8Array): void {
    writeFileSync(this.httpsAuthorities, content, { mode: 0o640 });
  }

  /** @param command program first; undefined for a machine without a TPM */
  writeTpmCommand(command: readonly string[] | undefined): void {
    if (command) swapFile(this.#tpmArgs, words(command));
    else rmSync(this.#tpmArgs, { force: true });
  }

  writeDescriptors(descriptors: readonly Descriptor[]): void {
    swapFile(this.#fds, descriptors.map(({ fd, path }) => `${fd} ${path}\n`).join(''));
  }

  writeRecord(record: RunRecord): void {
    swapFile(this.#record, `${JSON.stringify(record)}\n`);
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
    return readProcessRef(this.#pid);
  }

  /** The TPM that the launcher started last, whether or not it still runs. */
  readTpmProcess(): ProcessRef | undefined {
    return readProcessRef(this.#tpmPid);
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
      .filter((line) => line !== '' && !harmless.test(line))
      .slice(-lines)
      .join('; ')
      .slice(0, 500);
  }
}

/** The second is said of each macvtap with several queues: the kernel spreads packets over them by itself. */
const harmless = / warning: |TUNSETSTEERINGEBPF/;

/** Each ended by NUL, as the launcher reads them. */
function words(list: readonly string[]): string {
  return list.map((word) => `${word}\0`).join('');
}

function readProcessRef(path: string): ProcessRef | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
  const [, pid, startTime] = /^(\d+) (\d+)\n$/.exec(text) ?? [];
  return pid && startTime ? { pid: Number(pid), startTime } : undefined;
}
