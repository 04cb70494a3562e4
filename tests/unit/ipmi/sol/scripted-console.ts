/** A host's serial port in the hands of a test: what it takes, says and refuses. */
import type { HostConsole } from '../../../../src/bmc/machine.ts';

export class ScriptedConsole implements HostConsole {
  /** All the host was given, in order. */
  taken: number[] = [];
  breaks = 0;
  /** How many more bytes the host takes before it is full. */
  room = Number.POSITIVE_INFINITY;
  past: Uint8Array = new Uint8Array();
  readonly #echo: boolean;
  #connected = true;
  #receiver: ((bytes: Uint8Array) => void) | undefined;
  #drained: (() => void) | undefined;
  #connection: ((connected: boolean) => void) | undefined;

  /** @param echo say at once whatever is typed */
  constructor(echo = false) {
    this.#echo = echo;
  }

  get connected(): boolean {
    return this.#connected;
  }

  set connected(connected: boolean) {
    this.#connected = connected;
    this.#connection?.(connected);
  }

  /** The guest prints. */
  say(output: string | Uint8Array): void {
    this.#receiver?.(typeof output === 'string' ? Buffer.from(output, 'latin1') : output);
  }

  /** The guest reads again. */
  drain(room = Number.POSITIVE_INFINITY): void {
    this.room = room;
    this.#drained?.();
  }

  get text(): string {
    return Buffer.from(this.taken).toString('latin1');
  }

  receive(listener: (bytes: Uint8Array) => void): void {
    this.#receiver = listener;
  }

  send(bytes: Uint8Array): number {
    if (!this.#connected) return 0;
    const taken = bytes.slice(0, Math.min(bytes.length, this.room));
    this.room -= taken.length;
    for (const byte of taken) this.taken.push(byte);
    if (this.#echo && taken.length > 0) this.#receiver?.(taken);
    return taken.length;
  }

  drained(listener: () => void): void {
    this.#drained = listener;
  }

  sendBreak(): void {
    this.breaks++;
  }

  connection(listener: (connected: boolean) => void): void {
    this.#connection = listener;
  }

  history(limitBytes: number): Promise<Uint8Array> {
    return Promise.resolve(this.past.slice(-limitBytes));
  }
}
