/**
 * Decides when a changed boot override may reach the running machine.
 *
 *     started(), reset ──▶ unsettled ── quietMs without a reset ──▶ settled ── want() ──▶ applied at once
 *
 * The firmware's own extra resets read the list of boot devices anew. A change during those would reach the
 * boot in progress, so that it waits until there has been no reset for a while; a reset that we command
 * ourselves takes it along (`flush`).
 */
import type { MachineBootOverride } from '../../bmc/boot.ts';
import type { Clock, Timer } from '../../lib/clock.ts';

/** SeaBIOS resets once more 30 to 70 ms after a reset; OVMF reads the list within 1 s. */
export const bootQuietMs = 1500;

export class BootSettler {
  readonly #clock: Clock;
  readonly #apply: (override: MachineBootOverride | undefined) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #wanted: MachineBootOverride | undefined;
  #applied: MachineBootOverride | undefined;
  /** False after adopting: then nobody knows what the running machine has. */
  #appliedIsKnown = true;
  #running = false;
  #quietAt = 0;
  #timer: Timer | undefined;
  #applying: Promise<void> | undefined;

  /**
   * @param apply gives the running machine a new order; may fail, and is then called again later
   * @param failed told why it failed
   */
  constructor(
    clock: Clock,
    apply: (override: MachineBootOverride | undefined) => Promise<void>,
    failed: (error: unknown) => void,
  ) {
    this.#clock = clock;
    this.#apply = apply;
    this.#failed = failed;
  }

  /** What the next boot would take if it came now. */
  get applied(): MachineBootOverride | undefined {
    return this.#applied;
  }

  /** What a reset of ours would take. */
  get wanted(): MachineBootOverride | undefined {
    return this.#wanted;
  }

  want(override: MachineBootOverride | undefined): void {
    this.#wanted = override;
    this.#schedule();
  }

  /** A machine is about to be started. @returns the override that it starts with */
  starting(): MachineBootOverride | undefined {
    this.#applied = this.#wanted;
    this.#appliedIsKnown = true;
    return this.#applied;
  }

  started(): void {
    this.#running = true;
    this.disturbed();
  }

  adopted(applied: MachineBootOverride | undefined): void {
    this.#applied = applied;
    this.#appliedIsKnown = false;
    this.started();
  }

  /** Devices came or went: the order is to be said anew. */
  devicesChanged(): void {
    this.#appliedIsKnown = false;
    this.#schedule();
  }

  /** The machine was reset, by whomever. */
  disturbed(): void {
    this.#quietAt = this.#clock.now() + bootQuietMs;
    this.#schedule();
  }

  stopped(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Applies what is wanted now: a reset of ours follows. @throws what applying throws */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#applying?.catch(() => undefined);
    if (this.#pending) await this.#applyNow();
  }

  get #pending(): boolean {
    return (
      !this.#appliedIsKnown ||
      this.#wanted?.target !== this.#applied?.target ||
      this.#wanted?.firmware !== this.#applied?.firmware ||
      this.#wanted?.choice !== this.#applied?.choice
    );
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#running || !this.#pending) return;
    const waitMs = Math.max(0, this.#quietAt - this.#clock.now());
    this.#timer = this.#clock.after(waitMs, () => void this.#settle());
  }

  async #settle(): Promise<void> {
    this.#timer = undefined;
    if (this.#applying) {
      await this.#applying.catch(() => undefined);
      if (this.#timer) return;
    }
    if (!this.#running || !this.#pending) return;
    try {
      await this.#applyNow();
      this.#schedule();
    } catch (error) {
      this.#failed(error);
      this.#quietAt = this.#clock.now() + bootQuietMs;
      this.#schedule();
    }
  }

  async #applyNow(): Promise<void> {
    const override = this.#wanted;
    this.#applying = this.#apply(override).then(() => {
      this.#applied = override;
      this.#appliedIsKnown = true;
    });
    try {
      await this.#applying;
    } finally {
      this.#applying = undefined;
    }
  }
}
