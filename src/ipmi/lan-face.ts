/**
 * The IPMI LAN channel of one BMC, from datagram to reply, without sockets: RMCP, session-less messages, handshakes,
 * sessions. lan.ts puts a UDP socket to it, tests put nothing.
 *
 *   receive ─▶ RMCP header ─▶ ASF ping ─▶ pong
 *                   └─▶ session header ─▶ v1.5 ─▶ temporary ID ──▶ Activate Session ─▶ session
 *                             │             ├─▶ session ─▶ verify ─▶ IPMI message ─▶ registry
 *                             │             └─▶ no session ──────┐
 *                             └─▶ RMCP+ ─▶ no session, payload 0 ┴▶ a few commands ─▶ registry
 *                                   ├─▶ no session, 10h 12h 14h ──▶ handshake ─▶ session
 *                                   └─▶ session ─▶ verify, decrypt ─▶ IPMI message ─▶ registry
 *                                                        └──────────▶ other payloads ─▶ who asked for them
 *
 * lan/v15-receiver.ts and lan/rmcp-plus-receiver.ts take the packets from the session header on, lan/handshakes.ts the
 * handshakes, lan/request-runner.ts the IPMI messages. This file does what comes before, and holds the channel
 * together: statistics, sessions, their sweep.
 */
import type { Bmc } from '../bmc/bmc.ts';
import { DecodeError } from '../lib/bytes.ts';
import type { Timer } from '../lib/clock.ts';
import type { LanContext } from './commands/command.ts';
import type { CommandRegistry } from './commands/registry.ts';
import type { CompletionCounts } from './completion-counts.ts';
import { type CipherSuite, cipherSuite, defaultCipherSuites } from './crypto/cipher-suites.ts';
import type { IpmiState } from './ipmi-state.ts';
import { Handshakes } from './lan/handshakes.ts';
import { Logins } from './lan/logins.ts';
import { RequestRunner } from './lan/request-runner.ts';
import { RmcpPlusReceiver } from './lan/rmcp-plus-receiver.ts';
import { Tally } from './lan/tally.ts';
import { V15Receiver } from './lan/v15-receiver.ts';
import { type LanCounters, type LanStatistics, lanStatistics } from './lan-counters.ts';
import { AsfType, decodeAsf, encodePong } from './rmcp/asf-presence.ts';
import { decodeRmcpHeader, RmcpClass, rmcpHeaderLength } from './rmcp/header.ts';
import { HalfOpenTable } from './session/half-open.ts';
import { type DatagramLink, isPossibleSource, type RemoteAddress } from './session/link.ts';
import type { Session } from './session/session.ts';
import { defaultMaxSessions, Sessions } from './session/sessions.ts';
import { V15Login } from './session/v15-login.ts';
import { AuthType } from './session/v15-packet.ts';
import type { SolService } from './sol/sol-service.ts';

export interface LanFaceOptions {
  readonly bmc: Bmc;
  readonly state: IpmiState;
  readonly commands: CommandRegistry;
  readonly sol: SolService;
  /** IDs in order of preference; the LAN settings may take some of them off the list. */
  readonly cipherSuites?: readonly number[];
  /** Offers IPMI 1.5 sessions too, authenticated by MD5. */
  readonly ipmi15?: boolean;
  /** Answers unknown names with a challenge that nobody can meet, so that names cannot be found out. */
  readonly hideUserNames?: boolean;
  readonly maxSessions?: number;
  readonly halfOpenCapacity?: number;
  readonly halfOpenPerSocket?: number;
}

/** How often sessions are looked at: bounds how long a disabled user's session lives on. */
const sweepMs = 500;
/** No message of IPMI over LAN comes near. */
const longestDatagram = 1500;

export class LanFace {
  readonly counters: LanCounters;
  readonly #bmc: Bmc;
  readonly #sol: SolService;
  readonly #cipherSuites: readonly CipherSuite[];
  readonly #ipmi15: boolean;
  readonly #tally: Tally;
  readonly #sessions: Sessions;
  readonly #halfOpen: HalfOpenTable;
  readonly #handshakes: Handshakes;
  readonly #v15: V15Receiver;
  readonly #rmcpPlus: RmcpPlusReceiver;
  /** What the statistics were when they were cleared. */
  #statisticsBase: LanStatistics = { received: 0, sent: 0, validRmcp: 0 };
  readonly #contexts = new Map<number, LanContext>();
  readonly #links = new WeakMap<DatagramLink, DatagramLink>();
  /** The latest of them, which is nearly always the next too. */
  #latest: { readonly link: DatagramLink; readonly counted: DatagramLink } | undefined;
  #sweep: Timer | undefined;
  #stopped = false;

  /** @throws {RangeError} for a cipher suite that does not exist here */
  constructor(options: LanFaceOptions) {
    const { bmc, state, commands } = options;
    const hideUserNames = options.hideUserNames === true;
    const armSweep = () => this.#armSweep();
    const cipherSuites = (options.cipherSuites ?? defaultCipherSuites).map(cipherSuite);
    const tally = new Tally(bmc, armSweep);
    const sessions = new Sessions(() => bmc.clock.now(), options.maxSessions ?? defaultMaxSessions);
    const halfOpen = new HalfOpenTable(options.halfOpenCapacity, options.halfOpenPerSocket);
    const logins = new Logins({ bmc, tally, sessions, halfOpen, armSweep });
    // Before V15Login: both draw their secrets, and recorded handshakes are replayed with random bytes in order.
    const handshakes = new Handshakes({
      bmc,
      tally,
      logins,
      halfOpen,
      cipherSuites,
      hideUserNames,
      armSweep,
    });
    const v15Login = options.ipmi15
      ? new V15Login({
          bmc,
          hideUserNames,
          isFree: (id) => logins.isFree(id),
          hasRoom: (user) => logins.hasRoom(user),
          isLockedOut: (user) => logins.isLockedOut(user),
          waitMs: (remote, name) => logins.waitMs(remote, name),
        })
      : undefined;
    const lanContext = (localPort: number) => this.context(localPort);
    const requests = new RequestRunner({ bmc, state, commands, tally, v15Login, lanContext });
    this.#bmc = bmc;
    this.#sol = options.sol;
    this.#cipherSuites = cipherSuites;
    this.#ipmi15 = v15Login !== undefined;
    this.#tally = tally;
    this.counters = tally.counters;
    this.#sessions = sessions;
    this.#halfOpen = halfOpen;
    this.#handshakes = handshakes;
    this.#v15 = new V15Receiver({ bmc, commands, tally, sessions, logins, v15Login, requests });
    this.#rmcpPlus = new RmcpPlusReceiver({ clock: bmc.clock, tally, sessions, handshakes, requests });
  }

  /** What commands see of this channel; other channels' commands may ask for it too. One for each port. */
  context(localPort: number): LanContext {
    const known = this.#contexts.get(localPort);
    if (known) return known;
    const context: LanContext = {
      port: localPort,
      sol: this.#sol,
      sessions: () => this.#sessions.list(),
      session: (id) => this.#sessions.get(id),
      sessionWithHandle: (handle) => this.#sessions.byHandle(handle),
      maxSessions: this.#sessions.max,
      cipherSuites: this.#cipherSuites.map(({ id }) => id),
      ipmi15: this.#ipmi15,
      statistics: () => {
        const [now, base] = [lanStatistics(this.counters), this.#statisticsBase];
        return {
          received: now.received - base.received,
          sent: now.sent - base.sent,
          validRmcp: now.validRmcp - base.validRmcp,
        };
      },
      clearStatistics: () => {
        this.#statisticsBase = lanStatistics(this.counters);
      },
    };
    this.#contexts.set(localPort, context);
    return context;
  }

  /** Live sessions by rising handle. */
  sessions(): readonly Session[] {
    return this.#sessions.list();
  }

  get completions(): CompletionCounts {
    return this.#tally.completions;
  }

  /** Handshakes that have not ended yet, or lately. */
  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  /** Ends all sessions; nothing is received any more. */
  stop(): void {
    this.#stopped = true;
    this.#sweep?.cancel();
    this.#handshakes.stop();
    this.#rmcpPlus.stop();
    for (const session of this.#sessions.list()) session.close('BMC stopped');
  }

  /** Serves one datagram. Never throws. */
  receive(datagram: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    if (this.#stopped) return;
    this.counters.received++;
    try {
      this.#receive(datagram, remote, this.#counted(link));
    } catch (error) {
      if (error instanceof DecodeError) this.#tally.drop('malformed', remote, error.message);
      else this.#bmc.log.error({ err: error, from: remote.address }, 'datagram failed');
    }
  }

  #receive(datagram: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    if (!isPossibleSource(remote)) {
      this.#tally.drop('malformed', remote, 'nobody has that source address');
      return;
    }
    if (datagram.length > longestDatagram) {
      this.#tally.drop('malformed', remote, 'too long');
      return;
    }
    const header = decodeRmcpHeader(datagram);
    if (header.ack) {
      this.#tally.drop('acks', remote);
      return;
    }
    if (header.messageClass === RmcpClass.asf) {
      this.#receiveAsf(datagram.subarray(rmcpHeaderLength), remote, link);
      return;
    }
    if (header.messageClass !== RmcpClass.ipmi) {
      this.#tally.drop('unknownClass', remote);
      return;
    }
    if (this.#bmc.faults.current.halfDead) return;
    if (datagram[rmcpHeaderLength] === AuthType.rmcpPlus) this.#rmcpPlus.receive(datagram, remote, link);
    else this.#v15.receive(datagram.subarray(rmcpHeaderLength), remote, link);
  }

  #receiveAsf(body: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    const message = decodeAsf(body);
    if (message.type !== AsfType.presencePing) {
      this.#tally.drop('unknownClass', remote);
      return;
    }
    this.counters.pings++;
    link.send(encodePong(message.tag), remote);
  }

  #armSweep(): void {
    this.#sweep ??= this.#bmc.clock.every(sweepMs, () => {
      this.#tally.forgetWarnings();
      this.#halfOpen.reap(this.#bmc.clock.now());
      this.#sessions.check(this.#bmc.clock.now());
      if (this.#halfOpen.size > 0 || !this.#sessions.isIdle) return;
      this.#sweep?.cancel();
      this.#sweep = undefined;
    });
  }

  /** The same link with a counter, the same object each time. */
  #counted(link: DatagramLink): DatagramLink {
    if (this.#latest?.link === link) return this.#latest.counted;
    const counted = this.#links.get(link) ?? this.#newCounted(link);
    this.#latest = { link, counted };
    return counted;
  }

  #newCounted(link: DatagramLink): DatagramLink {
    const send: DatagramLink['send'] = (datagram, remote) => {
      this.counters.sent++;
      link.send(datagram, remote);
    };
    const counted: DatagramLink = {
      localPort: link.localPort,
      send: (datagram, remote) => {
        const { faults, clock, random } = this.#bmc;
        if (faults.loses(random)) return;
        const { replyDelayMs } = faults.current;
        if (replyDelayMs > 0) clock.after(replyDelayMs, () => send(datagram, remote));
        else send(datagram, remote);
      },
    };
    this.#links.set(link, counted);
    return counted;
  }
}
