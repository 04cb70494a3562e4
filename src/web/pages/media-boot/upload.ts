/**
 * An image on its way from this browser into a drive, part by part, so that it can be paused, goes on after a break of the
 * line, and says how far it is. The appliance keeps what has come for a while; it says itself from where to go on.
 *
 *   sending ── all ─▶ done          sending ── pause ─▶ paused ── resume ─▶ sending
 *      │ └─ error ─▶ broken ── resume ─▶ sending
 *      └─ cancel ─▶ cancelled
 */

export interface UploadPart {
  /** The first byte, and the one behind the last. */
  readonly from: number;
  readonly to: number;
  readonly total: number;
  readonly bytes: Blob;
  readonly signal: AbortSignal;
}

/** The appliance, as an upload sees it. */
export interface UploadPort {
  /** @returns how much of an image is here, and of how many bytes; no total where none is under way */
  progress(): Promise<{ readonly received: number; readonly total: number | undefined }>;
  /** @throws {Error} when it does not arrive */
  send(part: UploadPart): Promise<void>;
  /** Throws away what has come. */
  discard(): Promise<void>;
}

export type UploadPhase = 'sending' | 'paused' | 'broken' | 'done' | 'cancelled';

export interface UploadState {
  readonly phase: UploadPhase;
  readonly sent: number;
  readonly total: number;
  /** Undefined until it is known. */
  readonly bytesPerS: number | undefined;
  /** Why it is broken. */
  readonly error?: Error;
}

export const partBytes = 4 * 1024 * 1024;

interface UploadOptions {
  readonly file: Blob;
  readonly port: UploadPort;
  changed(state: UploadState): void;
  /** Milliseconds. */
  now(): number;
}

export class Upload {
  readonly #options: UploadOptions;
  #state: UploadState;
  #controller = new AbortController();

  constructor(options: UploadOptions) {
    this.#options = options;
    this.#state = { phase: 'paused', sent: 0, total: options.file.size, bytesPerS: undefined };
  }

  get state(): UploadState {
    return this.#state;
  }

  /** Begins, or goes on from what the appliance has. */
  async start(): Promise<void> {
    if (this.#state.phase !== 'paused' && this.#state.phase !== 'broken') return;
    const controller = new AbortController();
    this.#controller = controller;
    const { total, sent } = this.#state;
    this.#enter({ phase: 'sending', sent, total, bytesPerS: undefined });
    try {
      await this.#send(controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#enter({
        ...this.#state,
        phase: 'broken',
        bytesPerS: undefined,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }

  pause(): void {
    if (this.#state.phase !== 'sending') return;
    this.#controller.abort();
    this.#enter({ ...this.#state, phase: 'paused', bytesPerS: undefined });
  }

  /** For good. @throws {Error} when the appliance does not answer; it forgets the parts by itself after a while */
  async cancel(): Promise<void> {
    const { phase } = this.#state;
    if (phase === 'done' || phase === 'cancelled') return;
    this.#controller.abort();
    this.#enter({ ...this.#state, phase: 'cancelled', bytesPerS: undefined });
    await this.#options.port.discard();
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { file, port, now } = this.#options;
    const total = file.size;
    const here = await port.progress();
    if (signal.aborted) return;
    // A part that was broken off has come in part. Another image's is refused by the appliance.
    let sent = here.total === total ? here.received : 0;
    this.#enter({ ...this.#state, sent });
    const startedAt = now();
    const startedFrom = sent;
    do {
      const to = Math.min(total, sent + partBytes);
      await port.send({ from: sent, to, total, bytes: file.slice(sent, to), signal });
      if (signal.aborted) return;
      sent = to;
      const seconds = (now() - startedAt) / 1000;
      const bytesPerS = seconds > 0 ? (sent - startedFrom) / seconds : undefined;
      this.#enter({ phase: 'sending', sent, total, bytesPerS });
    } while (sent < total);
    this.#enter({ phase: 'done', sent, total, bytesPerS: undefined });
  }

  #enter(state: UploadState): void {
    this.#state = state;
    this.#options.changed(state);
  }
}
