/**
 * The power limit: how much the machine may draw. It is held by giving the processors no more time than the model of
 * the power meter has for that many watts, and corrected by what the meter then shows:
 *
 *     limit ─▶ model, inverted ─▶ share × trim ─▶ machine.limitCpu ─▶ load ─▶ meter ──┐
 *                                         ▲                                           │
 *                                         └── above: less at once, below: slowly more ◀┘
 *
 * A limit that is exceeded for longer than the correction time is an exception: it is told, and the machine goes off
 * where that is wanted (DCMI 1.5 §6.6.3). Kept over restarts, of the machine and of the BMC.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Machine } from './machine.ts';
import type { Power } from './power.ts';
import { loadAt, maximumWatts, watts as wattsAt } from './sensors/model.ts';
import { meterWindowMs } from './sensors/power-meter.ts';
import { samplePeriodMs } from './sensors/sampler.ts';
import type { Sensors } from './sensors/sensors.ts';
import type { Store } from './store.ts';

/** What happens to a machine that cannot be held below its limit. `log`: a record in the SEL. `power-off`: that, too. */
export const powerLimitActions = ['none', 'log', 'power-off'] as const;
export type PowerLimitAction = (typeof powerLimitActions)[number];

export interface PowerLimitSetting {
  readonly watts: number;
  /** How long the power may be above the limit before that is an exception. */
  readonly correctionMs: number;
  /** What power statistics reach back over while the limit is active. */
  readonly samplingSeconds: number;
  readonly action: PowerLimitAction;
}

/** The machine drew more than it may for longer than it may. */
export interface PowerLimitException {
  readonly setting: PowerLimitSetting;
  readonly watts: number;
}

/** A guest that gets less of its processors would stand still rather than save power. */
export const leastCpuShare = 0.05;
/** The host's scheduler is not exact: so much of the share is given out at most. */
const mostTrim = 0.97;
const leastTrim = 0.3;
const trimDown = 0.85;
const trimUp = 0.01;

/** As wide as the fields of DCMI. */
const mostWatts = 0xffff;
const mostCorrectionMs = 0xffff_ffff;
const mostSamplingSeconds = meterWindowMs / 1000;

interface PowerLimitRecord {
  readonly setting: PowerLimitSetting;
  readonly active: boolean;
}

const storeName = 'power-limit';
const limitActor: Actor = { name: 'power limit', face: 'bmc' };

export interface PowerLimitDependencies {
  readonly machine: Machine;
  readonly power: Power;
  readonly sensors: Sensors;
  readonly events: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

export class PowerLimit {
  readonly #dependencies: PowerLimitDependencies;
  readonly #exceptions = new Emitter<PowerLimitException>();
  #record: PowerLimitRecord | undefined;
  #trim = mostTrim;
  /** What the machine was told last. */
  #share: number | undefined;
  #exceededSince: number | undefined;
  #excepted = false;
  #unenforced = false;

  constructor(dependencies: PowerLimitDependencies) {
    const { store, sensors, power, log } = dependencies;
    this.#dependencies = dependencies;
    this.#record = store.load<PowerLimitRecord>(storeName);
    if (this.#record?.active && !this.supported) {
      log.warn({ limit: this.#record.setting }, 'power limit not in force: nothing holds the machine down');
    }
    sensors.onSample(() => this.#sampled());
    power.onChange(() => {
      if (!power.isOn) this.#forgetExcess();
    });
    this.#apply();
  }

  /** Whether the machine's power can be held down at all. */
  get supported(): boolean {
    return this.#dependencies.machine.limitCpu !== undefined;
  }

  /** As delivered: what the machine draws at most, which holds nothing down. */
  get setting(): PowerLimitSetting {
    return (
      this.#record?.setting ?? {
        watts: Math.ceil(maximumWatts(this.#cpus)),
        correctionMs: samplePeriodMs,
        samplingSeconds: 60,
        action: 'none',
      }
    );
  }

  get active(): boolean {
    return this.supported && (this.#record?.active ?? false);
  }

  /** The smallest and largest values that can be set, each included. */
  get range(): Readonly<Record<'watts' | 'correctionMs' | 'samplingSeconds', readonly [number, number]>> {
    return {
      watts: [Math.ceil(wattsAt(this.#cpus, leastCpuShare)), mostWatts],
      correctionMs: [1, mostCorrectionMs],
      samplingSeconds: [1, mostSamplingSeconds],
    };
  }

  /**
   * In force at once when the limit is active.
   * @throws {BmcError} `not-supported`; `bad-argument` beyond {@link range}; as the store refuses
   */
  set(setting: PowerLimitSetting, actor: Actor): void {
    this.#requireSupport();
    for (const [name, [least, most]] of Object.entries(this.range)) {
      const value = setting[name as keyof typeof this.range];
      if (!Number.isInteger(value) || value < least || value > most) {
        throw new BmcError('bad-argument', `power limit: ${name} from ${least} to ${most}, not ${value}`);
      }
    }
    const before = this.setting;
    const same = (Object.keys(setting) as (keyof PowerLimitSetting)[]).every(
      (key) => setting[key] === before[key],
    );
    if (same) return;
    this.#keep({ setting, active: this.active });
    const { watts, correctionMs, action } = setting;
    this.#tell(
      `set to ${watts} W within ${correctionMs} ms, exception action ${action}, by ${actor.name}`,
      actor,
      [before, setting],
    );
  }

  /** @throws {BmcError} `not-supported`; as the store refuses */
  activate(actor: Actor): void {
    this.#requireSupport();
    if (this.active) return;
    this.#keep({ setting: this.setting, active: true });
    this.#tell(`of ${this.setting.watts} W activated by ${actor.name}`, actor, [
      { active: false },
      { active: true },
    ]);
  }

  /** @throws {BmcError} as the store refuses */
  deactivate(actor: Actor): void {
    if (!this.active) return;
    this.#keep({ setting: this.setting, active: false });
    this.#tell(`deactivated by ${actor.name}`, actor, [{ active: true }, { active: false }]);
  }

  onException(listener: (exception: PowerLimitException) => void): () => void {
    return this.#exceptions.on(listener);
  }

  get #cpus(): number {
    return this.#dependencies.machine.hardware.cpus;
  }

  #requireSupport(): void {
    if (!this.supported) throw new BmcError('not-supported', 'the power of this machine cannot be limited');
  }

  #keep(record: PowerLimitRecord): void {
    this.#dependencies.store.save(storeName, record);
    this.#record = record;
    this.#trim = mostTrim;
    this.#forgetExcess();
    this.#apply();
  }

  #tell(what: string, actor: Actor, [before, after]: readonly [object, object]): void {
    const changes = changesBetween(before, after);
    this.#dependencies.events.add('configuration', `power limit ${what}`, actor, changes);
  }

  #sampled(): void {
    if (!this.active) {
      this.#apply();
      return;
    }
    const { sensors, clock } = this.#dependencies;
    const { reading } = sensors.analog('power');
    if (reading === undefined) return;
    const { setting } = this;
    // Rounded as every face shows it.
    if (Math.round(reading) <= setting.watts) {
      this.#forgetExcess();
      this.#trim = Math.min(mostTrim, this.#trim + trimUp);
    } else {
      this.#trim = Math.max(leastTrim, this.#trim * trimDown);
      this.#exceededSince ??= clock.now();
      if (!this.#excepted && clock.now() - this.#exceededSince >= setting.correctionMs) {
        this.#excepted = true;
        this.#except({ setting, watts: Math.round(reading) });
      }
    }
    this.#apply();
  }

  #forgetExcess(): void {
    this.#exceededSince = undefined;
    this.#excepted = false;
  }

  #except(exception: PowerLimitException): void {
    const { events, power } = this.#dependencies;
    const { setting, watts } = exception;
    events.add(
      'power-limit',
      `the machine draws ${watts} W, above its limit of ${setting.watts} W for more than ${setting.correctionMs} ms`,
    );
    this.#exceptions.emit(exception);
    if (setting.action === 'power-off') power.request('off', limitActor);
  }

  /** Tells the machine what it may use, when that has changed. */
  #apply(): void {
    const { machine, log, events } = this.#dependencies;
    const share = this.active ? this.#allowed() : undefined;
    if (share === this.#share || !machine.limitCpu) return;
    this.#share = share;
    machine.limitCpu(share).then(
      () => {
        this.#unenforced = false;
      },
      (error: Error) => {
        log.error({ err: error, share }, 'processor time not limited');
        // Tried again with the next measurement.
        if (this.#share === share) this.#share = Number.NaN;
        if (!this.#unenforced) events.add('power-limit', `the power limit is not in force: ${error.message}`);
        this.#unenforced = true;
      },
    );
  }

  /** @returns undefined where the limit is above all that the machine can draw */
  #allowed(): number | undefined {
    const load = loadAt(this.#cpus, this.setting.watts);
    return load >= 1 ? undefined : Math.max(leastCpuShare, load * this.#trim);
  }
}
