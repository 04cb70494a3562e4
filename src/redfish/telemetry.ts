/**
 * Reports of what the sensors measure: one that is made anew at each request, one that is made at an interval and kept
 * until the next one, and one that holds the last hour. Sensors that have no reading now, such as those of fans while the machine is off, are left
 * out: nothing is made up. DSP0268, MetricReport.
 */
import { type Actor, actorText } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import { changesBetween } from '../bmc/changes.ts';
import { AnalogSensor } from '../bmc/sensors/analog-sensor.ts';
import type { Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import { type HistoryValue, historyStepS, SensorHistory } from './sensor-history.ts';

/** In seconds. */
export const reportInterval = { least: 5, most: 86_400, usual: 60 } as const;

export interface MetricValue {
  /** The sensor's key. */
  readonly sensor: string;
  readonly reading: number;
}

export interface Report {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly values: readonly MetricValue[];
}

export interface TelemetrySettings {
  readonly enabled: boolean;
  readonly intervalS: number;
}

const storeName = 'redfish-telemetry';

export class Telemetry {
  readonly #bmc: Bmc;
  #settings: TelemetrySettings;
  #latest: Report;
  readonly #changed = new Emitter<void>();
  readonly #stepped = new Emitter<Report>();
  readonly #history: SensorHistory;
  #timer: Timer | undefined;
  #stepTimer: Timer | undefined;

  constructor(bmc: Bmc) {
    this.#bmc = bmc;
    const kept = bmc.store.load<Partial<TelemetrySettings>>(storeName);
    this.#settings = { enabled: true, intervalS: reportInterval.usual, ...kept };
    this.#history = new SensorHistory(measuringSensors(bmc).map(({ definition }) => definition.key));
    this.#latest = this.#step();
    this.#arm();
  }

  /** Of the report that is made at an interval. */
  get settings(): TelemetrySettings {
    return this.#settings;
  }

  /** Told when the settings have changed. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** The latest report made at an interval. */
  get latest(): Report {
    return this.#latest;
  }

  /** At once and for good. @throws {BmcError} when it cannot be saved; nothing has changed then */
  set(change: Partial<TelemetrySettings>, actor: Actor): void {
    const next = { ...this.#settings, ...change };
    this.#bmc.store.save(storeName, next);
    const changes = changesBetween(this.#settings, next);
    this.#settings = next;
    this.#changed.emit();
    const { enabled, intervalS } = next;
    const text = `metric report ${enabled ? `every ${intervalS} s` : 'switched off'} by ${actorText(actor)}`;
    this.#bmc.events.add('configuration', text, actor, changes);
    this.#arm();
  }

  /** Every sensor's readings of the last hour, {@link historyStepS} seconds apart, oldest first. */
  get history(): readonly HistoryValue[] {
    return this.#history.values;
  }

  /** Told of each step that is added to the history. */
  onStep(listener: (step: Report) => void): () => void {
    return this.#stepped.on(listener);
  }

  /** A report of this moment. */
  now(): Report {
    const values = measuringSensors(this.#bmc).flatMap(({ definition, reading }) =>
      reading === undefined ? [] : [{ sensor: definition.key, reading }],
    );
    return { time: this.#bmc.clock.wallTime(), values };
  }

  stop(): void {
    this.#stepTimer?.cancel();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #step(): Report {
    const step = this.now();
    this.#history.add(step.time, step.values);
    this.#stepTimer = this.#bmc.clock.after(historyStepS * 1000, () => this.#step());
    this.#stepped.emit(step);
    return step;
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { enabled, intervalS } = this.#settings;
    if (!enabled) return;
    this.#timer = this.#bmc.clock.after(intervalS * 1000, () => {
      this.#latest = this.now();
      this.#arm();
    });
  }
}

export function measuringSensors({ sensors }: Bmc): AnalogSensor[] {
  return sensors.list().filter((sensor) => sensor instanceof AnalogSensor);
}
