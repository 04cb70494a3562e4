/** The right to a console, as a client of Redfish has it: with its session, its role, and as long as those last. */
import { canLogInToRedfish, type User } from '../bmc/user.ts';
import type { SocketGrant, SocketPurpose } from '../http/sockets/tickets.ts';
import { sameSecret } from '../lib/same-secret.ts';
import type { Context } from './context.ts';
import { roleOf, roles } from './roles.ts';

/** @param user who asks, and has logged in */
export function consoleGrant(
  purpose: SocketPurpose,
  wantsToWrite: boolean,
  user: User,
  { bmc, state, sessionId, request }: Pick<Context, 'bmc' | 'state' | 'sessionId' | 'request'>,
): SocketGrant {
  const role = roleOf(user);
  const revoked = (): string | undefined => {
    const now = bmc.users.get(user.id);
    if (!now || now.name !== user.name || !canLogInToRedfish(now)) return 'this user may not log in any more';
    if (roleOf(now) !== role) return 'the role of this user has changed';
    if (purpose === 'serial' && !now.sol) return 'this user may not use the serial console any more';
    if (sessionId !== undefined) {
      return state.sessions.get(sessionId) ? undefined : 'the session has ended';
    }
    // Whoever logs in with each request has shown the password that was right then.
    return sameSecret(now.password, user.password) ? undefined : 'the password has changed';
  };
  return {
    purpose,
    // Whoever has asked to look on alone cannot change to more.
    mayWrite: wantsToWrite && roles[role].privileges.some((privilege) => privilege === 'ConfigureComponents'),
    wantsToWrite,
    userName: user.name,
    name: `${user.name} (${request.address})`,
    revoked,
    onChange(listener) {
      const ignores = [state.sessions.onEnd(listener), bmc.users.onChange(listener)];
      return () => {
        for (const ignore of ignores) ignore();
      };
    },
    hold: () => (sessionId === undefined ? () => undefined : state.sessions.hold(sessionId)),
  };
}
