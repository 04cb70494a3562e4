/** The Redfish face of one BMC, put together: what it keeps of its own, and the service that answers. */
import type { Bmc } from '../bmc/bmc.ts';
import type { PasswordLogin } from '../bmc/password-login.ts';
import type { CertificateStore } from '../http/certificate-store.ts';
import type { HttpReply } from '../http/exchange.ts';
import type { AddressPolicy } from '../media/address-policy.ts';
import { authentication } from './authentication.ts';
import type { Resource } from './definition.ts';
import { httpDeliver } from './deliver.ts';
import type { Endpoints } from './endpoints.ts';
import { errorBody } from './errors.ts';
import { EventStreams } from './event-streams.ts';
import { Happenings } from './happenings.ts';
import { inWords, type Message, message } from './messages.ts';
import { redfishResources } from './resources.ts';
import { sensorName } from './sensor-names.ts';
import { RedfishService } from './service.ts';
import { idleTimeout, RedfishSessions } from './sessions.ts';
import { RedfishSettings } from './settings.ts';
import type { RedfishState } from './state.ts';
import { Subscriptions } from './subscriptions.ts';
import { Tasks } from './tasks.ts';
import { Telemetry } from './telemetry.ts';

export interface RedfishOptions {
  readonly bmc: Bmc;
  readonly login: PasswordLogin;
  readonly certificates: CertificateStore;
  readonly endpoints: Endpoints;
  readonly sensorKey: RedfishState['sensorKey'];
  /** Where events may be sent. */
  readonly destinations: AddressPolicy;
  /** Takes what real clients send although no schema has it: see `compatibility.ts`. */
  readonly compatibility: boolean;
  /** All there are unless given. */
  readonly resources?: readonly Resource[];
}

export class Redfish {
  readonly state: RedfishState;
  readonly service: RedfishService;

  constructor(options: RedfishOptions) {
    const { bmc, login, certificates, endpoints, sensorKey, destinations, compatibility } = options;
    const { resources = redfishResources } = options;
    const { users, events, store, clock, random, log } = bmc;
    const sessions = new RedfishSessions({ users, events, store, clock, random });
    const settings = new RedfishSettings({ store, events });
    const happenings = new Happenings({
      bmc,
      sessions,
      sensorName: (number) => sensorName(bmc, number, sensorKey),
    });
    const deliver = httpDeliver(destinations);
    this.state = {
      sessions,
      settings,
      endpoints,
      certificates,
      sensorKey,
      destinations,
      happenings,
      subscriptions: new Subscriptions({ happenings, events, store, clock, random, log, deliver }),
      streams: new EventStreams({ happenings, clock }),
      tasks: new Tasks({ happenings, clock, random, log }),
      telemetry: new Telemetry(bmc),
    };
    const authenticate = authentication(this.state, login);
    this.service = new RedfishService({
      bmc,
      state: this.state,
      login,
      resources,
      compatibility,
      authenticate,
    });
    bmc.onResetToDefaults(() => this.#resetToDefaults());
  }

  /** What Redfish keeps of its own goes back to its defaults with the rest. */
  #resetToDefaults(): void {
    const { settings, sessions } = this.state;
    settings.resetToDefaults();
    sessions.setIdleTimeoutS(idleTimeout.usual, { name: 'reset to defaults', face: 'bmc' });
  }

  /** Before the server stops: streams end, so that nobody waits for them. */
  stop(): void {
    const { telemetry, tasks, streams, subscriptions, happenings, sessions } = this.state;
    telemetry.stop();
    tasks.stop();
    streams.stop();
    subscriptions.stop();
    happenings.stop();
    sessions.stop();
  }
}

/** What a client is told whose request reached no face. @param status 4xx, 500, 501 or 503 */
export function httpErrorReply(status: number): HttpReply {
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'odata-version': '4.0',
      'cache-control': 'no-store',
    },
    body: JSON.stringify(errorBody([httpError(status)])),
  };
}

function httpError(status: number): Message {
  switch (status) {
    case 404:
      return inWords('There is nothing at this URI. Redfish is at /redfish/v1.', message('GeneralError'));
    case 405:
      return message('OperationNotAllowed');
    case 408:
      return inWords('The request took too long to arrive.', message('OperationTimeout'));
    case 413:
      return message('PayloadTooLarge');
    case 431:
      return inWords('The headers of the request are too long.', message('GeneralError'));
    case 500:
      return message('InternalError');
    case 501:
      return inWords('There is no such method.', message('OperationNotAllowed'));
    case 503:
      return message('ServiceTemporarilyUnavailable', '1');
    default:
      return inWords(
        'The request does not follow HTTP, or is one that this service does not take.',
        message('GeneralError'),
      );
  }
}
