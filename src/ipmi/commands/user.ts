/** Commands about users, as the LAN channel sees them. IPMI 2.0 §22.26 to §22.30. */
import { maxUsers, nullUserId, type PasswordSize, type User, type UserLimit } from '../../bmc/user.ts';
import { bits8, type Codec, empty, optional, struct, text } from '../../lib/codec.ts';
import { sameSecret } from '../../lib/same-secret.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { levelOf, PrivilegeNumber } from '../message/privilege.ts';
import { channelByte, resolveChannel } from './channel.ts';
import { type CommandContext, command } from './command.ts';

const userByte = bits8(['_reserved', 2], ['id', 6]);
const EnableStatus = { unspecified: 0, enabled: 1, disabled: 2 } as const;

/** @throws {CompletionError} CCh unless 1 to 16 */
export function userOf(id: number, { bmc }: CommandContext): User {
  const user = bmc.users.get(id);
  if (!user) throw new CompletionError(CompletionCode.invalidField, `user ${id}: 1 to ${maxUsers}`);
  return user;
}

function limitNumber(limit: UserLimit): number {
  return PrivilegeNumber[limit === 'no-access' ? 'noAccess' : limit];
}

/** @throws {CompletionError} CCh for a number that is no limit here, the OEM level among them */
export function userLimitOf(number: number): UserLimit {
  const limit = number === PrivilegeNumber.noAccess ? 'no-access' : levelOf(number);
  if (limit) return limit;
  throw new CompletionError(CompletionCode.invalidField, `privilege limit ${number}`);
}

export const setUserAccess = command({
  name: 'Set User Access',
  netFn: NetFn.app,
  cmd: 0x43,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §22.26',
  request: struct({
    access: bits8(
      ['change', 1],
      ['callbackOnly', 1],
      ['linkAuthentication', 1],
      ['messaging', 1],
      ['channel', 4],
    ),
    user: userByte,
    limit: bits8(['_reserved', 4], ['number', 4]),
    session: optional(bits8(['_reserved', 4], ['limit', 4])),
  }),
  response: empty,
  handle({ access, user: { id }, limit, session }, context) {
    const { channel, change, callbackOnly, linkAuthentication, messaging } = access;
    resolveChannel(channel, context);
    userOf(id, context);
    context.bmc.users.update(
      id,
      {
        limit: userLimitOf(limit.number),
        ...(change && { callbackOnly, linkAuthentication, messaging }),
        ...(session && { sessionLimit: session.limit }),
      },
      context.actor,
    );
    return {};
  },
});

export const getUserAccess = command({
  name: 'Get User Access',
  netFn: NetFn.app,
  cmd: 0x44,
  privilege: 'operator',
  spec: 'IPMI 2.0 §22.27',
  request: struct({ channel: channelByte, user: userByte }),
  response: struct({
    slots: bits8(['_reserved', 2], ['count', 6]),
    enabled: bits8(['status', 2, EnableStatus], ['count', 6]),
    fixedNames: bits8(['_reserved', 2], ['count', 6]),
    access: bits8(
      ['_reserved', 1],
      ['callbackOnly', 1],
      ['linkAuthentication', 1],
      ['messaging', 1],
      ['limit', 4],
    ),
  }),
  handle({ channel, user: { id } }, context) {
    resolveChannel(channel.channel, context);
    const { enabled, callbackOnly, linkAuthentication, messaging, limit } = userOf(id, context);
    return {
      slots: { count: maxUsers },
      enabled: {
        status: enabled ? ('enabled' as const) : ('disabled' as const),
        count: context.bmc.users.list().filter((other) => other.enabled).length,
      },
      // The null user's, which is empty and stays so.
      fixedNames: { count: 1 },
      access: { callbackOnly, linkAuthentication, messaging, limit: limitNumber(limit) },
    };
  },
});

/** An empty name frees the slot. */
export const setUserName = command({
  name: 'Set User Name',
  netFn: NetFn.app,
  cmd: 0x45,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §22.28',
  request: struct({ user: userByte, name: text(16) }),
  response: empty,
  handle({ user: { id }, name }, context) {
    userOf(id, context);
    context.bmc.users.update(id, { name }, context.actor);
    return {};
  },
});

export const getUserName = command({
  name: 'Get User Name',
  netFn: NetFn.app,
  cmd: 0x46,
  privilege: 'operator',
  spec: 'IPMI 2.0 §22.29',
  request: userByte,
  response: struct({ name: text(16) }),
  handle: ({ id }, context) => ({ name: userOf(id, context).name }),
});

const PasswordOperation = { disable: 0, enable: 1, set: 2, test: 3 } as const;
type PasswordOperation = keyof typeof PasswordOperation;

interface SetPasswordRequest {
  readonly id: number;
  readonly operation: PasswordOperation;
  /** Undefined where the operation does not look at it. */
  readonly password: { readonly bytes: Uint8Array; readonly size: PasswordSize } | undefined;
}

const passwordHead = struct({
  user: bits8(['twentyBytes', 1], ['_reserved', 1], ['id', 6]),
  operation: bits8(['_reserved', 6], ['code', 2, PasswordOperation]),
});

/** To enable and disable, clients send a password of either size, or none. */
const setPasswordRequest: Codec<SetPasswordRequest> = {
  read(reader) {
    const { user, operation } = passwordHead.read(reader);
    const size = user.twentyBytes ? 20 : 16;
    const { id } = user;
    if (operation.code === 'set' || operation.code === 'test') {
      return { id, operation: operation.code, password: { bytes: withoutPadding(reader.bytes(size)), size } };
    }
    if (reader.left > 0) reader.bytes(reader.left === 20 ? 20 : 16);
    return { id, operation: operation.code, password: undefined };
  },
  write(writer, { id, operation, password }) {
    const twentyBytes = password?.size === 20;
    passwordHead.write(writer, { user: { twentyBytes, id }, operation: { code: operation } });
    if (!password) return;
    writer.bytes(password.bytes);
    for (let i = password.bytes.length; i < password.size; i++) writer.u8(0);
  },
};

function withoutPadding(raw: Uint8Array): Uint8Array {
  let end = raw.length;
  while (end > 0 && raw[end - 1] === 0) end--;
  return raw.slice(0, end);
}

/** Completion codes of Set User Password. IPMI 2.0 Table 22-35. */
const PasswordTest = { wrong: 0x80, wrongSize: 0x81 } as const;

export const setUserPassword = command({
  name: 'Set User Password',
  netFn: NetFn.app,
  cmd: 0x47,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §22.30',
  request: setPasswordRequest,
  response: empty,
  handle({ id, operation, password }, context) {
    const { users } = context.bmc;
    const user = userOf(id, context);
    if (operation === 'test') {
      testPassword(user, password);
    } else if (operation !== 'set') {
      users.update(id, { enabled: operation === 'enable' }, context.actor);
    } else if (password) {
      if (id === nullUserId || password.bytes.length === 0) {
        throw new CompletionError(CompletionCode.invalidField, `user ${id}: an empty password, or nobody's`);
      }
      users.update(id, { password: password.bytes, passwordSize: password.size }, context.actor);
      if (context.session?.userId === id) context.session.passwordChanged();
    }
    return {};
  },
});

function testPassword(user: User, given: SetPasswordRequest['password']): void {
  if (!given || user.password.length === 0) {
    throw new CompletionError(PasswordTest.wrong, `user ${user.id} has no password`);
  }
  if (given.size !== user.passwordSize) {
    throw new CompletionError(PasswordTest.wrongSize, `the password was set with ${user.passwordSize} bytes`);
  }
  if (!sameSecret(given.bytes, user.password)) {
    throw new CompletionError(PasswordTest.wrong, 'the password is another one');
  }
}

export const userCommands = [setUserAccess, getUserAccess, setUserName, getUserName, setUserPassword];
