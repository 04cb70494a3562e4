/**
 * What waits for the software in the host: messages in the receive queue (LUN 2), one event, and the flags that say
 * so. IPMI 2.0 §6.13.4, §22.1 to §22.8. Nothing of it outlives the BMC.
 *
 * While anything waits, the system interface shows attention; whether it also interrupts is the host's choice.
 */
import type { Actor } from '../bmc/actor.ts';
import type { EventLog } from '../bmc/event-log.ts';
import type { Power } from '../bmc/power.ts';
import type { Watchdog } from '../bmc/watchdog.ts';
import { Emitter } from '../lib/emitter.ts';

/** A message for the host, as Get Message hands it over: without the address of the BMC that leads it. */
export interface HostMessage {
  /** The channel that it came over. */
  readonly channel: number;
  readonly bytes: Uint8Array;
}

/** What the host wants to be told of, and how. IPMI 2.0 §22.1. */
export interface GlobalEnables {
  /** Events go into the SEL. */
  readonly eventLogging: boolean;
  /** Events also go into the event message buffer. */
  readonly eventMessageBuffer: boolean;
  readonly eventBufferInterrupt: boolean;
  readonly receiveQueueInterrupt: boolean;
}

export interface Attention {
  readonly wanted: boolean;
  readonly interrupt: boolean;
}

/** Those who send when nobody fetches find the queue full. */
const queueLength = 16;

const quiet: GlobalEnables = {
  eventLogging: true,
  eventMessageBuffer: false,
  eventBufferInterrupt: false,
  receiveQueueInterrupt: false,
};

export class HostMessages {
  readonly #watchdog: Watchdog;
  readonly #events: EventLog;
  readonly #changed = new Emitter<Attention>();
  readonly #queue: HostMessage[] = [];
  #event: Uint8Array | undefined;
  #enables: GlobalEnables = quiet;

  constructor({ watchdog, power, events }: { watchdog: Watchdog; power: Power; events: EventLog }) {
    this.#events = events;
    this.#watchdog = watchdog;
    // The software that had set this up is gone.
    power.onRestart(() => this.#reset());
    watchdog.onExpiry(({ what }) => {
      if (what === 'pre-timeout') this.#tell();
    });
  }

  get enables(): GlobalEnables {
    return this.#enables;
  }

  setEnables(enables: GlobalEnables, actor: Actor): void {
    this.#events.changed(actor, 'global enables', this.#enables, enables);
    this.#enables = enables;
    this.#tell();
  }

  get flags(): { readonly message: boolean; readonly event: boolean; readonly watchdog: boolean } {
    return {
      message: this.#queue.length > 0,
      event: this.#event !== undefined,
      watchdog: this.#watchdog.preTimeoutPending,
    };
  }

  get attention(): Attention {
    const { message, event, watchdog } = this.flags;
    const { receiveQueueInterrupt, eventBufferInterrupt } = this.#enables;
    const interrupt =
      (message && receiveQueueInterrupt) ||
      (event && eventBufferInterrupt) ||
      (watchdog && this.#watchdog.settings?.interrupt === 'messaging');
    return { wanted: message || event || watchdog, interrupt };
  }

  onAttention(listener: (attention: Attention) => void): () => void {
    return this.#changed.on(listener);
  }

  /** @returns false when the queue is full; the message is lost then */
  post(message: HostMessage): boolean {
    if (this.#queue.length >= queueLength) return false;
    this.#queue.push(message);
    this.#tell();
    return true;
  }

  /** The oldest message, taken out. */
  take(): HostMessage | undefined {
    const message = this.#queue.shift();
    if (message) this.#tell();
    return message;
  }

  /** An event in the form of a SEL record (16 bytes). Kept if wanted, and if the buffer is free. */
  offerEvent(record: Uint8Array): void {
    if (!this.#enables.eventMessageBuffer || this.#event) return;
    this.#event = record;
    this.#tell();
  }

  takeEvent(): Uint8Array | undefined {
    const event = this.#event;
    this.#event = undefined;
    if (event) this.#tell();
    return event;
  }

  /** Clears what the host does not want to fetch. */
  clear(what: { readonly message: boolean; readonly event: boolean; readonly watchdog: boolean }): void {
    if (what.message) this.#queue.length = 0;
    if (what.event) this.#event = undefined;
    if (what.watchdog) this.#watchdog.acknowledgePreTimeout();
    this.#tell();
  }

  #reset(): void {
    this.#queue.length = 0;
    this.#event = undefined;
    this.#enables = { ...quiet, eventLogging: this.#enables.eventLogging };
    this.#tell();
  }

  #tell(): void {
    this.#changed.emit(this.attention);
  }
}
