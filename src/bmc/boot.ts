/**
 * The boot override: which device the next boot, or all boots, should take, and by which firmware.
 *
 * One state for every face. A one-time override is used up by the next boot, whoever causes it (IPMI 2.0
 * §28.12); one set through IPMI also expires after 60 s unless a chassis control command follows or the
 * console asked to keep it. This file knows nothing of how a machine obeys.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import type { EventLog } from './event-log.ts';
import type { RestartCause } from './restart.ts';
import type { Store } from './store.ts';

export const bootTargets = [
  'pxe',
  'disk',
  'cdrom',
  'usb',
  'floppy',
  'bios-setup',
  'diagnostic',
  'safe-mode',
] as const;
export type BootTarget = (typeof bootTargets)[number];

/** `bios`: legacy, PC compatible. */
export const firmwares = ['bios', 'uefi'] as const;
export type Firmware = (typeof firmwares)[number];

export interface BootOverride {
  readonly target: BootTarget;
  readonly persistent: boolean;
  /** The boots that it covers are made by this firmware; without it by the one that the machine is set up with. */
  readonly firmware?: Firmware;
}

/** How long an IPMI override waits for a chassis control command. IPMI 2.0 §28.13, boot flag valid bit. */
export const bootFlagsExpiryMs = 60_000;

/** A restart that a one-time override may be dropped before, rather than used up by. IPMI 2.0 Table 28-14, parameter 3. */
export const bootDropCauses = [
  'watchdog',
  'reset-button',
  'power-button',
  'event-filter-reset',
  'event-filter-cycle',
] as const satisfies readonly RestartCause[];
export type BootDropCause = (typeof bootDropCauses)[number];

interface BootState {
  readonly override: BootOverride | null;
  readonly droppedBy?: readonly BootDropCause[];
}

export interface BootDependencies {
  readonly clock: Clock;
  readonly store: Store;
  readonly events: EventLog;
  readonly log: Logger;
}

export class Boot {
  readonly #dependencies: BootDependencies;
  readonly #changed = new Emitter<BootOverride | undefined>();
  #override: BootOverride | undefined;
  #droppedBy: readonly BootDropCause[];
  #expiry: Timer | undefined;

  constructor(dependencies: BootDependencies) {
    this.#dependencies = dependencies;
    const kept = dependencies.store.load<BootState>('boot');
    this.#override = kept?.override ?? undefined;
    this.#droppedBy = kept?.droppedBy ?? [];
  }

  get override(): BootOverride | undefined {
    return this.#override;
  }

  /** Told of every change, with the override now in force. */
  onChange(listener: (override: BootOverride | undefined) => void): () => void {
    return this.#changed.on(listener);
  }

  /**
   * @param options.expires drop a one-time override after {@link bootFlagsExpiryMs} unless {@link keep} is called
   * @param options.droppedBy restarts that drop a one-time override instead of following it
   * @throws {BmcError} when the change cannot be kept; nothing has changed then
   */
  set(
    override: BootOverride | undefined,
    actor: Actor,
    options: { expires?: boolean; droppedBy?: readonly BootDropCause[] } = {},
  ): void {
    const { clock, events } = this.#dependencies;
    const droppedBy = override && !override.persistent ? (options.droppedBy ?? []) : [];
    if (!sameOverride(this.#override, override) || droppedBy.join() !== this.#droppedBy.join()) {
      this.#save(override, droppedBy);
      this.#droppedBy = droppedBy;
      this.#apply(override);
      const what = override ? describe(override) : 'none';
      events.add('boot-override', `boot override set to ${what} by ${actor.name}`, actor);
    }
    this.keep();
    if (override && !override.persistent && options.expires) {
      this.#expiry = clock.after(bootFlagsExpiryMs, () => this.#drop());
    }
  }

  /** A chassis control command came: the override stays until a boot uses it up. */
  keep(): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
  }

  /** The machine is about to start anew, for this reason. */
  restarting(cause: RestartCause): void {
    if (!this.#override || !this.#droppedBy.some((each) => each === cause)) return;
    this.#dependencies.log.info({ cause, override: this.#override }, 'boot override dropped');
    this.#drop();
  }

  /** A boot has begun: a one-time override is used up. */
  booted(): void {
    this.keep();
    if (this.#override && !this.#override.persistent) this.#drop();
  }

  /** Nobody waits for an answer here: an override that cannot be dropped on the disk is dropped in memory. */
  #drop(): void {
    try {
      this.#save(undefined, []);
    } catch (error) {
      this.#dependencies.log.error({ err: error }, 'boot override not dropped on the disk');
    }
    this.#droppedBy = [];
    this.#apply(undefined);
  }

  #apply(override: BootOverride | undefined): void {
    this.#override = override;
    this.#changed.emit(override);
  }

  #save(override: BootOverride | undefined, droppedBy: readonly BootDropCause[]): void {
    const state: BootState = { override: override ?? null, ...(droppedBy.length > 0 && { droppedBy }) };
    this.#dependencies.store.save('boot', state);
  }
}

export function sameOverride(a: BootOverride | undefined, b: BootOverride | undefined): boolean {
  return a?.target === b?.target && a?.persistent === b?.persistent && a?.firmware === b?.firmware;
}

function describe({ target, persistent, firmware }: BootOverride): string {
  return [target, ...(firmware ? [`by ${firmware}`] : []), ...(persistent ? [] : ['once'])].join(', ');
}
