/**
 * Server-Sent Events: a client holds one request open and hears what happens. DSP0266 §14.3.
 *
 * Each stream has its own queue, since clients read at their own pace; one that falls behind by more than the queue holds
 * is ended, and comes back with the ID of the last event it has seen. A stream ends with its session, with the rights of
 * its user, and with the service.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { RedfishError } from './errors.ts';
import { eventBody, type Happening, type Happenings } from './happenings.ts';
import type { JsonObject } from './json.ts';
import { message } from './messages.ts';

export const maxStreams = 32;
/** Events that wait for one slow reader. */
export const streamQueue = 1024;
/** So many are sent at once, where so many wait: what is on its way to a slow reader stays bounded. */
const batch = 32;
/** A comment shows that the line is alive. */
export const heartbeatMs = 15_000;

export interface StreamRequest {
  /** What the client has seen last, as it sent it. */
  readonly lastEventId: string | undefined;
  wanted(happening: Happening): boolean;
  /** Whether it is sent metric reports made after this definition. */
  wantsReports(definitionUri: string): boolean;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  /** Told once, when the stream is over. */
  ended(): void;
}

export interface OpenStream {
  readonly body: AsyncIterable<string>;
  /** Aborted when the reader is too slow. */
  readonly cut: AbortSignal;
  /** Ends it in order. */
  end(): void;
}

export class EventStreams {
  readonly #happenings: Happenings;
  readonly #clock: Clock;
  /** Sequence numbers begin anew with each start: IDs of streams say which one they are of. */
  readonly #epoch: string;
  readonly #open = new Set<Stream>();
  readonly #unsubscribe: () => void;
  #tooSlow = 0;

  constructor({ happenings, clock }: { readonly happenings: Happenings; readonly clock: Clock }) {
    this.#happenings = happenings;
    this.#clock = clock;
    this.#epoch = clock.wallTime().toString(36);
    this.#unsubscribe = happenings.on((happening) => {
      for (const stream of [...this.#open]) stream.offer(happening);
    });
  }

  get count(): number {
    return this.#open.size;
  }

  /** Streams that were ended because their reader did not follow. */
  get tooSlow(): number {
    return this.#tooSlow;
  }

  /** @throws {RedfishError} 503 when there are too many streams */
  open(request: StreamRequest): OpenStream {
    if (this.#open.size >= maxStreams) {
      throw new RedfishError(message('EventSubscriptionLimitExceeded'), { status: 503 });
    }
    const stream = new Stream({
      ...request,
      clock: this.#clock,
      ready: this.#happenings.ready,
      idOf: ({ sequence }) => `${this.#epoch}-${sequence}`,
      ended: () => {
        this.#open.delete(stream);
        request.ended();
      },
    });
    stream.cut.addEventListener('abort', () => this.#tooSlow++, { once: true });
    this.#open.add(stream);
    for (const happening of this.#missed(request.lastEventId)) stream.offer(happening);
    return { body: stream.body(), cut: stream.cut, end: () => stream.end() };
  }

  /** Sends a metric report to those who want it. It is not kept: the report itself is what holds the past. */
  report(definitionUri: string, body: () => JsonObject): void {
    const wanting = [...this.#open].filter((stream) => stream.wantsReports(definitionUri));
    if (wanting.length === 0) return;
    const data = `data: ${JSON.stringify(body())}\n\n`;
    for (const stream of wanting) stream.push(data);
  }

  stop(): void {
    this.#unsubscribe();
    for (const stream of [...this.#open]) stream.end();
  }

  /** What came after the event with this ID. After one of an earlier start, all that is kept of this one. */
  #missed(lastEventId: string | undefined): readonly Happening[] {
    const [, epoch, sequence] = /^([0-9a-z]+)-(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
    if (epoch === undefined) return [];
    return this.#happenings.since(epoch === this.#epoch ? Number(sequence) : 0);
  }
}

interface StreamOptions extends StreamRequest {
  ready(): Promise<void>;
  readonly clock: Clock;
  idOf(happening: Happening): string;
}

class Stream {
  readonly #options: StreamOptions;
  #queue: string[] = [': connected\n\n'];
  #wake: (() => void) | undefined;
  #heartbeat: Timer | undefined;
  readonly #cut = new AbortController();
  #over = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    if (options.gone.aborted) this.end();
    else options.gone.addEventListener('abort', () => this.end(), { once: true });
    this.#beat();
  }

  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  wantsReports(definitionUri: string): boolean {
    return !this.#over && this.#options.wantsReports(definitionUri);
  }

  offer(happening: Happening): void {
    if (this.#over || !this.#options.wanted(happening)) return;
    const id = this.#options.idOf(happening);
    this.push(`id: ${id}\ndata: ${JSON.stringify({ ...eventBody(happening, '', []), Id: id })}\n\n`);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#heartbeat?.cancel();
    this.#options.ended();
    this.#wake?.();
  }

  async *body(): AsyncIterable<string> {
    try {
      await this.#options.ready();
      for (;;) {
        const next = this.#queue.splice(0, batch);
        if (next.length > 0) yield next.join('');
        else if (this.#over) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }

  push(text: string): void {
    if (this.#queue.length >= streamQueue) {
      // What waits is of no use any more: the reader comes back for it.
      this.#queue = [];
      this.end();
      this.#cut.abort();
      return;
    }
    this.#queue.push(text);
    this.#wake?.();
  }

  #beat(): void {
    if (this.#over) return;
    this.#heartbeat = this.#options.clock.after(heartbeatMs, () => {
      // A reader that takes nothing needs no reminder that there is something.
      if (this.#queue.length === 0) this.push(': heartbeat\n\n');
      this.#beat();
    });
  }
}
