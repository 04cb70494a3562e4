/**
 * What happens, as it happens: one stream of Server-Sent Events for this tab, read by `fetch`, since an EventSource cannot
 * send the token. It resumes after a break by Last-Event-ID, says in what state it is, and waits longer after each
 * failure. There is no polling beside it.
 *
 *     idle ── start ──▶ connecting ── answer ──▶ live
 *                          ▲  │ failure            │ end, silence
 *                          │  ▼                    │
 *                        waiting ◀─────────────────┘        any ── stop ──▶ idle
 */
import { ApiError } from './errors.ts';
import type { MetricReport } from './metric-reports.ts';
import { SseParser } from './sse-parser.ts';

export const eventStreamUri = '/redfish/v1/EventService/SSE';
/** The service speaks at least every 15 s; after this long without a word the line is dead. */
export const silenceMs = 40_000;
/** So long the service has for the beginning of its answer. */
export const openingMs = 5_000;
const firstWaitMs = 500;
const longestWaitMs = 15_000;

/** An EventRecord, as far as this console reads it. Event.v1_13_0. */
export interface EventRecord {
  readonly EventId?: string;
  readonly EventTimestamp?: string;
  readonly MessageId: string;
  readonly Message?: string;
  readonly MessageArgs?: readonly string[];
  readonly MessageSeverity?: 'OK' | 'Warning' | 'Critical';
  readonly OriginOfCondition?: { readonly '@odata.id': string };
  readonly LogEntry?: { readonly '@odata.id': string };
  readonly Username?: string;
}

export type StreamState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'connecting'; readonly attempt: number }
  | { readonly phase: 'live' }
  /** `retryAt`: milliseconds since 1970. */
  | { readonly phase: 'waiting'; readonly attempt: number; readonly retryAt: number };

export interface EventStreamOptions {
  /** @returns the answer's body. @throws {ApiError} */
  open(lastEventId: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  heard(record: EventRecord): void;
  /** What has been measured now, as the report of the resource that `@odata.id` names. */
  measured?(report: MetricReport): void;
  changed(state: StreamState): void;
  /** The stream is back after a break: what was read meanwhile may be old. */
  returned(): void;
  now(): number;
  /** From 0 to 1, so that many tabs do not come back at the same moment. */
  random(): number;
}

export class EventStream {
  readonly #options: EventStreamOptions;
  #state: StreamState = { phase: 'idle' };
  #lastEventId: string | undefined;
  #attempt = 0;
  #wasLive = false;
  #current: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get state(): StreamState {
    return this.#state;
  }

  start(): void {
    if (this.#state.phase === 'idle') this.#connect();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#current?.abort();
    this.#current = undefined;
    this.#lastEventId = undefined;
    this.#attempt = 0;
    this.#wasLive = false;
    this.#enter({ phase: 'idle' });
  }

  /** Does not wait any longer: the network is back, or the user asks. */
  retryNow(): void {
    if (this.#state.phase !== 'waiting') return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #connect(): void {
    const controller = new AbortController();
    this.#current = controller;
    this.#attempt += 1;
    this.#enter({ phase: 'connecting', attempt: this.#attempt });
    this.#read(controller).then(
      () => this.#broke(controller),
      (error: unknown) => this.#broke(controller, error),
    );
  }

  async #read(controller: AbortController): Promise<void> {
    this.#listen(controller, openingMs);
    const body = await this.#options.open(this.#lastEventId, controller.signal);
    if (controller.signal.aborted) return;
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    try {
      for (;;) {
        this.#listen(controller, silenceMs);
        const { done, value } = await reader.read();
        if (controller.signal.aborted || done) return;
        this.#live();
        for (const { id, data } of parser.push(decoder.decode(value, { stream: true }))) {
          if (id !== undefined) this.#lastEventId = id;
          for (const record of recordsOf(data)) this.#options.heard(record);
          const report = reportOf(data);
          if (report) this.#options.measured?.(report);
        }
      }
    } finally {
      reader.cancel().catch(() => undefined);
    }
  }

  #live(): void {
    if (this.#state.phase === 'live') return;
    this.#attempt = 0;
    this.#enter({ phase: 'live' });
    if (this.#wasLive) this.#options.returned();
    this.#wasLive = true;
  }

  /** Ends a line on which nothing comes any more, as after a sleep of the computer. */
  #listen(controller: AbortController, ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#current !== controller) return;
      controller.abort();
      this.#wait();
    }, ms);
  }

  #broke(controller: AbortController, error?: unknown): void {
    if (this.#current !== controller || controller.signal.aborted) return;
    clearTimeout(this.#timer);
    // The session is over; whoever keeps the session has been told, and starts the stream again with the next one.
    if (error instanceof ApiError && error.kind === 'unauthorized') this.stop();
    else this.#wait(error instanceof ApiError ? error.retryAfterS : undefined);
  }

  #wait(retryAfterS?: number): void {
    clearTimeout(this.#timer);
    this.#current = undefined;
    const grown = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.max(0, this.#attempt - 1));
    const ms = Math.max(grown * (0.75 + this.#options.random() / 2), (retryAfterS ?? 0) * 1000);
    this.#enter({ phase: 'waiting', attempt: this.#attempt, retryAt: this.#options.now() + ms });
    this.#timer = setTimeout(() => this.#connect(), ms);
  }

  #enter(state: StreamState): void {
    this.#state = state;
    this.#options.changed(state);
  }
}

/** @returns none for what is no event of Redfish: a stream does not end for it */
function recordsOf(data: string): readonly EventRecord[] {
  try {
    const { Events: events } = JSON.parse(data) as { Events?: unknown };
    return Array.isArray(events) ? events.filter(isRecord) : [];
  } catch {
    return [];
  }
}

function reportOf(data: string): MetricReport | undefined {
  try {
    const report = JSON.parse(data) as Partial<MetricReport>;
    return Array.isArray(report.MetricValues) && report['@odata.id'] ? (report as MetricReport) : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is EventRecord {
  return typeof value === 'object' && value !== null && 'MessageId' in value;
}
