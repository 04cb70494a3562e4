/**
 * The boot override: which device the next boot, or all boots, should take.
 *
 * One state for every face. A one-time override is used up by the next boot, whoever causes it (IPMI 2.0
 * §28.12); one set through IPMI also expires after 60 s unless a chassis control command follows or the
 * console asked to keep it. This file knows nothing of how a machine obeys.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
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
}

/** How long an IPMI override waits for a chassis control command. IPMI 2.0 §28.13, boot flag valid bit. */
export const bootFlagsExpiryMs = 60_000;

interface BootState {
  readonly override: BootOverride | null;
}

export class Boot {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #changed = new Emitter<BootOverride | undefined>();
  #override: BootOverride | undefined;
  #expiry: Timer | undefined;

  constructor(clock: Clock, store: Store) {
    this.#clock = clock;
    this.#store = store;
    this.#override = store.load<BootState>('boot')?.override ?? undefined;
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
   */
  set(override: BootOverride | undefined, options: { expires?: boolean } = {}): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
    this.#assign(override);
    if (override && !override.persistent && options.expires) {
      this.#expiry = this.#clock.after(bootFlagsExpiryMs, () => this.#assign(undefined));
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
    if (this.#override && !this.#override.persistent) this.#assign(undefined);
  }

  #assign(override: BootOverride | undefined): void {
    const same =
      this.#override?.target === override?.target && this.#override?.persistent === override?.persistent;
    this.#override = override;
    if (same) return;
    this.#store.save('boot', { override: override ?? null } satisfies BootState);
    this.#changed.emit(override);
  }
}
