/**
 * The settings of Serial-over-LAN, kept across restarts except where said. IPMI 2.0 §26.2, Table 26-5.
 *
 * The bit rates are kept and told but change nothing: a virtual serial port has no line rate.
 */
import { isDeepStrictEqual } from 'node:util';
import { Emitter } from '../lib/emitter.ts';
import { type Actor, type PrivilegeLevel, privilegeLevels } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import { SetInProgress } from './set-in-progress.ts';
import type { Store } from './store.ts';

/** Rates in kbit/s; `serial` is whatever the serial port itself is set to. */
export const bitRates = ['serial', '9.6', '19.2', '38.4', '57.6', '115.2'] as const;
export type BitRate = (typeof bitRates)[number];

export interface SolConfiguration {
  readonly enabled: boolean;
  readonly forceEncryption: boolean;
  readonly forceAuthentication: boolean;
  /** The least level that may open SOL. */
  readonly privilege: PrivilegeLevel;
  /** How long characters are gathered before a packet that is not full goes out; 5 to 1275 in steps of 5. */
  readonly accumulateMs: number;
  /** As many characters go out without waiting; 0 to 255, 0 for full packets only. */
  readonly sendThreshold: number;
  /** 0 to 7. */
  readonly retryCount: number;
  /** 0 to 2550 in steps of 10. */
  readonly retryIntervalMs: number;
  readonly bitRate: BitRate;
}

export const defaultSolConfiguration: SolConfiguration = {
  enabled: true,
  forceEncryption: true,
  forceAuthentication: true,
  privilege: 'operator',
  accumulateMs: 5,
  sendThreshold: 96,
  retryCount: 7,
  retryIntervalMs: 500,
  bitRate: '115.2',
};

export class SolSettings {
  readonly setInProgress = new SetInProgress('SOL settings');
  readonly #store: Store;
  readonly #changed = new Emitter<void>();
  readonly #events: EventLog;
  #configuration: SolConfiguration;
  #volatileBitRate: BitRate;

  constructor({ store, events }: { store: Store; events: EventLog }) {
    this.#store = store;
    this.#events = events;
    this.#configuration = restored(store.load<Partial<SolConfiguration>>('sol'));
    this.#volatileBitRate = this.#configuration.bitRate;
  }

  get configuration(): SolConfiguration {
    return this.#configuration;
  }

  /** Changes some settings, at once and for good. @throws {BmcError} `bad-argument` naming the setting */
  update(change: Partial<SolConfiguration>, actor: Actor): void {
    const next = { ...this.#configuration, ...change };
    for (const [name, valid] of Object.entries(rules)) {
      const value = next[name as keyof SolConfiguration];
      if (!valid(value)) throw new BmcError('bad-argument', `SOL ${name}: ${String(value)} is out of range`);
    }
    if (isDeepStrictEqual(next, this.#configuration)) return;
    this.#store.save('sol', next);
    this.#events.changed(actor, 'SOL', this.#configuration, next);
    this.#configuration = next;
    this.#changed.emit();
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  resetToDefaults(actor: Actor): void {
    this.update(defaultSolConfiguration, actor);
    this.setVolatileBitRate(defaultSolConfiguration.bitRate, actor);
  }

  /** The rate in force until the BMC restarts; begins as the kept one. */
  get volatileBitRate(): BitRate {
    return this.#volatileBitRate;
  }

  setVolatileBitRate(rate: BitRate, actor: Actor): void {
    this.#events.changed(actor, 'SOL bit rate in force', this.#volatileBitRate, rate);
    this.#volatileBitRate = rate;
    this.#changed.emit();
  }

  /** Told of each change, of the bit rate in force, too. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }
}

const isBoolean = (value: unknown) => typeof value === 'boolean';
const isStep = (step: number, min: number, max: number) => (value: unknown) =>
  typeof value === 'number' && value >= min && value <= max && value % step === 0;
const isOneOf = (values: readonly string[]) => (value: unknown) =>
  typeof value === 'string' && values.includes(value);

const rules: Readonly<Record<keyof SolConfiguration, (value: unknown) => boolean>> = {
  enabled: isBoolean,
  forceEncryption: isBoolean,
  forceAuthentication: isBoolean,
  privilege: isOneOf(privilegeLevels),
  accumulateMs: isStep(5, 5, 1275),
  sendThreshold: isStep(1, 0, 255),
  retryCount: isStep(1, 0, 7),
  retryIntervalMs: isStep(10, 0, 2550),
  bitRate: isOneOf(bitRates),
};

/** What the store gave, with the default wherever it gave nothing usable. */
function restored(kept: unknown): SolConfiguration {
  if (typeof kept !== 'object' || kept === null) return defaultSolConfiguration;
  const found: Record<string, unknown> = { ...defaultSolConfiguration };
  for (const [name, valid] of Object.entries(rules)) {
    const value = (kept as Record<string, unknown>)[name];
    if (valid(value)) found[name] = value;
  }
  return found as unknown as SolConfiguration;
}
