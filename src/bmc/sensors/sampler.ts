/**
 * Measures the machine while it is on, every two seconds, and keeps the model of its power and heat going. While it
 * is off nothing runs: it cools down by calculation, whenever somebody looks.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Machine, MachineTelemetry } from '../machine.ts';
import {
  cold,
  type FanLevels,
  fanLevels,
  fanRpm,
  slowestFans,
  type Temperatures,
  warmed,
  watts,
} from './model.ts';
import { PowerMeter } from './power-meter.ts';

export const samplePeriodMs = 2_000;

export interface SamplerDependencies {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after each measurement. */
  sampled(): void;
}

export class Sampler {
  readonly meter = new PowerMeter();
  readonly #dependencies: SamplerDependencies;
  #timer: Timer | undefined;
  /** Counts starts and stops, so that a measurement that comes late is not taken for one of now. */
  #generation = 0;
  #on = false;
  #load = 0;
  /** Why the running machine cannot be measured; undefined while it can. */
  #fault: unknown;
  #memoryUsedMb: number | undefined;
  #measured: { readonly at: number; readonly cpuSeconds: number } | undefined;
  #temperatures: Temperatures = cold;
  #fans: FanLevels = slowestFans;
  #at: number;

  constructor(dependencies: SamplerDependencies) {
    this.#dependencies = dependencies;
    this.#at = dependencies.clock.now();
    this.#record();
  }

  start(): void {
    if (this.#on) return;
    this.#advance();
    this.#on = true;
    this.#load = 0;
    this.#measured = undefined;
    this.#record();
    void this.#sample(++this.#generation);
  }

  stop(): void {
    if (!this.#on) return;
    this.#advance();
    this.#on = false;
    this.#generation++;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#fault = undefined;
    this.#memoryUsedMb = undefined;
    this.#fans = slowestFans;
    this.#record();
  }

  get watts(): number | undefined {
    return this.#fault === undefined ? watts(this.#cpus, this.#on ? this.#load : undefined) : undefined;
  }

  get cpuC(): number | undefined {
    return this.#running ? this.#advance().cpuC : undefined;
  }

  /** The board is warm or cold whether the machine is on or off. */
  get boardC(): number {
    return this.#advance().boardC;
  }

  get cpuFanRpm(): number | undefined {
    return this.#running ? fanRpm(this.#fans.cpu) : undefined;
  }

  get systemFanRpm(): number | undefined {
    return this.#running ? fanRpm(this.#fans.system) : undefined;
  }

  get memoryPercent(): number | undefined {
    if (this.#memoryUsedMb === undefined || !this.#running) return undefined;
    return Math.min(100, (100 * this.#memoryUsedMb) / this.#dependencies.machine.hardware.memoryMb);
  }

  get #cpus(): number {
    return this.#dependencies.machine.hardware.cpus;
  }

  get #running(): boolean {
    return this.#on && this.#fault === undefined;
  }

  async #sample(generation: number): Promise<void> {
    const { machine, clock, log, sampled } = this.#dependencies;
    let telemetry: MachineTelemetry | undefined;
    try {
      telemetry = await machine.telemetry();
      this.#setFault(generation, undefined);
    } catch (error) {
      if (this.#fault === undefined) log.warn({ err: error }, 'machine cannot be measured');
      this.#setFault(generation, error);
    }
    if (generation !== this.#generation) return;
    if (telemetry) this.#take(telemetry);
    this.#timer = clock.after(samplePeriodMs, () => void this.#sample(generation));
    sampled();
  }

  #setFault(generation: number, fault: unknown): void {
    if (generation === this.#generation) this.#fault = fault;
  }

  #take({ cpuSeconds, memoryUsedMb }: MachineTelemetry): void {
    this.#advance();
    const now = this.#dependencies.clock.now();
    const before = this.#measured;
    // Machines adopted or restarted in between begin to count anew.
    if (before && now > before.at && cpuSeconds >= before.cpuSeconds) {
      const busy = (cpuSeconds - before.cpuSeconds) / ((now - before.at) / 1000);
      this.#load = Math.min(1, busy / this.#cpus);
    }
    this.#measured = { at: now, cpuSeconds };
    this.#memoryUsedMb = memoryUsedMb;
    this.#record();
  }

  /** Brings heat and fans up to now. */
  #advance(): Temperatures {
    const now = this.#dependencies.clock.now();
    if (now > this.#at) {
      const load = this.#on ? this.#load : undefined;
      this.#temperatures = warmed(this.#temperatures, load, now - this.#at);
      this.#at = now;
      if (this.#on) this.#fans = fanLevels(this.#fans, this.#temperatures);
    }
    return this.#temperatures;
  }

  #record(): void {
    const now = this.#dependencies.clock.now();
    this.meter.record(now, watts(this.#cpus, this.#on ? this.#load : undefined));
  }
}
