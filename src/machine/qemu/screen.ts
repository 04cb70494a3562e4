/**
 * QEMU's screen: VNC on a unix socket that the run directory alone gives access to, pictures and keys by QMP. Each
 * viewer has a connection of its own; QEMU shares the screen among them.
 */
import { constants, type FileHandle, open, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { BmcError } from '../../bmc/errors.ts';
import type { KeyName } from '../../bmc/keyboard.ts';
import type { HostScreen } from '../../bmc/machine.ts';
import { QmpCommandError } from '../qmp/client.ts';
import type { QemuRun } from './qemu-run.ts';
import type { RunDir } from './run-dir.ts';

const connectTimeoutMs = 2000;
const pictureTimeoutMs = 5000;
/** A screen of 8192 × 8192 compresses to less. */
const maxPictureBytes = 32 * 1024 * 1024;
const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export class QemuScreen implements HostScreen {
  readonly #runDir: RunDir;
  readonly #run: () => QemuRun | undefined;
  /** One picture after the other: they share a file. */
  #taking: Promise<unknown> = Promise.resolve();

  /** @param run the QEMU that runs, if one does */
  constructor(runDir: RunDir, run: () => QemuRun | undefined) {
    this.#runDir = runDir;
    this.#run = run;
  }

  view(): Promise<Socket> {
    this.#requireRun();
    return connected(this.#runDir.vncSocket);
  }

  picture(): Promise<Uint8Array> {
    const taken = this.#taking.then(() => this.#picture());
    this.#taking = taken.catch(() => undefined);
    return taken;
  }

  async press(keys: readonly KeyName[], holdMs: number): Promise<void> {
    const codes = keys.map((key) => ({ type: 'qcode' as const, data: qcodeOf(key) }));
    await this.#execute((qmp) => qmp.execute('send-key', { keys: codes, 'hold-time': holdMs }));
  }

  async #picture(): Promise<Uint8Array> {
    const file = this.#runDir.picture;
    // What lies there may be anything: QEMU can write to this directory.
    await rm(file, { force: true });
    try {
      await this.#execute((qmp) =>
        qmp.execute('screendump', { filename: file, format: 'png' }, { timeoutMs: pictureTimeoutMs }),
      );
      return await readPicture(file);
    } finally {
      await rm(file, { force: true });
    }
  }

  #requireRun(): QemuRun {
    const run = this.#run();
    if (!run?.isOn || run.ending) throw new BmcError('wrong-state', 'the machine is off');
    return run;
  }

  async #execute<T>(command: (qmp: NonNullable<QemuRun['qmp']>) => Promise<T>): Promise<T> {
    const { qmp } = this.#requireRun();
    if (!qmp) throw new BmcError('timed-out', 'QEMU does not answer');
    try {
      return await command(qmp);
    } catch (cause) {
      const kind = cause instanceof QmpCommandError || !this.#run() ? 'wrong-state' : 'timed-out';
      throw new BmcError(kind, (cause as Error).message, { cause });
    }
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), connectTimeoutMs);
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(new BmcError('timed-out', `the screen cannot be reached: ${error.message}`, { cause: error }));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** @throws {BmcError} `wrong-state` for what is no picture */
async function readPicture(path: string): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size } = await file.stat();
    if (size > maxPictureBytes) throw new Error(`${size} bytes`);
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    if (bytesRead !== size || !bytes.subarray(0, 8).equals(pngSignature)) throw new Error('no PNG');
    return bytes;
  } catch (cause) {
    const why = (cause as Error).message;
    throw new BmcError('wrong-state', `QEMU has left no picture: ${why}`, { cause });
  } finally {
    await file?.close();
  }
}

/** QEMU's names (QKeyCode), where they are not the last part of the key's own in small letters. */
const qcodes: Readonly<Partial<Record<KeyName, string>>> = {
  Escape: 'esc',
  Backquote: 'grave_accent',
  BracketLeft: 'bracket_left',
  BracketRight: 'bracket_right',
  CapsLock: 'caps_lock',
  Quote: 'apostrophe',
  Enter: 'ret',
  ShiftLeft: 'shift',
  ShiftRight: 'shift_r',
  Period: 'dot',
  ControlLeft: 'ctrl',
  ControlRight: 'ctrl_r',
  AltLeft: 'alt',
  AltRight: 'alt_r',
  MetaLeft: 'meta_l',
  MetaRight: 'meta_r',
  ContextMenu: 'menu',
  Space: 'spc',
  PrintScreen: 'print',
  ScrollLock: 'scroll_lock',
  PageUp: 'pgup',
  PageDown: 'pgdn',
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  NumLock: 'num_lock',
  NumpadEnter: 'kp_enter',
};

function qcodeOf(key: KeyName): string {
  return qcodes[key] ?? key.replace(/^(Key|Digit)/, '').toLowerCase();
}
