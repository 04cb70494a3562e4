/**
 * The shape of a command definition. Dispatch, privilege checks, reference documents and test matrices all come
 * from these; a command family is one file of them.
 */
import type { Actor, PrivilegeLevel } from '../../bmc/actor.ts';
import type { Bmc } from '../../bmc/bmc.ts';
import type { Codec } from '../../lib/codec.ts';
import type { IpmiState } from '../ipmi-state.ts';
import type { Session } from '../session/session.ts';
import type { SolService } from '../sol/sol-service.ts';

/** Channel numbers of this BMC. IPMI 2.0 §6.3. */
export const Channel = { lan: 0x01, presentInterface: 0x0e, systemInterface: 0x0f } as const;

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
}

/** What commands about the LAN channel itself need: sessions, SOL, addresses. */
export interface LanContext {
  readonly port: number;
  readonly sol: SolService;
  /** Live sessions by rising handle. */
  sessions(): readonly Session[];
  readonly maxSessions: number;
  /** IDs of the cipher suites on offer, in order of preference. */
  readonly cipherSuites: readonly number[];
  /** Highest level that any session on this channel may have. */
  readonly channelLimit: PrivilegeLevel;
  /** Whether two-key login is on, so that a console must know the BMC key too. */
  readonly twoKeyLogin?: boolean;
}

export interface CommandDefinition {
  readonly name: string;
  readonly netFn: number;
  readonly cmd: number;
  /** First byte of request and response data of a group extension (NetFn 2Ch), such as DCh; codecs leave it out. */
  readonly group?: number;
  /** Least level needed; `none` may also be sent outside a session. */
  readonly privilege: PrivilegeLevel | 'none';
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
  spec: string;
  request: Codec<Request>;
  response: Codec<Response>;
  handle(request: Request, context: CommandContext): Response | Promise<Response>;
}): CommandDefinition {
  return definition as CommandDefinition;
}
