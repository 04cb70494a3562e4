/**
 * Answers of logins that may have got lost: where the console does not go on, its answer comes once more. ipmitool 1.8.19
 * sends each message of a login once, so that on a bad network it depends on what comes back; the other clients drop what
 * comes twice, as they must of any datagram.
 *
 * It is no way to make noise at others: few answers are kept, no further one when whoever lives at the address says
 * anything, and none while many log in at once: these wait for the BMC and not for the network, or are forged.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { RemoteAddress } from '../session/link.ts';

/** Within the second that ipmitool waits for; a console on any usual network has gone on by then. */
const repeatMs = 700;
const mostKept = 16;

interface Kept {
  readonly again: () => void;
  readonly dueAt: number;
}

export class AnswerRepeats {
  readonly #clock: Clock;
  /** By the console's address and port, the first one due first. */
  readonly #kept = new Map<string, Kept>();
  /** Until then many log in. */
  #busyUntil = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#kept.clear();
  }

  /** The console has said something: it has the last answer, or asks for it itself. */
  heard(remote: RemoteAddress): void {
    if (this.#kept.size > 0) this.#kept.delete(socketOf(remote));
  }

  /** @param again sends once more what it was answered just now */
  answered(remote: RemoteAddress, again: () => void): void {
    const now = this.#clock.now();
    if (now < this.#busyUntil) return;
    if (this.#kept.size >= mostKept) {
      this.#kept.clear();
      this.#busyUntil = now + repeatMs;
      return;
    }
    this.#kept.set(socketOf(remote), { again, dueAt: now + repeatMs });
    this.#arm();
  }

  #arm(): void {
    if (this.#timer) return;
    const [first] = this.#kept.values();
    if (!first) return;
    this.#timer = this.#clock.after(Math.max(0, first.dueAt - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#repeat();
      this.#arm();
    });
  }

  #repeat(): void {
    const now = this.#clock.now();
    for (const [socket, { again, dueAt }] of [...this.#kept]) {
      if (dueAt > now) break;
      this.#kept.delete(socket);
      again();
    }
  }
}

function socketOf({ address, port }: RemoteAddress): string {
  return `${address} ${port}`;
}
