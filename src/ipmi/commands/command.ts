/**
 * The shape of a command definition. Dispatch, privilege checks, reference documents and test matrices all come
 * from these; a command family is one file of them.
 */
import type { Actor, PrivilegeLevel } from '../../bmc/actor.ts';
import type { Bmc } from '../../bmc/bmc.ts';
import type { Codec } from '../../lib/codec.ts';
import type { IpmiState } from '../ipmi-state.ts';
import type { LanStatistics } from '../lan-counters.ts';
import type { Session } from '../session/session.ts';
import type { ActivateSessionRequest, V15Activated, V15Challenge } from '../session/v15-login.ts';
import type { SolService } from '../sol/sol-service.ts';

/** Channel numbers of this BMC. IPMI 2.0 §6.3. */
export const Channel = { ipmb: 0x00, lan: 0x01, presentInterface: 0x0e, systemInterface: 0x0f } as const;

/** What a command may touch while it runs. One per request. */
export interface CommandContext {
  readonly bmc: Bmc;
  readonly actor: Actor;
  /** The channel the request came over. */
  readonly channel: number;
  /** The session that carries the request; absent for session-less requests. */
  readonly session: Session | undefined;
  /** What every IPMI channel of this BMC shares. */
  readonly state: IpmiState;
  readonly lan: LanContext;
  /** The login by IPMI 1.5 that the request belongs to; absent where there is none. */
  readonly v15?: V15Exchange | undefined;
}

/** What the two commands of an IPMI 1.5 login can do. Both throw `CompletionError`. */
export interface V15Exchange {
  challenge(authType: number, name: string): V15Challenge;
  /** Opens the session. @returns it, with the number of its first packet from the console */
  activate(request: ActivateSessionRequest): V15Activated & { readonly firstInbound: number };
}

/** What commands about the LAN channel itself need: sessions, SOL, addresses. */
export interface LanContext {
  readonly port: number;
  readonly sol: SolService;
  /** Live sessions by rising handle. */
  sessions(): readonly Session[];
  session(id: number): Session | undefined;
  /** Undefined for the handle 0, which sessions without one have. */
  sessionWithHandle(handle: number): Session | undefined;
  readonly maxSessions: number;
  /** IDs of the cipher suites on offer, in order of preference. */
  readonly cipherSuites: readonly number[];
  /** Whether IPMI 1.5 sessions are offered. */
  readonly ipmi15: boolean;
  statistics(): LanStatistics;
  clearStatistics(): void;
}

export interface CommandDefinition {
  readonly name: string;
  readonly netFn: number;
  readonly cmd: number;
  /** First byte of request and response data of a group extension (NetFn 2Ch), such as DCh; codecs leave it out. */
  readonly group?: number;
  /** Least level needed; `none` may also be sent outside a session. */
  readonly privilege: PrivilegeLevel | 'none';
  /** For the host's own software: refused on every other channel. */
  readonly systemInterfaceOnly?: boolean;
  /** Section of the specification. */
  readonly spec: string;
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
  handle(request: unknown, context: CommandContext): unknown;
}

/**
 * Declares a command. The handler gets the decoded request and returns the response's fields, or a promise of
 * them; it refuses by throwing `BmcError` or `CompletionError`.
 */
export function command<Request, Response>(definition: {
  name: string;
  netFn: number;
  cmd: number;
  group?: number;
  privilege: PrivilegeLevel | 'none';
  systemInterfaceOnly?: boolean;
  spec: string;
  request: Codec<Request>;
  response: Codec<Response>;
  handle(request: Request, context: CommandContext): Response | Promise<Response>;
}): CommandDefinition {
  return definition as CommandDefinition;
}
