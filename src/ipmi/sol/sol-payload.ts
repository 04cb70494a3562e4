/**
 * One active SOL payload: the link's conversation tied to a session, a console attachment and a clock. It ends
 * when it is told to, when another writer takes the console, or when its client is dead.
 */
import type { ConsoleAttachment } from '../../bmc/console-attachment.ts';
import { DecodeError } from '../../lib/bytes.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { decode } from '../../lib/codec.ts';
import { type PayloadProtection, type PayloadSession, PayloadType } from '../payload.ts';
import { ConsolePacket } from './packet.ts';
import { type SolCounters, type SolHost, SolLink, type SolLinkSettings } from './sol-link.ts';

export interface SolPayloadOptions {
  readonly instance: number;
  readonly session: PayloadSession;
  readonly attachment: ConsoleAttachment;
  readonly protection: PayloadProtection;
  readonly settings: () => SolLinkSettings;
  readonly clock: Clock;
  /** Told once when it wants to end by itself; the owner then calls `end`. */
  readonly onEnding: (why: string) => void;
  readonly onBadPacket: (error: DecodeError) => void;
}

export class SolPayload {
  readonly instance: number;
  readonly session: PayloadSession;
  readonly viewer: boolean;
  /** How packets to the client are protected; encryption can be suspended and resumed. */
  protection: PayloadProtection;
  readonly #attachment: ConsoleAttachment;
  readonly #clock: Clock;
  readonly #link: SolLink;
  readonly #onEnding: (why: string) => void;
  #timer: Timer | undefined;
  #timerAt = 0;
  #ended = false;

  constructor(options: SolPayloadOptions) {
    const { session, attachment, clock } = options;
    this.instance = options.instance;
    this.session = session;
    this.protection = options.protection;
    this.viewer = attachment.mode === 'read';
    this.#attachment = attachment;
    this.#clock = clock;
    this.#onEnding = options.onEnding;
    this.#link = new SolLink(
      hostOf(attachment),
      options.settings,
      {
        send: (packet) => session.sendPayload(PayloadType.sol, packet, this.protection),
        prepare: (packet) => session.preparePayload(PayloadType.sol, packet, this.protection),
      },
      clock.now(),
    );
    session.onPayload(PayloadType.sol, (payload, { encrypted, overtakenBy }) => {
      let packet: ConsolePacket;
      try {
        if (this.protection.encrypted && !encrypted) throw new DecodeError('SOL packet: not encrypted');
        packet = decode(ConsolePacket, payload, 'SOL packet');
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        options.onBadPacket(error);
        return;
      }
      this.#link.receive(packet, clock.now(), overtakenBy);
      this.#arm();
    });
    attachment.onReadable(() => this.#step((now) => this.#link.readable(now)));
    attachment.onWritable(() => this.#step((now) => this.#link.writable(now)));
    attachment.onConnection((connected) => this.#step((now) => this.#link.connection(connected, now)));
    attachment.onDetached((reason) =>
      this.#onEnding(reason === 'taken-over' ? 'another user took the console over' : 'the BMC stops'),
    );
  }

  get counters(): SolCounters {
    return this.#link.counters;
  }

  /** Sends what waits to be read. Call when the client knows that the payload is active. */
  begin(): void {
    this.#step((now) => this.#link.readable(now));
  }

  /** The client activated it again. */
  restart(): void {
    this.#link.restart();
    this.begin();
  }

  /** @param notice text for the client, who is also told by the deactivating bit; undefined to end silently */
  end(notice: string | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    if (notice !== undefined) this.#link.close(notice);
    this.#attachment.detach();
    this.session.onPayload(PayloadType.sol, undefined);
  }

  #step(run: (now: number) => void): void {
    if (this.#ended) return;
    run(this.#clock.now());
    this.#arm();
  }

  /** One timer at most, which is left alone when it rings early: on a busy link it is hardly ever reset. */
  #arm(): void {
    if (this.#ended) return;
    if (this.#link.dead) {
      this.#onEnding('the client did not answer');
      return;
    }
    const at = this.#link.wakeAt;
    if (at === undefined) return;
    if (this.#timer) {
      if (this.#timerAt <= at) return;
      this.#timer.cancel();
    }
    this.#timerAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#step((now) => {
        const due = this.#link.wakeAt;
        if (due !== undefined && now >= due) this.#link.tick(now);
      });
    });
  }
}

function hostOf(attachment: ConsoleAttachment): SolHost {
  return {
    get available() {
      return attachment.available;
    },
    get lostBytes() {
      return attachment.lostBytes;
    },
    get connected() {
      return attachment.connected;
    },
    mayWrite: attachment.mode === 'write',
    peek: (maxBytes) => attachment.peek(maxBytes),
    consume: (bytes) => attachment.consume(bytes),
    skip: () => attachment.skip(),
    write: (bytes) => attachment.write(bytes),
    sendBreak: () => attachment.sendBreak(),
  };
}
