/** A sensor that is in states, none or several at once. */
import type { Actor } from '../actor.ts';
import { BmcError } from '../errors.ts';
import { EventStatus } from './event-status.ts';
import { type DiscreteDefinition, discreteStates, type EventEnables, type SensorEvent } from './sensor.ts';

export interface DiscreteSettings {
  readonly enables: EventEnables;
}

export interface DiscreteDependencies {
  readonly definition: DiscreteDefinition;
  readonly kept: Partial<DiscreteSettings>;
  /** Keeps settings for good, or throws. */
  keep(settings: DiscreteSettings, before: DiscreteSettings, actor: Actor): void;
  /** Tells the states of now; a sensor without it is told by `setStates`. */
  observe?: (() => readonly string[]) | undefined;
  emit(event: SensorEvent): void;
  /** Told when states or settings have changed. */
  changed(): void;
}

export class DiscreteSensor {
  readonly definition: DiscreteDefinition;
  readonly status = new EventStatus();
  readonly #dependencies: DiscreteDependencies;
  #settings: DiscreteSettings;
  #told: readonly string[] = [];
  #override: readonly string[] | undefined;

  constructor(dependencies: DiscreteDependencies) {
    this.#dependencies = dependencies;
    this.definition = dependencies.definition;
    this.#settings = { ...this.factorySettings, ...dependencies.kept };
    // What holds from the start is no event.
    this.status.update(this.#states());
  }

  get factorySettings(): DiscreteSettings {
    const states: readonly string[] = discreteStates[this.definition.type];
    return { enables: { scanning: true, events: true, assertions: states, deassertions: states } };
  }

  get settings(): DiscreteSettings {
    return this.#settings;
  }

  get enables(): EventEnables {
    return this.#settings.enables;
  }

  get overridden(): boolean {
    return this.#override !== undefined;
  }

  /** The states that hold; undefined while they cannot be told. */
  get states(): ReadonlySet<string> | undefined {
    if (!this.enables.scanning) return undefined;
    this.look();
    return this.#states();
  }

  /** Says what holds now, on behalf of what it is about. @throws {BmcError} `bad-argument` */
  setStates(states: readonly string[]): void {
    this.#requireKnown(states);
    this.#told = [...states];
    this.look();
  }

  /** Shows these states instead of the true ones, until `release`. @throws {BmcError} `bad-argument` */
  override(states: readonly string[]): void {
    this.#requireKnown(states);
    this.#override = [...states];
    this.#look(true);
  }

  release(): void {
    const announce = this.#override !== undefined;
    this.#override = undefined;
    this.#look(announce || this.definition.announcedBy === 'sensor');
  }

  configure(change: Partial<DiscreteSettings>, actor: Actor): void {
    const next = { ...this.#settings, ...change };
    this.#dependencies.keep(next, this.#settings, actor);
    this.#settings = next;
    this.#dependencies.changed();
  }

  restoreFactorySettings(actor: Actor): void {
    this.configure(this.factorySettings, actor);
  }

  rearm(assertions: readonly string[], deassertions: readonly string[]): void {
    this.status.rearm(assertions, deassertions);
    this.#look(true);
  }

  /** Whether entering (or leaving) a state is wanted as an event. */
  wants(state: string, asserted: boolean): boolean {
    const { events, assertions, deassertions } = this.enables;
    return events && (asserted ? assertions : deassertions).includes(state);
  }

  look(): void {
    this.#look(this.definition.announcedBy === 'sensor');
  }

  #look(announce: boolean): void {
    if (!this.enables.scanning) return;
    const { entered, left } = this.status.update(this.#states());
    if (entered.length > 0 || left.length > 0) this.#dependencies.changed();
    if (!announce) return;
    for (const state of left) this.#report(state, false);
    for (const state of entered) this.#report(state, true);
  }

  #report(state: string, asserted: boolean): void {
    if (!this.wants(state, asserted)) return;
    this.#dependencies.emit({ sensor: this.definition.key, kind: 'state', state, asserted });
  }

  #states(): ReadonlySet<string> {
    return new Set(this.#override ?? this.#dependencies.observe?.() ?? this.#told);
  }

  #requireKnown(states: readonly string[]): void {
    const known: readonly string[] = discreteStates[this.definition.type];
    const strange = states.find((state) => !known.includes(state));
    if (strange !== undefined) {
      throw new BmcError(
        'bad-argument',
        `${this.definition.name}: ${strange} is none of ${known.join(', ')}`,
      );
    }
  }
}
