/** Commands about sessions. IPMI 2.0 §22.18 to §22.20. */
import { isIPv4 } from 'node:net';
import { actorText, atLeast } from '../../bmc/actor.ts';
import { bits8, bytes, type Codec, optional, struct, text, u8, u16le, u32le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { levelOf, PrivilegeNumber } from '../message/privilege.ts';
import type { Session } from '../session/session.ts';
import { ActivateSessionRequest, activateSessionCommand } from '../session/v15-login.ts';
import { type CommandContext, command, type V15Exchange } from './command.ts';

/** @throws {CompletionError} D5h where there is no session, such as on the system interface */
function ownSession({ session }: CommandContext): Session {
  if (session) return session;
  throw new CompletionError(CompletionCode.notSupportedInState, 'this channel has no sessions');
}

/** @throws {CompletionError} C1h where IPMI 1.5 sessions are off */
function v15Exchange({ v15 }: CommandContext): V15Exchange {
  if (v15) return v15;
  throw new CompletionError(CompletionCode.invalidCommand, 'IPMI 1.5 sessions are off');
}

export const getSessionChallenge = command({
  name: 'Get Session Challenge',
  netFn: NetFn.app,
  cmd: 0x39,
  privilege: 'none',
  spec: 'IPMI 2.0 §22.16',
  request: struct({ authType: bits8(['_reserved', 4], ['number', 4]), userName: text(16) }),
  response: struct({ sessionId: u32le, challenge: bytes(16) }),
  handle: ({ authType, userName }, context) => v15Exchange(context).challenge(authType.number, userName),
});

/** Outside a session it counts only in a packet that is authenticated by the password. */
export const activateSession = command({
  name: 'Activate Session',
  netFn: NetFn.app,
  cmd: activateSessionCommand,
  privilege: 'none',
  spec: 'IPMI 2.0 §22.17',
  request: ActivateSessionRequest,
  response: struct({
    authType: bits8(['_reserved', 4], ['number', 4]),
    sessionId: u32le,
    firstInbound: u32le,
    level: bits8(['_reserved', 4], ['number', 4]),
  }),
  handle(request, context) {
    const { authType, sessionId, firstInbound, level } = v15Exchange(context).activate(request);
    return {
      authType: { number: authType },
      sessionId,
      firstInbound,
      level: { number: PrivilegeNumber[level] },
    };
  },
});

/** Completion codes of Set Session Privilege Level. IPMI 2.0 Table 22-22. */
const PrivilegeRefusal = { notAvailable: 0x80, aboveLimit: 0x81 } as const;

export const setSessionPrivilegeLevel = command({
  name: 'Set Session Privilege Level',
  netFn: NetFn.app,
  cmd: 0x3b,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.18',
  request: bits8(['_reserved', 4], ['level', 4]),
  response: bits8(['_reserved', 4], ['level', 4]),
  handle({ level: number }, context) {
    const session = ownSession(context);
    // 0 only asks; 1 is reserved: no session lowers itself to Callback.
    if (number === 0) return { level: PrivilegeNumber[session.privilege] };
    if (number === PrivilegeNumber.oem) {
      throw new CompletionError(PrivilegeRefusal.notAvailable, 'nobody has the OEM level');
    }
    const level = levelOf(number);
    if (level === undefined || level === 'callback') {
      throw new CompletionError(CompletionCode.invalidField, `privilege level ${number}`);
    }
    if (!session.setPrivilege(level)) {
      throw new CompletionError(PrivilegeRefusal.aboveLimit, `${level} is above ${session.limit}`);
    }
    return { level: PrivilegeNumber[session.privilege] };
  },
});

/** Completion codes of Close Session. IPMI 2.0 Table 22-23. */
const CloseRefusal = { noSuchId: 0x87, noSuchHandle: 0x88 } as const;

export const closeSession = command({
  name: 'Close Session',
  netFn: NetFn.app,
  cmd: 0x3c,
  privilege: 'callback',
  spec: 'IPMI 2.0 §22.19',
  /** The handle counts only with session ID 0. */
  request: struct({ sessionId: u32le, handle: optional(u8) }),
  response: struct({}),
  handle({ sessionId, handle }, context) {
    const byHandle = sessionId === 0 && handle !== undefined;
    const target = byHandle ? context.lan.sessionWithHandle(handle) : context.lan.session(sessionId);
    if (!target) {
      throw new CompletionError(
        byHandle ? CloseRefusal.noSuchHandle : CloseRefusal.noSuchId,
        'no such session',
      );
    }
    if (target === context.session) {
      target.closeAfterReply();
      return {};
    }
    // The system interface has no session and may close any.
    if (context.session && !atLeast(context.session.privilege, 'administrator')) {
      throw new CompletionError(CompletionCode.insufficientPrivilege, 'only an administrator closes others');
    }
    target.close('closed by another session');
    const { name, from } = target.actor;
    const text = `IPMI session of ${name} (${from}): closed by ${actorText(context.actor)}`;
    context.bmc.events.add('session-closed', text, context.actor);
    return {};
  },
});

type SessionSelector =
  | { readonly by: 'current' }
  | { readonly by: 'order'; readonly index: number }
  | { readonly by: 'handle'; readonly handle: number }
  | { readonly by: 'id'; readonly id: number };

const SelectorIndex = { current: 0x00, handle: 0xfe, id: 0xff } as const;

/** What follows the first byte depends on it. */
const sessionSelector: Codec<SessionSelector> = {
  read(reader) {
    const index = reader.u8();
    if (index === SelectorIndex.current) return { by: 'current' };
    if (index === SelectorIndex.handle) return { by: 'handle', handle: reader.u8() };
    if (index === SelectorIndex.id) return { by: 'id', id: reader.u32le() };
    return { by: 'order', index };
  },
  write(writer, selector) {
    if (selector.by === 'current') writer.u8(SelectorIndex.current);
    else if (selector.by === 'handle') writer.u8(SelectorIndex.handle).u8(selector.handle);
    else if (selector.by === 'id') writer.u8(SelectorIndex.id).u32le(selector.id);
    else writer.u8(selector.index);
  },
};

const SessionProtocol = { v15: 0, v20: 1 } as const;

const SessionDetails = struct({
  user: bits8(['_reserved', 2], ['id', 6]),
  level: bits8(['_reserved', 4], ['number', 4]),
  channel: bits8(['protocol', 4, SessionProtocol], ['number', 4]),
  /** Zeros for a console with an IPv6 address: the field has no place for it. */
  consoleIp: bytes(4),
  /** Not known: what reaches us has passed a socket, perhaps a router. */
  consoleMac: bytes(6),
  consolePort: u16le,
});

export const getSessionInfo = command({
  name: 'Get Session Info',
  netFn: NetFn.app,
  cmd: 0x3d,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.20',
  request: sessionSelector,
  response: struct({
    handle: u8,
    slots: bits8(['_reserved', 2], ['count', 6]),
    active: bits8(['_reserved', 2], ['count', 6]),
    details: optional(SessionDetails),
  }),
  handle(selector, context) {
    const sessions = context.lan.sessions();
    const session = selectSession(selector, sessions, context);
    return {
      handle: session?.handle ?? 0,
      slots: { count: Math.min(context.lan.maxSessions, 0x3f) },
      active: { count: Math.min(sessions.length, 0x3f) },
      details: session && {
        user: { id: session.userId },
        level: { number: PrivilegeNumber[session.privilege] },
        channel: { protocol: session.protocol, number: session.channel },
        consoleIp: ipv4Bytes(session.remote.address),
        consoleMac: new Uint8Array(6),
        consolePort: session.remote.port,
      },
    };
  },
});

function selectSession(
  selector: SessionSelector,
  sessions: readonly Session[],
  context: CommandContext,
): Session | undefined {
  switch (selector.by) {
    case 'current':
      return context.session;
    case 'order':
      return sessions[selector.index - 1];
    case 'handle':
      return context.lan.sessionWithHandle(selector.handle);
    case 'id':
      return context.lan.session(selector.id);
  }
}

function ipv4Bytes(address: string): Uint8Array {
  const plain = address.replace(/^::ffff:/i, '');
  return isIPv4(plain) ? Uint8Array.from(plain.split('.'), Number) : new Uint8Array(4);
}

export const sessionCommands = [
  getSessionChallenge,
  activateSession,
  setSessionPrivilegeLevel,
  closeSession,
  getSessionInfo,
];
