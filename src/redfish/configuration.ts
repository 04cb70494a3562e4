/** The settings of this face as a part of the configuration document. Subscriptions are none: they hold credentials. */
import type { ConfigurationPart } from '../bmc/configuration.ts';
import { boolean, oneOf, record, text, whole } from '../bmc/shapes.ts';
import { idleTimeout } from './sessions.ts';
import { basicAuthStates, maxIdentificationLength } from './settings.ts';
import type { RedfishState } from './state.ts';

const shape = record({
  httpBasicAuth: oneOf(basicAuthStates),
  // In UTF-8 a character has four bytes at most.
  identification: text(4 * maxIdentificationLength),
  verifyUpdateServer: boolean,
  sessionTimeoutS: whole(idleTimeout.least, idleTimeout.most),
});

export function redfishConfiguration({
  settings,
  sessions,
}: Pick<RedfishState, 'settings' | 'sessions'>): ConfigurationPart<ReturnType<typeof shape>> {
  return {
    shape,
    read: () => ({
      httpBasicAuth: settings.httpBasicAuth,
      identification: settings.identification,
      verifyUpdateServer: settings.verifyUpdateServer,
      sessionTimeoutS: sessions.idleTimeoutS,
    }),
    write({ httpBasicAuth, identification, verifyUpdateServer, sessionTimeoutS }, actor) {
      settings.setHttpBasicAuth(httpBasicAuth, actor);
      settings.setIdentification(identification, actor);
      settings.setVerifyUpdateServer(verifyUpdateServer, actor);
      sessions.setIdleTimeoutS(sessionTimeoutS, actor);
    },
  };
}
