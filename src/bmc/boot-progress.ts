/**
 * How far the machine has come in its start, from what can be known outside of it: its power, its resets, and what its
 * firmware and operating system say on the serial console.
 *
 *     none ── power-on, reset ──▶ firmware ── says what it boots ──▶ os-boot ── asks for a login ──▶ os-running
 *                                    └──── shows its menu ──▶ setup
 *
 *     anything ── its kernel panics ──▶ os-stopped, until it is reset or off
 *
 * A machine that was found running is `undefined` until it starts anew: nobody has seen how far it is.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { ConsoleHub } from './console.ts';
import type { ConsoleAttachment } from './console-attachment.ts';
import type { Machine } from './machine.ts';
import type { Power } from './power.ts';

export const bootStages = ['none', 'firmware', 'setup', 'os-boot', 'os-running', 'os-stopped'] as const;
export type BootStage = (typeof bootStages)[number];

export interface BootProgressState {
  readonly stage: BootStage;
  /** Wall time since when. */
  readonly since: number;
}

/** What says that a stage has been reached; SeaBIOS, OVMF, GRUB, Linux, getty. */
const markers: readonly (readonly [RegExp, BootStage])[] = [
  [/Select boot device|"UiApp"/, 'setup'],
  [/Booting from (?!0000)|BdsDxe: starting Boot|Linux version \d/, 'os-boot'],
  [/\blogin: $/m, 'os-running'],
];
/** Nothing that is said in these leads to another one. */
const silentStages: ReadonlySet<BootStage> = new Set(['none', 'os-running', 'os-stopped']);
/** As much of the text before is looked at again: longer than any marker. */
const overlap = 64;
const readBytes = 4096;

export interface BootProgressDependencies {
  readonly clock: Clock;
  readonly console: ConsoleHub;
  readonly power: Power;
  readonly machine: Machine;
}

export class BootProgress {
  readonly #clock: Clock;
  readonly #reader: ConsoleAttachment;
  readonly #changed = new Emitter<void>();
  #state: BootProgressState | undefined;
  #text = '';

  constructor({ clock, console, power, machine }: BootProgressDependencies) {
    this.#clock = clock;
    this.#state = { stage: 'none', since: clock.wallTime() };
    this.#reader = console.attach({ mode: 'read', name: 'boot progress' });
    this.#reader.onReadable(() => this.#look());
    power.onRestart(() => {
      this.#reach('firmware');
      // What the system before said is none of this one's.
      this.#reader.skip();
      this.#look();
    });
    machine.on(({ kind }) => {
      if (kind === 'panic' && this.#state?.stage !== 'os-stopped') this.#reach('os-stopped');
    });
    power.onChange((state) => {
      if (state === 'off') this.#reach('none');
      else if (state === 'on' && this.#state?.stage === 'none') this.#become(undefined);
    });
  }

  /** Undefined for a machine whose start nobody has seen. */
  get state(): BootProgressState | undefined {
    return this.#state;
  }

  /** Told of each stage that is reached. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Reads on until the operating system runs, or has stopped: what is said after that costs nothing. */
  #look(): void {
    for (;;) {
      const stage = this.#state?.stage;
      if (stage === undefined || silentStages.has(stage)) return;
      const bytes = this.#reader.read(readBytes);
      if (bytes.length === 0) return;
      this.#text += Buffer.from(bytes).toString('latin1');
      for (const [marker, next] of markers) {
        if (next !== this.#state?.stage && marker.test(this.#text)) this.#reach(next);
      }
      this.#text = this.#text.slice(-overlap);
    }
  }

  #reach(stage: BootStage): void {
    this.#text = '';
    this.#become({ stage, since: this.#clock.wallTime() });
  }

  #become(state: BootProgressState | undefined): void {
    this.#state = state;
    this.#changed.emit();
  }
}
