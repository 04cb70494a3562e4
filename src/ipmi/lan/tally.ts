/** What a LAN face counts, and what it says in the log about refusals without letting a flood fill it. */
import type { Bmc } from '../../bmc/bmc.ts';
import { CompletionCounts } from '../completion-counts.ts';
import { type LanCounterName, type LanCounters, newLanCounters } from '../lan-counters.ts';
import { type RemoteAddress, remoteText } from '../session/link.ts';

/** Refused logins that are worth a line in the log, per sweep; the rest is only counted. */
const warningsPerSweep = 10;

export class Tally {
  readonly counters: LanCounters = newLanCounters();
  /** Of the commands that were carried out or refused. */
  readonly completions = new CompletionCounts();
  readonly #bmc: Bmc;
  readonly #armSweep: () => void;
  #warnings = 0;

  /** @param armSweep sees to it that {@link forgetWarnings} is called before long */
  constructor(bmc: Bmc, armSweep: () => void) {
    this.#bmc = bmc;
    this.#armSweep = armSweep;
  }

  /** A datagram is not served. */
  drop(why: LanCounterName, remote: RemoteAddress, detail?: string): void {
    this.counters[why]++;
    const { log } = this.#bmc;
    if (log.isLevelEnabled('debug')) log.debug({ why, detail, from: remoteText(remote) }, 'datagram dropped');
  }

  warn(fields: object, message: string): void {
    if (this.#warnings++ < warningsPerSweep) this.#bmc.log.warn(fields, message);
    this.#armSweep();
  }

  /** A new sweep: as many warnings again. */
  forgetWarnings(): void {
    this.#warnings = 0;
  }
}
