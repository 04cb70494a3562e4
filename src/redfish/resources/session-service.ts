/** Sessions, those of IPMI too: log in, look who is there, log out. DSP0266 §13.3.4; DSP0268, SessionService, Session. */
import { Type } from 'typebox';
import type { OpenSession } from '../../bmc/open-sessions.ts';
import { always, collection, create, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { message, messageObject } from '../messages.ts';
import { passwordChangeRequired } from '../password-change.ts';
import { each, property } from '../patch.ts';
import { link, root } from '../paths.ts';
import { roleOf } from '../roles.ts';
import { idleTimeout, type RedfishSession } from '../sessions.ts';

const sessionsUri = `${root}/SessionService/Sessions`;
/** No hexadecimal digit, as those of Redfish begin with. */
const ipmiPrefix = 'ipmi';

const sessionService = resource({
  path: '/redfish/v1/SessionService',
  type: '#SessionService.v1_2_0.SessionService',
  privileges: { get: ['Login'], patch: ['ConfigureManager'] },
  find: always,
  read: (_, { state }) => ({
    Id: 'SessionService',
    Name: 'Sessions of the BMC',
    ServiceEnabled: true,
    SessionTimeout: state.sessions.idleTimeoutS,
    Status: { State: 'Enabled', Health: 'OK' },
    Sessions: link(sessionsUri),
  }),
  patch: each({
    SessionTimeout: property(
      Type.Integer({ minimum: idleTimeout.least, maximum: idleTimeout.most }),
      (seconds, _, { state, actor }) => state.sessions.setIdleTimeoutS(seconds, actor),
    ),
  }),
});

const sessions = collection({
  path: '/redfish/v1/SessionService/Sessions',
  type: '#SessionCollection.SessionCollection',
  name: 'Sessions',
  privileges: { get: ['Login'], post: [] },
  find: always,
  members: (_, { bmc, state }) => [
    ...state.sessions.list().map(({ id }) => `${sessionsUri}/${id}`),
    ...bmc.openSessions.list().map(({ id }) => `${sessionsUri}/${ipmiPrefix}${id}`),
  ],
  create: create({
    schema: Type.Object({ UserName: Type.String(), Password: Type.String() }),
    run({ UserName: name, Password: password }, _, { state, login, request }) {
      const outcome = login.check(name, password, request.address);
      if ('refused' in outcome) {
        const waitS = outcome.refused === 'throttled' ? Math.ceil(outcome.waitMs / 1000) : undefined;
        throw new RedfishError(message('AccessUnauthorized'), {
          ...(waitS !== undefined && { headers: { 'retry-after': String(waitS) } }),
        });
      }
      const { session, token } = state.sessions.open(outcome.user, request.address);
      const uri = `${sessionsUri}/${session.id}`;
      return {
        status: 201,
        headers: { location: uri, 'x-auth-token': token },
        body: {
          '@odata.id': uri,
          '@odata.type': sessionType,
          ...sessionBody(redfishSession(session), roleOf(outcome.user)),
          ...(outcome.user.passwordChangeRequired && {
            '@Message.ExtendedInfo': [messageObject(passwordChangeRequired(outcome.user))],
          }),
        },
      };
    },
  }),
});

const sessionType = '#Session.v1_8_0.Session';

const session = resource({
  path: '/redfish/v1/SessionService/Sessions/:sessionId',
  type: sessionType,
  privileges: { get: ['Login'], delete: ['ConfigureManager', 'ConfigureSelf'] },
  find: ({ sessionId }, { bmc, state }) => {
    const found = state.sessions.get(sessionId);
    if (found) return redfishSession(found);
    const [, number = ''] = sessionId.split(ipmiPrefix);
    const other = sessionId === `${ipmiPrefix}${number}` ? bmc.openSessions.get(number) : undefined;
    return other && otherSession(other);
  },
  isSelf: ({ found }, { user }) => found.userId === user?.id,
  beforePasswordChange: true,
  read: ({ found }, { bmc }) => {
    const user = bmc.users.get(found.userId);
    return sessionBody(found, user && roleOf(user));
  },
  remove({ found: { type, id, number } }, { bmc, state, actor }) {
    if (type === 'Redfish') state.sessions.end(id, actor);
    else bmc.openSessions.end(number, actor);
    return undefined;
  },
});

interface Shown {
  readonly type: 'Redfish' | OpenSession['protocol'];
  readonly id: string;
  /** By which the core knows it. */
  readonly number: string;
  readonly userId: number;
  readonly userName: string;
  readonly from: string;
  readonly openedAt: number;
}

function redfishSession({ id, userId, userName, clientOrigin, createdTime }: RedfishSession): Shown {
  return { type: 'Redfish', id, number: id, userId, userName, from: clientOrigin, openedAt: createdTime };
}

function otherSession({ id, protocol, ...others }: OpenSession): Shown {
  return { type: protocol, id: `${ipmiPrefix}${id}`, number: id, ...others };
}

function sessionBody({ type, id, userName, from, openedAt }: Shown, role: string | undefined) {
  return {
    Id: id,
    Name: `${type} session of ${userName}`,
    UserName: userName,
    ...(type === 'Redfish' && { Password: null }),
    ClientOriginIPAddress: from,
    SessionType: type,
    CreatedTime: new Date(openedAt).toISOString(),
    ...(role !== undefined && { Roles: [role] }),
  };
}

export const sessionServiceResources: readonly Resource[] = [sessionService, sessions, session];
