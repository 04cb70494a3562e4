/**
 * Datagrams on their way out: what one turn of the event loop has to say leaves at its end, all together. Whoever waits
 * for the first is awake then for the others. Sent one by one, between the requests, each would wake him anew, and the
 * kernel has the sender pay for that: up to a quarter of all that a request takes (docs/performance.md).
 *
 * What else has its turn must not hold them up. Where the end of a turn was long in coming, as beside a busy Redfish,
 * datagrams leave at once for a while.
 */
import type { Socket } from 'node:dgram';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { RemoteAddress } from '../session/link.ts';

/** The longest that a datagram may wait for the end of its turn, before the next ones no longer do. */
const mostWaitMs = 0.1;
/** How long that lasts. */
const hurryMs = 100;

interface Outgoing {
  readonly socket: Socket;
  readonly datagram: Uint8Array;
  readonly remote: RemoteAddress;
}

export class Outbox {
  readonly #clock: Clock;
  readonly #log: Logger;
  #waiting: Outgoing[] = [];
  /** When the latest of them came. */
  #latestAt = 0;
  #hurryUntil = Number.NEGATIVE_INFINITY;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Never throws; a datagram that cannot be sent is lost. */
  send(socket: Socket, datagram: Uint8Array, remote: RemoteAddress): void {
    const now = this.#clock.now();
    if (now < this.#hurryUntil) {
      this.flush();
      this.#sendNow({ socket, datagram, remote });
      return;
    }
    if (this.#waiting.length === 0) setImmediate(() => this.#turnEnds());
    this.#latestAt = now;
    this.#waiting.push({ socket, datagram, remote });
  }

  /** Sends all at once: before a socket is closed. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const leaving = this.#waiting;
    this.#waiting = [];
    for (const outgoing of leaving) this.#sendNow(outgoing);
  }

  #turnEnds(): void {
    const now = this.#clock.now();
    if (now - this.#latestAt > mostWaitMs) this.#hurryUntil = now + hurryMs;
    this.flush();
  }

  #sendNow({ socket, datagram, remote }: Outgoing): void {
    try {
      socket.send(datagram, remote.port, remote.address);
    } catch (error) {
      this.#log.debug({ err: error, to: remote.address }, 'datagram not sent');
    }
  }
}
