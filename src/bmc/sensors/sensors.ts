/**
 * All sensors of one server: what they are, what feeds them, and the one place where their events come out.
 *
 *     machine telemetry ─▶ sampler and model ─▶ analog sensors ──thresholds──┐
 *     power, machine events, others ──────────▶ discrete sensors ──states────┴─▶ onEvent
 *
 * Made when first needed: a BMC whose machine stays off and whom nobody asks has none.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import { Emitter } from '../../lib/emitter.ts';
import type { Logger } from '../../lib/log.ts';
import type { Actor } from '../actor.ts';
import { BmcError } from '../errors.ts';
import type { EventLog } from '../event-log.ts';
import type { Machine, MachineEvent, MachineNic } from '../machine.ts';
import type { Power, PowerState } from '../power.ts';
import type { Sel } from '../sel.ts';
import type { Store } from '../store.ts';
import type { Watchdog, WatchdogAction, WatchdogExpiry } from '../watchdog.ts';
import { AnalogSensor, type AnalogSettings } from './analog-sensor.ts';
import { sensorDefinitions } from './definitions.ts';
import { DiscreteSensor, type DiscreteSettings } from './discrete-sensor.ts';
import type { PowerStatistics } from './power-meter.ts';
import { Sampler } from './sampler.ts';
import type { AnalogDefinition, DiscreteDefinition, SensorEvent, ThresholdName } from './sensor.ts';

export type Sensor = AnalogSensor | DiscreteSensor;

/** From good to bad. */
export const severities = ['ok', 'warning', 'critical'] as const;
export type Severity = (typeof severities)[number];

export function severityOf(crossed: ReadonlySet<ThresholdName>): Severity {
  if (crossed.size === 0) return 'ok';
  return [...crossed].every((name) => name.endsWith('non-critical')) ? 'warning' : 'critical';
}

export interface SensorsDependencies {
  readonly machine: Machine;
  readonly power: Power;
  readonly watchdog: Watchdog;
  readonly sel: Sel;
  /** Whether there is a medium in one of the virtual drives. */
  readonly mediumInserted: () => boolean;
  readonly events: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

type KeptSettings = Readonly<Record<string, Partial<AnalogSettings>>>;

export class Sensors {
  readonly #dependencies: SensorsDependencies;
  readonly #events = new Emitter<SensorEvent>();
  readonly #samples = new Emitter<void>();
  readonly #changed = new Emitter<void>();
  #all: ReadonlyMap<string, Sensor> | undefined;
  #sampler: Sampler | undefined;
  #kept: KeptSettings | undefined;
  #wasOn = false;

  constructor(dependencies: SensorsDependencies) {
    this.#dependencies = dependencies;
    dependencies.power.onChange((state) => this.#powerChanged(state));
    dependencies.machine.on((event) => this.#machineEvent(event));
    dependencies.watchdog.onExpiry((expiry) => this.#watchdogExpired(expiry));
  }

  /** In the order of their definitions, which is stable. */
  list(): readonly Sensor[] {
    return [...this.#map().values()];
  }

  /** Which never changes, unlike all else about a sensor. @returns undefined when there is none of this key */
  nameOf(key: string): string | undefined {
    return this.find(key)?.definition.name;
  }

  find(key: string): Sensor | undefined {
    return this.#map().get(key);
  }

  /** @throws {BmcError} `not-found` */
  get(key: string): Sensor {
    const found = this.find(key);
    if (!found) throw new BmcError('not-found', `no sensor ${key}`);
    return found;
  }

  /** @throws {BmcError} `not-found` when there is none of that kind */
  analog(key: string): AnalogSensor {
    const found = this.get(key);
    if (found instanceof AnalogSensor) return found;
    throw new BmcError('not-found', `sensor ${key} has no reading`);
  }

  /** @throws {BmcError} `not-found` when there is none of that kind */
  discrete(key: string): DiscreteSensor {
    const found = this.get(key);
    if (found instanceof DiscreteSensor) return found;
    throw new BmcError('not-found', `sensor ${key} has no states`);
  }

  /**
   * Shows a value instead of the true one: a reading in the sensor's unit, or a list of states. Lasts until released
   * or until the BMC restarts; readings also end when the machine goes on or off.
   * @throws {BmcError} `not-found`, or `bad-argument` for a value that the sensor cannot have
   */
  override(key: string, value: number | readonly string[]): void {
    const sensor = this.get(key);
    if (sensor instanceof AnalogSensor && typeof value === 'number') sensor.override(value);
    else if (sensor instanceof DiscreteSensor && typeof value !== 'number') sensor.override(value);
    else
      throw new BmcError(
        'bad-argument',
        `sensor ${key}: a ${sensor.definition.kind} sensor has no such value`,
      );
  }

  release(key: string): void {
    this.get(key).release();
  }

  /** Takes all sensors back to how they were delivered: thresholds, hysteresis, event enables. */
  restoreFactorySettings(actor: Actor): void {
    for (const sensor of this.list()) sensor.restoreFactorySettings(actor);
  }

  onEvent(listener: (event: SensorEvent) => void): () => void {
    return this.#events.on(listener);
  }

  /** Told when a sensor's state or settings have changed; not of readings, which wander all the time. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Told when the machine has been measured. */
  onSample(listener: () => void): () => void {
    return this.#samples.on(listener);
  }

  /** The worst that measuring sensors say, and the BMC of itself. */
  get severity(): Severity {
    const states = this.list().map((sensor) => {
      if (sensor instanceof AnalogSensor) return severityOf(sensor.crossed);
      return sensor.definition.type === 'controller-health' && sensor.states?.size ? 'warning' : 'ok';
    });
    return severities.findLast((severity) => states.includes(severity)) ?? 'ok';
  }

  /** Somebody has opened the case. */
  get intruded(): boolean {
    return this.discrete('chassisIntrusion').states?.has('intrusion') ?? false;
  }

  /** The operating system has stopped of itself and not in order: it has panicked, and nothing has started since. */
  get osStopped(): boolean {
    const states = this.discrete('osStop').states;
    return states !== undefined && criticalStops.some((state) => states.has(state));
  }

  /** A fan turns too slowly, or too fast. */
  get coolingFault(): boolean {
    return this.list().some(
      (sensor) =>
        sensor instanceof AnalogSensor &&
        sensor.definition.quantity === 'fan-speed' &&
        sensor.crossed.size > 0,
    );
  }

  /** Whether a discrete sensor's event is wanted; asks without making the sensors. */
  wants(key: string, state: string, asserted: boolean): boolean {
    if (this.#all === undefined && this.#keptSettings()[key] === undefined) return true;
    const sensor = this.find(key);
    return !(sensor instanceof DiscreteSensor) || sensor.wants(state, asserted);
  }

  /** The power over the last `windowMs`, as far back as that is known. */
  powerStatistics(windowMs: number): PowerStatistics | undefined {
    return this.#sampling().meter.statistics(this.#dependencies.clock.now(), windowMs);
  }

  stop(): void {
    this.#sampler?.stop();
  }

  #map(): ReadonlyMap<string, Sensor> {
    if (this.#all) return this.#all;
    const sampler = this.#sampling();
    const sources: Readonly<Record<string, () => number | undefined>> = {
      cpuTemp: () => sampler.cpuC,
      systemTemp: () => sampler.boardC,
      fan1: () => sampler.cpuFanRpm,
      fan2: () => sampler.systemFanRpm,
      power: () => sampler.watts,
      memoryUsage: () => sampler.memoryPercent,
    };
    const sensors = sensorDefinitions(this.#dependencies.machine.hardware).map((definition) => {
      if (definition.kind === 'discrete') return this.#discrete(definition);
      const measure = sources[definition.key];
      if (!measure) throw new RangeError(`sensor ${definition.key}: nothing measures it`);
      return this.#analog(definition, measure);
    });
    this.#all = new Map(sensors.map((sensor) => [sensor.definition.key, sensor]));
    return this.#all;
  }

  #analog(definition: AnalogDefinition, measure: () => number | undefined): AnalogSensor {
    return new AnalogSensor({
      definition,
      kept: this.#keptSettings()[definition.key] ?? {},
      keep: (...settings) => this.#keep(definition, ...settings),
      measure,
      emit: (event) => this.#emit(event),
      changed: () => this.#changed.emit(),
    });
  }

  #discrete(definition: DiscreteDefinition): DiscreteSensor {
    return new DiscreteSensor({
      definition,
      kept: this.#keptSettings()[definition.key] ?? {},
      keep: (...settings) => this.#keep(definition, ...settings),
      observe: this.#observer(definition),
      emit: (event) => this.#emit(event),
      changed: () => this.#changed.emit(),
    });
  }

  #observer({ key, type }: DiscreteDefinition): (() => readonly string[]) | undefined {
    const { machine, power, sel, mediumInserted } = this.#dependencies;
    // A processor or module that has a sensor is there.
    if (type === 'processor' || type === 'memory') return () => ['presence'];
    if (key === 'acpiState') return () => [power.isOn ? 'working' : 'soft-off'];
    if (key === 'eventLog') {
      return () => {
        if (sel.free === 0 || sel.overflow) return ['full'];
        return sel.free < sel.capacity * almostFullShare ? ['almost-full'] : [];
      };
    }
    if (key === 'mediaSlot') return () => (mediumInserted() ? ['device-installed'] : []);
    if (key === 'nicLink') return () => nicStates(machine.nics);
    if (key !== 'powerUnit') return undefined;
    return () => (power.isOn ? [] : power.lastEvent.fault ? ['power-off', 'failure'] : ['power-off']);
  }

  #sampling(): Sampler {
    if (this.#sampler) return this.#sampler;
    const { machine, clock, log, power } = this.#dependencies;
    this.#sampler = new Sampler({
      machine,
      clock,
      log,
      sampled: () => {
        this.#look();
        this.#samples.emit();
      },
    });
    if (power.isOn) this.#sampler.start();
    return this.#sampler;
  }

  #powerChanged(state: PowerState): void {
    const { isOn } = this.#dependencies.power;
    // Paused and resumed: still the same machine, which is measured all the time.
    if (isOn && this.#wasOn) return;
    this.#wasOn = isOn;
    // Made here at the latest, since somebody must measure and compare.
    if (state === 'on') this.#map();
    if (!this.#all) return;
    for (const sensor of this.#all.values()) if (sensor instanceof AnalogSensor) sensor.release();
    if (state === 'on') this.#sampling().start();
    else this.#sampling().stop();
    this.#look();
  }

  #machineEvent(event: MachineEvent): void {
    switch (event.kind) {
      case 'started':
        this.#tell('systemBoot', event.adopted ? [] : ['power-up']);
        this.#tell('osStop', []);
        this.#tell('watchdog', []);
        return;
      case 'reset':
        this.#tell('systemBoot', [bootStates[event.by]]);
        this.#tell('osStop', []);
        if (event.by !== 'watchdog') this.#tell('watchdog', []);
        return;
      case 'paused':
      case 'resumed':
      case 'nic':
        return;
      case 'link':
        this.#all?.get('nicLink')?.look();
        return;
      case 'panic':
        this.#tell('osStop', ['run-time-stop']);
        return;
      case 'watchdog':
        this.#tell('watchdog', [emulatedWatchdogStates[event.action] ?? 'expired']);
        return;
      case 'stopped':
        this.#tell('systemBoot', []);
        this.#tell('osStop', event.why === 'guest' ? ['graceful-shutdown'] : []);
        return;
    }
  }

  #watchdogExpired({ what, action }: WatchdogExpiry): void {
    this.#tell('watchdog', [what === 'pre-timeout' ? 'pre-timeout' : watchdogStates[action]]);
  }

  #tell(key: string, states: readonly string[]): void {
    this.discrete(key).setStates(states);
  }

  #look(): void {
    for (const sensor of this.list()) sensor.look();
  }

  #emit(event: SensorEvent): void {
    this.#dependencies.log.info(event, 'sensor event');
    this.#events.emit(event);
  }

  #keptSettings(): KeptSettings {
    this.#kept ??= this.#dependencies.store.load<KeptSettings>(storeName) ?? {};
    return this.#kept;
  }

  #keep<S extends AnalogSettings | DiscreteSettings>(
    { key, name }: AnalogDefinition | DiscreteDefinition,
    settings: S,
    before: S,
    actor: Actor,
  ): void {
    if (isDeepStrictEqual(settings, before)) return;
    const { store, events } = this.#dependencies;
    const next = { ...this.#keptSettings(), [key]: settings };
    store.save(storeName, next);
    this.#kept = next;
    events.changed(actor, `sensor ${name}`, before, settings);
  }
}

const storeName = 'sensors';

/** Of the sensor OS Critical Stop; its other states are those of a stop in order. */
const criticalStops = ['stop-while-loading', 'run-time-stop'] as const;

/** One card without a link is enough for the first; a machine that is off, or has no cards, shows nothing. */
function nicStates(nics: readonly MachineNic[]): readonly string[] {
  if (nics.length === 0) return [];
  return nics.every(({ linkUp }) => linkUp) ? ['heartbeat'] : ['heartbeat-lost'];
}

/** A log with less space left than this is almost full. */
const almostFullShare = 0.1;

/** By whom a reset came. */
const bootStates = { guest: 'software-reset', bmc: 'hard-reset', watchdog: 'restart' } as const;

const watchdogStates: Readonly<Record<WatchdogAction, string>> = {
  none: 'expired',
  reset: 'hard-reset',
  'power-off': 'power-down',
  'power-cycle': 'power-cycle',
};

/** What the emulated watchdog card does when it expires, in QEMU's words. */
const emulatedWatchdogStates: Readonly<Record<string, string>> = {
  reset: 'hard-reset',
  poweroff: 'power-down',
  shutdown: 'power-down',
};
