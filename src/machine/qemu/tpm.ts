/**
 * The machine's TPM 2.0: a process of swtpm, which the launcher starts before QEMU and which lives as long as QEMU does. What it
 * keeps (keys, certificates, NV storage) is in a directory of the machine's, over power cycles and with whatever firmware.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../../lib/clock.ts';
import { isAlive, type ProcessRef } from './process.ts';

const pollMs = 1000;

/**
 * Makes the directory of the TPM's state.
 * @param socket where QEMU finds the TPM
 * @returns its command, program first
 * @throws {RangeError} for a path that swtpm cannot be given
 */
export function tpmCommand(stateDir: string, socket: string): string[] {
  const directory = join(stateDir, 'tpm');
  for (const path of [directory, socket]) {
    // swtpm's options know no escape.
    if (/[,\p{Cc}]/u.test(path)) throw new RangeError(`TPM: no comma allowed in ${JSON.stringify(path)}`);
  }
  // Where QEMU has a user of its own, it is his, and is there already.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return [
    ...['swtpm', 'socket', '--tpm2', '--terminate'],
    ...['--tpmstate', `dir=${directory},mode=0600`],
    ...['--ctrl', `type=unixio,path=${socket},mode=0660`],
  ];
}

/** Looks after a TPM while its machine runs: QEMU goes on without it and tells nobody. */
export class TpmWatch {
  readonly #process: ProcessRef;
  readonly #clock: Clock;
  readonly #ended: () => void;
  #timer: Timer | undefined;

  /** @param ended told once, within a second */
  constructor(process: ProcessRef, clock: Clock, ended: () => void) {
    this.#process = process;
    this.#clock = clock;
    this.#ended = ended;
  }

  start(): void {
    this.stop();
    this.#timer = this.#clock.after(pollMs, () => {
      if (isAlive(this.#process)) this.start();
      else this.#ended();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
