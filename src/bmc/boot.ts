/**
 * The boot override: which device the next boot, or all boots, should take.
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

export interface BootOverride {
  readonly target: BootTarget;
  readonly persistent: boolean;
  /** Asked for as a UEFI boot. Kept and shown; the machine boots in the mode it is configured for. */
  readonly uefi: boolean;
}

/** How long an IPMI override waits for a chassis control command. IPMI 2.0 §28.13, boot flag valid bit. */
export const bootFlagsExpiryMs = 60_000;

interface BootState {
  readonly override: BootOverride | null;
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
  #expiry: Timer | undefined;

  constructor(dependencies: BootDependencies) {
    this.#dependencies = dependencies;
    this.#override = dependencies.store.load<BootState>('boot')?.override ?? undefined;
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
   * @throws {BmcError} when the change cannot be kept; nothing has changed then
   */
  set(override: BootOverride | undefined, actor: Actor, options: { expires?: boolean } = {}): void {
    const { clock, events } = this.#dependencies;
    if (!same(this.#override, override)) {
      this.#save(override);
      this.#apply(override);
      const what = override ? `${override.target}${override.persistent ? '' : ', once'}` : 'none';
      events.add('boot-override', `boot override set to ${what} by ${actor.name}`);
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

  /** A boot has begun: a one-time override is used up. */
  booted(): void {
    this.keep();
    if (this.#override && !this.#override.persistent) this.#drop();
  }

  /** Nobody waits for an answer here: an override that cannot be dropped on the disk is dropped in memory. */
  #drop(): void {
    try {
      this.#save(undefined);
    } catch (error) {
      this.#dependencies.log.error({ err: error }, 'boot override not dropped on the disk');
    }
    this.#apply(undefined);
  }

  #apply(override: BootOverride | undefined): void {
    this.#override = override;
    this.#changed.emit(override);
  }

  #save(override: BootOverride | undefined): void {
    this.#dependencies.store.save('boot', { override: override ?? null } satisfies BootState);
  }
}

function same(a: BootOverride | undefined, b: BootOverride | undefined): boolean {
  return a?.target === b?.target && a?.persistent === b?.persistent && a?.uefi === b?.uefi;
}
