/**
 * Answers of logins that may have got lost: where the console does not go on, its answer comes once or twice more. ipmitool
 * 1.8.19 sends each message of a login once, so that on a bad network it depends on what comes back; the other clients drop
 * what comes twice, as they must of any datagram.
 *
 * It is no way to make noise at others: few answers are kept at a time, so that forged logins get no more than some fifty
 * datagrams a second out of all this, and no further when whoever lives at the address says anything.
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { RemoteAddress } from '../session/link.ts';

/** Twice within the second that ipmitool waits for; a console on any usual network has gone on by then. */
const repeatMs = 300;
const mostKept = 16;

interface Kept {
  readonly again: () => void;
  readonly left: number;
  readonly dueAt: number;
}

export class AnswerRepeats {
  readonly #clock: Clock;
  /** By the console's address and port, the first one due first. */
  readonly #kept = new Map<string, Kept>();
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

  /**
   * @param again sends once more what it was answered just now
   * @param times how often, at the most
   */
  answered(remote: RemoteAddress, again: () => void, times: number): void {
    if (this.#kept.size < mostKept) this.#keep(socketOf(remote), again, times);
  }

  #keep(socket: string, again: () => void, left: number): void {
    this.#kept.set(socket, { again, left, dueAt: this.#clock.now() + repeatMs });
    this.#arm();
  }

  #arm(): void {
    const [first] = this.#kept.values();
    if (!first) return;
    this.#timer ??= this.#clock.after(Math.max(0, first.dueAt - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#repeat();
      this.#arm();
    });
  }

  #repeat(): void {
    const now = this.#clock.now();
    for (const [socket, { again, left, dueAt }] of [...this.#kept]) {
      if (dueAt > now) break;
      this.#kept.delete(socket);
      if (left > 1) this.#keep(socket, again, left - 1);
      again();
    }
  }
}

function socketOf({ address, port }: RemoteAddress): string {
  return `${address} ${port}`;
}
