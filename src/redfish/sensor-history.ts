/** What the sensors measured in the last hour, a reading of each in every step: a ring of numbers of fixed size. */

/** Steps that are kept; older ones go. */
export const historySteps = 360;
export const historyStepS = 10;

export interface HistoryValue {
  /** The sensor's key. */
  readonly sensor: string;
  readonly reading: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export class SensorHistory {
  readonly #sensors: readonly string[];
  readonly #times = new Float64Array(historySteps);
  /** A row for each step; NaN where there was no reading. */
  readonly #readings: Float64Array;
  /** Steps since the start. */
  #steps = 0;

  /** @param sensors keys of all that are recorded */
  constructor(sensors: readonly string[]) {
    this.#sensors = sensors;
    this.#readings = new Float64Array(historySteps * sensors.length);
  }

  /** @param values of one moment; sensors without a reading are left out */
  add(time: number, values: readonly { readonly sensor: string; readonly reading: number }[]): void {
    const row = this.#steps++ % historySteps;
    this.#times[row] = time;
    const width = this.#sensors.length;
    this.#readings.fill(Number.NaN, row * width, (row + 1) * width);
    for (const { sensor, reading } of values) {
      const column = this.#sensors.indexOf(sensor);
      if (column >= 0) this.#readings[row * width + column] = reading;
    }
  }

  /** Oldest first. */
  get values(): readonly HistoryValue[] {
    const all: HistoryValue[] = [];
    const width = this.#sensors.length;
    for (let step = Math.max(0, this.#steps - historySteps); step < this.#steps; step++) {
      const row = step % historySteps;
      const time = this.#times[row] as number;
      for (const [column, sensor] of this.#sensors.entries()) {
        const reading = this.#readings[row * width + column] as number;
        if (!Number.isNaN(reading)) all.push({ sensor, reading, time });
      }
    }
    return all;
  }
}
