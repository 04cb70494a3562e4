/** Sessions: log in, look who is there, log out. DSP0266 §13.3.4; DSP0268, SessionService, Session. */
import { Type } from 'typebox';
import { always, collection, create, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { message, messageObject } from '../messages.ts';
import { passwordChangeRequired } from '../password-change.ts';
import { each, property } from '../patch.ts';
import { link, root } from '../paths.ts';
import { roleOf } from '../roles.ts';
import { idleTimeout, type RedfishSession } from '../sessions.ts';

const sessionsUri = `${root}/SessionService/Sessions`;

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
  members: (_, { state }) => state.sessions.list().map(({ id }) => `${sessionsUri}/${id}`),
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
          ...sessionBody(session, roleOf(outcome.user)),
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
  find: ({ sessionId }, { state }) => state.sessions.get(sessionId),
  isSelf: ({ found }, { user }) => found.userId === user?.id,
  beforePasswordChange: true,
  read: ({ found }, { bmc }) => {
    const user = bmc.users.get(found.userId);
    return sessionBody(found, user && roleOf(user));
  },
  remove({ found }, { state, actor }) {
    state.sessions.end(found.id, actor);
    return undefined;
  },
});

function sessionBody({ id, userName, clientOrigin, createdTime }: RedfishSession, role: string | undefined) {
  return {
    Id: id,
    Name: `Session of ${userName}`,
    UserName: userName,
    Password: null,
    ClientOriginIPAddress: clientOrigin,
    SessionType: 'Redfish',
    CreatedTime: new Date(createdTime).toISOString(),
    ...(role !== undefined && { Roles: [role] }),
  };
}

export const sessionServiceResources: readonly Resource[] = [sessionService, sessions, session];
