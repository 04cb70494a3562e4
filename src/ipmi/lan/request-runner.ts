/**
 * IPMI messages that a packet of either protocol has brought: to the command table, and the reply back the same way.
 * Outside a session, the few commands allowed there; in a session, nothing is executed twice.
 */
import type { Bmc } from '../../bmc/bmc.ts';
import { Channel, type CommandContext, type LanContext, type V15Exchange } from '../commands/command.ts';
import type { CommandRegistry } from '../commands/registry.ts';
import type { IpmiState } from '../ipmi-state.ts';
import { CompletionError } from '../message/completion-code.ts';
import { bmcAddress, decodeMessage, encodeResponse, type IpmiRequest } from '../message/message.ts';
import { PayloadType } from '../payload.ts';
import { type DatagramLink, type RemoteAddress, remoteText } from '../session/link.ts';
import type { RmcpPlusSession } from '../session/rmcp-plus-session.ts';
import type { Session } from '../session/session.ts';
import { ActivationRefusal, type V15Login } from '../session/v15-login.ts';
import type { Tally } from './tally.ts';

export interface RequestRunnerOptions {
  readonly bmc: Bmc;
  readonly state: IpmiState;
  readonly commands: CommandRegistry;
  readonly tally: Tally;
  /** Undefined where IPMI 1.5 sessions are off. */
  readonly v15Login: V15Login | undefined;
  readonly lanContext: (localPort: number) => LanContext;
}

export class RequestRunner {
  readonly #options: RequestRunnerOptions;

  constructor(options: RequestRunnerOptions) {
    this.#options = options;
  }

  /**
   * @param wrap puts the reply into a packet
   * @throws {DecodeError}
   */
  runSessionless(
    payload: Uint8Array,
    remote: RemoteAddress,
    link: DatagramLink,
    wrap: (payload: Uint8Array) => Uint8Array,
  ): void {
    const { commands, tally } = this.#options;
    const request = decodeMessage(payload);
    if (!isForUs(request)) {
      tally.drop('malformed', remote, 'not a request to the BMC');
      return;
    }
    if (commands.find(request)?.privilege !== 'none') {
      tally.drop('sessionRequired', remote);
      return;
    }
    tally.counters.requests++;
    const context = this.sessionlessContext(remote, link);
    const reply = commands.dispatch(request, context, undefined);
    const send = (bytes: Uint8Array) => {
      tally.completions.count(bytes);
      link.send(wrap(encodeResponse(request, bytes)), remote);
    };
    whenDone(reply, send);
  }

  /** @throws {DecodeError} */
  runInSession(
    session: Session,
    payload: Uint8Array,
    link: DatagramLink,
    remote: RemoteAddress,
    now: number,
  ): void {
    const { commands, tally } = this.#options;
    const request = decodeMessage(payload);
    if (!isForUs(request)) {
      tally.drop('malformed', remote, 'not a request to the BMC');
      return;
    }
    const known = session.requests.find(request, now);
    if (known) {
      tally.counters.retransmittedRequests++;
      // While it still runs there is nothing to say: its reply will come.
      if (known !== 'running') session.sendProtected(PayloadType.ipmi, known);
      return;
    }
    tally.counters.requests++;
    const ticket = session.requests.add(request, now);
    const reply = commands.dispatch(request, this.#sessionContext(session, link), session.privilege);
    if (reply instanceof Promise) void reply.then((bytes) => this.#reply(session, request, ticket, bytes));
    else this.#reply(session, request, ticket, reply);
  }

  /** @param ticket of the request among those that the session remembers */
  #reply(session: Session, request: IpmiRequest, ticket: number, bytes: Uint8Array): void {
    this.#options.tally.completions.count(bytes);
    const reply = encodeResponse(request, bytes);
    session.requests.answered(ticket, reply);
    session.sendProtected(PayloadType.ipmi, reply);
    session.replied();
  }

  /**
   * A session has ended by a request whose answer got lost, and the request comes again: it is answered again. Clients
   * wait long for it otherwise: ipmitool 1.8.19 as often as `-R` says, a second longer each time.
   * @returns whether it was that
   * @throws {DecodeError}
   */
  repeatFarewell(session: RmcpPlusSession, payload: Uint8Array, now: number): boolean {
    const { tally } = this.#options;
    const known = session.requests.find(decodeMessage(payload), now);
    if (!known || known === 'running') return false;
    tally.counters.retransmittedRequests++;
    session.repeatFarewell(known);
    return true;
  }

  sessionlessContext(remote: RemoteAddress, link: DatagramLink): CommandContext {
    const { bmc, state, v15Login, lanContext } = this.#options;
    return {
      bmc,
      state,
      actor: { name: '', face: 'ipmi', from: remoteText(remote) },
      channel: Channel.lan,
      session: undefined,
      lan: lanContext(link.localPort),
      v15: v15Login && beforeActivation(v15Login, remote),
    };
  }

  #sessionContext(session: Session, link: DatagramLink): CommandContext {
    const known = session.commandContext;
    if (known && known.lan.port === link.localPort) return known;
    const { bmc, state, lanContext } = this.#options;
    session.commandContext = {
      bmc,
      state,
      actor: session.actor,
      channel: session.channel,
      session,
      lan: lanContext(link.localPort),
    };
    return session.commandContext;
  }
}

export function isForUs(request: IpmiRequest): boolean {
  return request.rsAddr === bmcAddress && request.netFn % 2 === 0;
}

/** At once for a command that does not wait. */
export function whenDone(reply: Uint8Array | Promise<Uint8Array>, send: (reply: Uint8Array) => void): void {
  if (reply instanceof Promise) void reply.then(send);
  else send(reply);
}

/** All that a message without a session can do for a login by IPMI 1.5: ask for the challenge. */
export function beforeActivation(login: V15Login, remote: RemoteAddress): V15Exchange {
  return {
    challenge: (authType, name) => login.challenge(authType, name, remote),
    activate: () => {
      throw new CompletionError(ActivationRefusal.badSessionId, 'no challenge has been given out for this');
    },
  };
}
