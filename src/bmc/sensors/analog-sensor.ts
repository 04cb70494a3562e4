/** A sensor that measures: a reading, compared with thresholds. */
import type { Actor } from '../actor.ts';
import { BmcError } from '../errors.ts';
import { EventStatus } from './event-status.ts';
import {
  type AnalogDefinition,
  type EventEnables,
  type Hysteresis,
  isLower,
  type SensorEvent,
  statesOf,
  type ThresholdName,
  type Thresholds,
  thresholdNames,
} from './sensor.ts';

export interface AnalogSettings {
  readonly thresholds: Thresholds;
  readonly hysteresis: Hysteresis;
  readonly enables: EventEnables;
}

export interface AnalogDependencies {
  readonly definition: AnalogDefinition;
  /** What was set before, laid over what is delivered. */
  readonly kept: Partial<AnalogSettings>;
  /** Keeps settings for good, or throws. */
  keep(settings: AnalogSettings, before: AnalogSettings, actor: Actor): void;
  /** @returns undefined where there is nothing to measure, as with fans of a machine that is off */
  measure(): number | undefined;
  emit(event: SensorEvent): void;
  /** Told of all but the reading: settings, thresholds that are crossed, whether there is a reading at all. */
  changed(): void;
}

export class AnalogSensor {
  readonly definition: AnalogDefinition;
  readonly status = new EventStatus();
  readonly #dependencies: AnalogDependencies;
  #settings: AnalogSettings;
  #override: number | undefined;
  #crossed: ReadonlySet<ThresholdName> = new Set();
  /** As it was told last. */
  #state: string | undefined;

  constructor(dependencies: AnalogDependencies) {
    this.#dependencies = dependencies;
    this.definition = dependencies.definition;
    this.#settings = { ...this.factorySettings, ...dependencies.kept };
  }

  get factorySettings(): AnalogSettings {
    const { thresholds, hysteresis } = this.definition;
    const states = statesOf(this.definition);
    const enables = { scanning: true, events: true, assertions: states, deassertions: states };
    return { thresholds, hysteresis, enables };
  }

  get settings(): AnalogSettings {
    return this.#settings;
  }

  get enables(): EventEnables {
    return this.#settings.enables;
  }

  get overridden(): boolean {
    return this.#override !== undefined;
  }

  /** In the sensor's unit; undefined while it cannot be told. */
  get reading(): number | undefined {
    if (!this.enables.scanning) return undefined;
    const value = this.#override ?? this.#dependencies.measure();
    return value === undefined ? undefined : Math.min(Math.max(value, 0), this.definition.maximum);
  }

  /** The thresholds that the reading is beyond, hysteresis observed. */
  get crossed(): ReadonlySet<ThresholdName> {
    this.look();
    return this.#crossed;
  }

  /** Shows this reading instead of the measured one, until `release`. @throws {BmcError} `bad-argument` */
  override(value: number): void {
    this.#requireInRange(value, 'reading');
    this.#override = value;
    this.look();
  }

  release(): void {
    this.#override = undefined;
    this.look();
  }

  /**
   * Changes some settings, at once and for good.
   *
   * Lower thresholds must lie below upper ones. Within each side their order is the client's affair, for ipmitool
   * 1.8.19 and FreeIPMI set three thresholds one by one and pass through any order on the way.
   * @throws {BmcError} `bad-argument` naming the setting
   */
  configure(change: Partial<AnalogSettings>, actor: Actor): void {
    const next = { ...this.#settings, ...change };
    for (const [name, value] of Object.entries(next.thresholds)) {
      if (this.definition.thresholds[name as ThresholdName] === undefined) {
        throw new BmcError('bad-argument', `${this.definition.name}: has no threshold ${name}`);
      }
      this.#requireInRange(value, name);
    }
    const values = thresholdNames.flatMap((name) => {
      const value = next.thresholds[name];
      return value === undefined ? [] : [{ lower: isLower(name), value }];
    });
    const highestLower = Math.max(...values.filter(({ lower }) => lower).map(({ value }) => value));
    const lowestUpper = Math.min(...values.filter(({ lower }) => !lower).map(({ value }) => value));
    if (highestLower >= lowestUpper) {
      throw new BmcError(
        'bad-argument',
        `${this.definition.name}: lower threshold ${highestLower} is not below upper threshold ${lowestUpper}`,
      );
    }
    this.#requireInRange(next.hysteresis.positive, 'positive hysteresis');
    this.#requireInRange(next.hysteresis.negative, 'negative hysteresis');
    this.#dependencies.keep(next, this.#settings, actor);
    this.#settings = next;
    this.#dependencies.changed();
    this.look();
  }

  restoreFactorySettings(actor: Actor): void {
    this.configure(this.factorySettings, actor);
  }

  /** Forgets what has been reported; what lasts is reported again. */
  rearm(assertions: readonly string[], deassertions: readonly string[]): void {
    this.status.rearm(assertions, deassertions);
    this.look();
  }

  /** Compares the reading of now with the thresholds and reports what has changed. */
  look(): void {
    const reading = this.reading;
    this.#crossed = reading === undefined ? new Set() : this.#compare(reading);
    const { entered, left } = this.status.update(this.#crossed);
    for (const state of left) this.#report(state, false, reading);
    for (const state of entered) this.#report(state, true, reading);
    const state = reading === undefined ? 'unavailable' : [...this.#crossed].join();
    if (state === this.#state) return;
    this.#state = state;
    this.#dependencies.changed();
  }

  #compare(reading: number): ReadonlySet<ThresholdName> {
    const { thresholds, hysteresis } = this.#settings;
    return new Set(
      thresholdNames.filter((name) => {
        const threshold = thresholds[name];
        if (threshold === undefined) return false;
        const stays = this.#crossed.has(name);
        if (isLower(name)) {
          return reading <= threshold || (stays && reading < threshold + hysteresis.positive);
        }
        return reading >= threshold || (stays && reading > threshold - hysteresis.negative);
      }),
    );
  }

  #report(state: string, asserted: boolean, reading: number | undefined): void {
    const { enables, thresholds } = this.#settings;
    const wanted = asserted ? enables.assertions : enables.deassertions;
    if (!enables.events || !wanted.includes(state)) return;
    const threshold = thresholds[state as ThresholdName];
    this.#dependencies.emit({
      sensor: this.definition.key,
      kind: 'threshold',
      state,
      asserted,
      ...(reading !== undefined && { reading }),
      ...(threshold !== undefined && { threshold }),
    });
  }

  #requireInRange(value: number, what: string): void {
    const { name, maximum } = this.definition;
    if (!(value >= 0 && value <= maximum)) {
      throw new BmcError('bad-argument', `${name}: ${what} ${value} is not from 0 to ${maximum}`);
    }
  }
}
