/** What metrics are read from. Nothing is kept twice: but for the tallies, each figure is its owner's. */
import type { Bmc } from '../bmc/bmc.ts';
import { type EventKind, eventKinds } from '../bmc/event-log.ts';
import { type RestartCause, restartCauses } from '../bmc/restart.ts';
import type { ConnectionGate } from '../http/connection-gate.ts';
import type { HttpCounters } from '../http/http-counters.ts';
import type { InBand } from '../ipmi/in-band.ts';
import type { IpmiLan } from '../ipmi/lan.ts';
import type { SolService } from '../ipmi/sol/sol-service.ts';
import type { RedfishState } from '../redfish/state.ts';
import type { EventLoopLag } from './event-loop-lag.ts';

export interface HttpSource {
  readonly counters: HttpCounters;
  readonly gate: Pick<ConnectionGate, 'open' | 'refused'>;
  readonly state: Pick<RedfishState, 'sessions' | 'streams' | 'subscriptions' | 'tasks'>;
}

export interface MetricSources {
  readonly bmc: Bmc;
  readonly lan: Pick<IpmiLan, 'counters' | 'completions' | 'sessions' | 'halfOpenCount'>;
  readonly sol: Pick<SolService, 'instances'>;
  /** Absent where the machine has no system interface. */
  readonly inBand: InBand | undefined;
  /** Absent where HTTPS is off, or not yet open. */
  readonly http: HttpSource | undefined;
  /** Whether the machine is QEMU's, and the process while it runs. */
  readonly qemu: { readonly pid: number | undefined; readonly accelerator: string | undefined } | undefined;
  readonly tallies: Tallies;
  readonly lag: EventLoopLag;
}

/** Counts what its makers do not count, from its making on. */
export class Tallies {
  readonly events = new Map<EventKind, number>(eventKinds.map((kind) => [kind, 0]));
  readonly restarts = new Map<RestartCause, number>(restartCauses.map((cause) => [cause, 0]));
  readonly #stops: readonly (() => void)[];

  constructor({ events, power }: Pick<Bmc, 'events' | 'power'>) {
    this.#stops = [
      events.onAdd(({ kind }) => add(this.events, kind)),
      power.onRestart(({ cause }) => add(this.restarts, cause)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
