/**
 * The conversation of one SOL payload: packets, acknowledgements, retries, flow control. IPMI 2.0 §15.9–15.11.
 * It knows neither sessions nor timers: time comes as an argument, and {@link SolLink.wakeAt} says when to call
 * {@link SolLink.tick}.
 *
 * Each direction is stop-and-wait, by itself:
 *
 *   out   idle ──data──▶ waiting ──ACK──▶ idle            (a partial ACK leaves the rest, sent at once anew)
 *                        waiting ──time-out──▶ waiting     (same packet again, until the retries are used up)
 *                        waiting ──retries used up──▶ idle (the data is dropped, the payload stays)
 *                        waiting ──NACK──▶ held ──any packet without NACK, or 1 s──▶ idle
 *
 *   in    ready ──packet──▶ ready                          (taken as far as the host takes it, and ACKed; a key’s
 *                                                            ACK waits a moment, to go along with the echo)
 *         ready ──packet, host takes nothing──▶ pending    (no answer yet)
 *         pending ──host takes──▶ ready (ACK)   pending ──2 s──▶ refusing (NACK)
 *         refusing ──host takes again──▶ ready             (an ACK of 0 characters tells the client to resume)
 *
 * Retries: the settings' count × interval is how long data is kept; inside that time a packet is sent again by
 * the round trip's own measure, which is shorter on every real network.
 */
import { encodeInto } from '../../lib/codec.ts';
import {
  BmcPacket,
  type ConsolePacket,
  maxSolCharacters,
  nextSolSequence,
  solHeaderBytes,
} from './packet.ts';
import { RoundTrip } from './round-trip.ts';

/** What the link needs of the host's console. */
export interface SolHost {
  readonly available: number;
  readonly lostBytes: number;
  readonly connected: boolean;
  /** False for a viewer, whose characters are refused. */
  readonly mayWrite: boolean;
  peek(maxBytes: number): Uint8Array;
  consume(bytes: number): void;
  skip(): void;
  write(bytes: Uint8Array): number;
  sendBreak(): void;
}

/** Where packets for the client go, encoded. */
export interface SolWire {
  send(packet: Uint8Array): void;
  /** What will likely be sent next, the same object: there is time for it now, and none later. */
  prepare(packet: Uint8Array): void;
}

export interface SolLinkSettings {
  readonly accumulateMs: number;
  readonly sendThreshold: number;
  readonly retryCount: number;
  readonly retryIntervalMs: number;
}

export interface SolCounters {
  sentPackets: number;
  resentPackets: number;
  sentBytes: number;
  receivedBytes: number;
  duplicates: number;
  /** Older than the latest packet: out of order on the way. */
  stale: number;
  /** Host bytes given up because no acknowledgement came. */
  droppedBytes: number;
}

/**
 * Half of the numbers: so far behind the latest packet one is taken for old, and what is further behind for new. A packet
 * that more others have overtaken could be either, and is not looked at.
 */
const oldestBehind = 7;
/** How long the client may leave a packet unread by the host before it is refused. */
const patienceMs = 2000;
/** Least time between two refusals: FreeIPMI 1.6 sends refused characters again at once, for ever. */
const refusalPaceMs = 250;
/** How long a client's NACK holds our output if its resume never arrives. */
const heldMs = 1000;
/** A packet of so few characters is a key: its echo comes soon, if one comes, and takes the ACK along. */
const keyCharacters = 8;
const echoMs = 2;
/** How long an ACK of nothing holds it. */
const emptyAckMs = 50;
/** A client is given up after so many packets in a row went unanswered and nothing came for so long. */
const deadRounds = 3;
const deadMs = 15_000;

interface Waiting {
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly overrun: boolean;
  readonly firstAt: number;
  tries: number;
  dueAt: number;
}

/** The packet behind the one that waits for its ACK, made while there is time. */
interface Ahead {
  readonly sequence: number;
  readonly packet: Uint8Array;
}

interface Answer {
  readonly sequence: number;
  readonly acceptedCount: number;
  readonly nack: boolean;
}

interface Pending {
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly refuseAt: number;
}

export class SolLink {
  readonly #host: SolHost;
  readonly #settings: () => SolLinkSettings;
  readonly #wire: SolWire;
  readonly #roundTrip = new RoundTrip();
  readonly counters: SolCounters = {
    sentPackets: 0,
    resentPackets: 0,
    sentBytes: 0,
    receivedBytes: 0,
    duplicates: 0,
    stale: 0,
    droppedBytes: 0,
  };
  #closed = false;
  #dead = false;
  /** While a packet is worked on, output the host gives meanwhile waits for the packet's answer. */
  #receiving = false;

  // Outbound: host to client.
  #sequence = 0;
  #waiting: Waiting | undefined;
  #ahead: Ahead | undefined;
  #heldUntil: number | undefined;
  #ctsPause = false;
  /** When the accumulated characters go out even though they are few. */
  #flushAt = Number.NEGATIVE_INFINITY;
  #overrun = false;
  #lostSeen = 0;
  #failedRounds = 0;
  #heardAt: number;

  // Inbound: client to host.
  #lastSequence: number | undefined;
  #answer: Answer | undefined;
  #pending: Pending | undefined;
  #owed = false;
  /** When an answer that is owed goes by itself; undefined for none that waits for company. */
  #answerBy: number | undefined;
  #blockedSince: number | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #connected: boolean;

  constructor(host: SolHost, settings: () => SolLinkSettings, wire: SolWire, now: number) {
    this.#host = host;
    this.#settings = settings;
    this.#wire = wire;
    this.#heardAt = now;
    this.#connected = host.connected;
    this.#lostSeen = host.lostBytes;
  }

  /** True when the client has not been heard of for so long that the console should be freed. */
  get dead(): boolean {
    return this.#dead;
  }

  /** When `tick` wants to be called; undefined for not at all. */
  get wakeAt(): number | undefined {
    if (this.#closed) return undefined;
    let at = Number.POSITIVE_INFINITY;
    if (this.#waiting) at = this.#waiting.dueAt;
    else if (this.#heldUntil !== undefined) at = this.#heldUntil;
    else if (!this.#ctsPause && this.#host.available > 0) at = this.#flushAt;
    if (this.#pending) at = Math.min(at, this.#pending.refuseAt);
    if (this.#answerBy !== undefined) at = Math.min(at, this.#answerBy);
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  /**
   * A packet of the client's arrived.
   * @param overtakenBy how many of its later ones have come before it
   */
  receive(packet: ConsolePacket, now: number, overtakenBy = 0): void {
    if (this.#closed) return;
    this.#heardAt = now;
    if (overtakenBy > oldestBehind) {
      this.counters.stale++;
      return;
    }
    this.#receiving = true;
    try {
      this.#work(packet, now);
    } finally {
      this.#receiving = false;
    }
    // By itself: ipmitool 1.8.19 throws away what comes along with the answer to a break or a keep-alive.
    if (this.#owed && packet.data.length === 0) this.#sendPlain();
    this.#pump(now);
    if (this.#owed && this.#answerBy === undefined) this.#sendPlain();
  }

  /** The host said something. */
  readable(now: number): void {
    if (!this.#closed && !this.#waiting && !this.#receiving) this.#pump(now);
  }

  /** The host may take more. */
  writable(now: number): void {
    if (this.#closed) return;
    const pending = this.#pending;
    if (pending) this.#offer(pending.sequence, pending.data, now);
    else this.#resume();
    this.#pump(now);
    if (this.#owed) this.#sendPlain();
  }

  /** The machine went off or came on: the client is told, whatever else is under way. */
  connection(connected: boolean, now: number): void {
    if (this.#closed || connected === this.#connected) return;
    this.#connected = connected;
    this.#ahead = undefined;
    this.#sendPlain(false);
    this.writable(now);
  }

  /** Does what has become due. */
  tick(now: number): void {
    if (this.#closed) return;
    const pending = this.#pending;
    if (pending && now >= pending.refuseAt) this.#offer(pending.sequence, pending.data, now);
    const waiting = this.#waiting;
    if (waiting && now >= waiting.dueAt) this.#unanswered(waiting, now);
    if (this.#heldUntil !== undefined && now >= this.#heldUntil) this.#heldUntil = undefined;
    this.#pump(now);
    if (this.#owed) this.#sendPlain();
  }

  /** The client activated the same payload again: it may count its packets from anywhere. */
  restart(): void {
    this.#lastSequence = undefined;
    this.#answer = undefined;
    this.#owed = false;
    this.#answerBy = undefined;
    this.#pending = undefined;
    this.#ctsPause = false;
    this.#heldUntil = undefined;
  }

  /**
   * Ends the conversation with a notice.
   * @param text shown to whoever reads the stream: ipmitool 1.8.19 does not look at the deactivating bit
   */
  close(text: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sequence = nextSolSequence(this.#sequence);
    const data = Buffer.from(text, 'latin1').subarray(0, maxSolCharacters);
    this.#emit(data.length > 0 ? this.#sequence : 0, data, false, true);
  }

  // Outbound

  #pump(now: number): void {
    if (this.#waiting || this.#ctsPause || this.#heldUntil !== undefined) return;
    const available = this.#host.available;
    if (available === 0) return;
    const { sendThreshold } = this.#settings();
    const enough = sendThreshold > 0 && sendThreshold < maxSolCharacters ? sendThreshold : maxSolCharacters;
    // After a silence the first characters go at once: a key's echo does not wait for company.
    if (available >= enough || now >= this.#flushAt) this.#transmit(now);
  }

  #transmit(now: number): void {
    // This packet's characters, and the next one's.
    const held = this.#host.peek(2 * maxSolCharacters);
    const data = held.length > maxSolCharacters ? held.subarray(0, maxSolCharacters) : held;
    const lost = this.#host.lostBytes;
    const overrun = this.#overrun || lost !== this.#lostSeen;
    this.#lostSeen = lost;
    this.#overrun = false;
    this.#sequence = nextSolSequence(this.#sequence);
    const { accumulateMs, retryIntervalMs, retryCount } = this.#settings();
    const ceiling = retryIntervalMs || fallbackIntervalMs;
    const waitMs = retryCount === 0 ? ceiling : this.#roundTrip.timeoutMs(ceiling);
    this.#waiting = { sequence: this.#sequence, data, overrun, firstAt: now, tries: 1, dueAt: now + waitMs };
    this.#flushAt = now + accumulateMs;
    this.counters.sentPackets++;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead?.sequence === this.#sequence && !overrun && !this.#owed) this.#wire.send(ahead.packet);
    else this.#emit(this.#sequence, data, overrun, false);
    if (held.length === 2 * maxSolCharacters) this.#prepareNext(held.subarray(maxSolCharacters));
  }

  /**
   * While the client reads this packet.
   * @param data what will be next if all of this packet is accepted
   */
  #prepareNext(data: Uint8Array): void {
    const sequence = nextSolSequence(this.#sequence);
    const packet = this.#encode(sequence, data, false, false, undefined);
    this.#ahead = { sequence, packet };
    this.#wire.prepare(packet);
  }

  #acknowledged({ acknowledged, acceptedCount, status }: ConsolePacket, now: number): void {
    const waiting = this.#waiting;
    if (!waiting || acknowledged !== waiting.sequence) return;
    if (waiting.tries === 1) this.#roundTrip.sample(now - waiting.firstAt);
    const taken = Math.min(acceptedCount, waiting.data.length);
    this.#host.consume(taken);
    this.counters.sentBytes += taken;
    this.#waiting = undefined;
    this.#failedRounds = 0;
    if (taken < waiting.data.length) this.#ahead = undefined;
    if (status.nack) {
      this.#heldUntil = now + heldMs;
    } else if (taken < waiting.data.length) {
      this.#flushAt = taken === 0 ? now + emptyAckMs : now;
    }
  }

  #unanswered(waiting: Waiting, now: number): void {
    const { retryCount, retryIntervalMs } = this.#settings();
    const interval = retryIntervalMs || fallbackIntervalMs;
    const giveUpAt = waiting.firstAt + (retryCount + 1) * interval;
    if (retryCount === 0 || now >= giveUpAt) {
      this.#giveUp(waiting, now);
      return;
    }
    this.#roundTrip.unanswered(waiting.tries);
    waiting.tries++;
    waiting.dueAt = Math.min(now + this.#roundTrip.timeoutMs(interval), giveUpAt);
    this.counters.resentPackets++;
    this.#emit(waiting.sequence, waiting.data, waiting.overrun, false);
  }

  /** The retries are used up: this data is dropped, the payload stays active. IPMI 2.0 §15.8 */
  #giveUp(waiting: Waiting, now: number): void {
    this.#host.consume(waiting.data.length);
    this.counters.droppedBytes += waiting.data.length;
    this.#overrun = true;
    this.#waiting = undefined;
    this.#failedRounds++;
    if (this.#failedRounds >= deadRounds && now - this.#heardAt >= deadMs) this.#dead = true;
  }

  #flushOutbound(): void {
    this.#waiting = undefined;
    this.#ahead = undefined;
    this.#host.skip();
    this.#lostSeen = this.#host.lostBytes;
  }

  // Inbound

  #work(packet: ConsolePacket, now: number): void {
    const { sequence, status } = packet;
    const age = this.#ageOf(sequence);
    if (age === 'stale') {
      this.counters.stale++;
      return;
    }
    if (packet.acknowledged !== 0) this.#acknowledged(packet, now);
    if (age === 'duplicate') {
      this.counters.duplicates++;
      this.#answerAgain();
      return;
    }
    if (!status.nack) this.#heldUntil = undefined;
    this.#ctsPause = status.ctsPause;
    if (status.flushInbound) this.#pending = undefined;
    if (status.flushOutbound) this.#flushOutbound();
    if (sequence !== 0) {
      // More characters than can be acknowledged are not taken; the client sends the rest again.
      this.#accept(sequence, packet.data.subarray(0, maxSolCharacters), status.break, now);
    }
  }

  /** Stop-and-wait: anything a little behind the latest packet is an old one that lost its way. */
  #ageOf(sequence: number): 'fresh' | 'duplicate' | 'stale' {
    if (sequence === 0 || this.#lastSequence === undefined) return 'fresh';
    const behind = (this.#lastSequence - sequence + 15) % 15;
    if (behind === 0) return 'duplicate';
    return behind <= oldestBehind ? 'stale' : 'fresh';
  }

  #accept(sequence: number, data: Uint8Array, withBreak: boolean, now: number): void {
    this.#lastSequence = sequence;
    this.#answer = undefined;
    // A client that goes on without our answer has given up that packet, of which nothing was taken.
    this.#pending = undefined;
    if (withBreak && this.#host.mayWrite) this.#host.sendBreak();
    this.#offer(sequence, data, now);
  }

  /** Gives the host what it takes, and settles the answer unless it takes nothing. */
  #offer(sequence: number, data: Uint8Array, now: number): void {
    const possible = this.#host.mayWrite && this.#host.connected;
    const taken = data.length > 0 && possible ? this.#host.write(data) : 0;
    if (taken > 0 || data.length === 0) {
      this.counters.receivedBytes += taken;
      // What the host says next is likely the echo: it does not wait either.
      if (taken > 0) this.#flushAt = Math.min(this.#flushAt, now);
      this.#blockedSince = undefined;
      this.#pending = undefined;
      this.#settle(sequence, taken, false);
      // With output under way the echo has to wait itself.
      const isKey = taken > 0 && data.length <= keyCharacters && taken === data.length;
      if (isKey && !this.#waiting && !this.#ctsPause) this.#answerBy = now + echoMs;
      return;
    }
    this.#blockedSince ??= now;
    const refuseAt = possible ? this.#blockedSince + patienceMs : this.#refusedAt + refusalPaceMs;
    this.#pending = {
      sequence,
      data: this.#pending?.sequence === sequence ? this.#pending.data : data.slice(),
      refuseAt,
    };
    if (now >= refuseAt) this.#refuse(sequence, now);
  }

  #refuse(sequence: number, now: number): void {
    this.#pending = undefined;
    this.#refusedAt = now;
    // The next one has to wait a while too, or a client that insists would go round in circles.
    if (this.#host.connected && this.#host.mayWrite) this.#blockedSince = now - patienceMs + refusalPaceMs;
    this.#settle(sequence, 0, true);
  }

  #settle(sequence: number, acceptedCount: number, nack: boolean): void {
    this.#answer = { sequence, acceptedCount, nack };
    this.#owed = true;
    this.#answerBy = undefined;
  }

  #answerAgain(): void {
    if (this.#answer) this.#owed = true;
    this.#answerBy = undefined;
  }

  /** After a refusal: the same packet acknowledged without NACK, which lets the client send again. */
  #resume(): void {
    if (!this.#answer?.nack) return;
    this.#blockedSince = undefined;
    this.#answer = { ...this.#answer, nack: false };
    this.#owed = true;
  }

  // Packets

  /** A packet without characters and without a number of its own, which nobody acknowledges. */
  #sendPlain(withAnswer = true): void {
    this.#emit(0, noData, false, false, withAnswer);
  }

  #emit(
    sequence: number,
    data: Uint8Array,
    overrun: boolean,
    deactivating: boolean,
    withAnswer = true,
  ): void {
    // A packet sent again carries the answer of now: the answer of then may since belong to another packet.
    const carried = withAnswer && (this.#owed || sequence === 0) ? this.#answer : undefined;
    if (withAnswer) {
      this.#owed = false;
      this.#answerBy = undefined;
    }
    this.#wire.send(this.#encode(sequence, data, overrun, deactivating, carried));
  }

  #encode(
    sequence: number,
    data: Uint8Array,
    overrun: boolean,
    deactivating: boolean,
    answer: Answer | undefined,
  ): Uint8Array {
    const nack = answer?.nack ?? false;
    const packet: BmcPacket = {
      sequence,
      acknowledged: answer?.sequence ?? 0,
      acceptedCount: answer?.acceptedCount ?? 0,
      status: {
        nack,
        unavailable: !this.#host.connected || (nack && !this.#host.mayWrite),
        deactivating,
        overrun,
        breakDetected: false,
      },
      data,
    };
    return encodeInto(BmcPacket, packet, Buffer.allocUnsafe(solHeaderBytes + data.length));
  }
}

const noData = new Uint8Array();
/** In the place of a retry interval of 0, which would mean sending without end. */
const fallbackIntervalMs = 100;
