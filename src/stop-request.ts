/** Signals as requests to stop: in order, or at once. */

/** npm hands on a signal that the terminal has sent to us as well: what comes this close is one. */
const sameSignalMs = 1_000;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Signals that ask us to stop: the first in order, the second at once. */
export class StopRequest {
  readonly #listen: () => void;
  readonly #stop = signalled();
  readonly #force = signalled();
  readonly #awake: NodeJS.Timeout;
  #first: number | undefined;

  constructor() {
    this.#listen = () => {
      const now = performance.now();
      this.#first ??= now;
      this.#stop.give();
      if (now - this.#first > sameSignalMs) this.#force.give();
    };
    for (const name of stopSignals) process.on(name, this.#listen);
    // Neither signals nor the clock's timers keep a process that waits for them.
    this.#awake = setInterval(() => undefined, 60_000);
    // The terminal may be gone: what is written to it then is lost, nothing else.
    process.stdout.on('error', () => undefined);
    process.stderr.on('error', () => undefined);
  }

  get asked(): boolean {
    return this.#first !== undefined;
  }
  get stop(): Promise<void> {
    return this.#stop.promise;
  }
  get force(): Promise<void> {
    return this.#force.promise;
  }

  dispose(): void {
    clearInterval(this.#awake);
    for (const name of stopSignals) process.off(name, this.#listen);
  }
}

function signalled(): { readonly promise: Promise<void>; give(): void } {
  let give: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { promise, give };
}
