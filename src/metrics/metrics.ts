/** The figures of one BMC in Prometheus' format, read when somebody asks for them. */
import type { Bmc } from '../bmc/bmc.ts';
import { metricDefinitions } from './definitions.ts';
import { EventLoopLag, type LifeLag } from './event-loop-lag.ts';
import { exposition } from './exposition.ts';
import { type MetricSources, Tallies } from './sources.ts';

export class Metrics {
  readonly #sources: () => MetricSources;
  readonly #tallies: Tallies;
  readonly #lag = new EventLoopLag();

  /** @param sources what there is at the time of asking */
  constructor(bmc: Bmc, sources: () => Omit<MetricSources, 'bmc' | 'tallies' | 'lag'>) {
    this.#tallies = new Tallies(bmc);
    this.#sources = () => ({ ...sources(), bmc, tallies: this.#tallies, lag: this.#lag });
  }

  /** Text format 0.0.4. */
  async text(): Promise<string> {
    const sources = this.#sources();
    const families = metricDefinitions.map(async ({ name, type, help, read }) => ({
      ...{ name, type, help },
      samples: await read(sources),
    }));
    return exposition(await Promise.all(families));
  }

  /** The BMC serves from here on. */
  started(): void {
    this.#lag.started();
  }

  /** How late the process got to what was due, since {@link started}. */
  get lifeLag(): LifeLag | undefined {
    return this.#lag.life;
  }

  stop(): void {
    this.#tallies.stop();
    this.#lag.stop();
  }
}
