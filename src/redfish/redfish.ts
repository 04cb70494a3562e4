/** The Redfish face of one BMC, put together: what it keeps of its own, and the service that answers. */
import type { Actor } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import type { PasswordLogin } from '../bmc/password-login.ts';
import type { CertificateStore } from '../http/certificate-store.ts';
import type { HttpReply, HttpRequest } from '../http/exchange.ts';
import { SocketTickets } from '../http/sockets/tickets.ts';
import type { AddressPolicy } from '../media/address-policy.ts';
import { authentication } from './authentication.ts';
import { Bodies } from './bodies.ts';
import { Changes } from './changes.ts';
import { redfishConfiguration } from './configuration.ts';
import type { Context } from './context.ts';
import type { Resource } from './definition.ts';
import { httpDeliver } from './deliver.ts';
import type { Deployment } from './deployment.ts';
import type { Endpoints } from './endpoints.ts';
import { errorBody } from './errors.ts';
import { EventStreams } from './event-streams.ts';
import { Happenings } from './happenings.ts';
import { inWords, type Message, message } from './messages.ts';
import { Parts } from './parts.ts';
import { stepBody, stepDefinitionUri } from './resources/telemetry-service.ts';
import { redfishResources } from './resources.ts';
import { Routes } from './routes.ts';
import { selSensor } from './sensor-names.ts';
import { type Authentication, RedfishService } from './service.ts';
import { idleTimeout, RedfishSessions } from './sessions.ts';
import { RedfishSettings } from './settings.ts';
import type { RedfishState } from './state.ts';
import { Subscriptions } from './subscriptions.ts';
import { Tasks } from './tasks.ts';
import { Telemetry } from './telemetry.ts';
import { Updates } from './updates.ts';

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
  /** Told to clients as it is; nothing of it unless given. */
  readonly deployment?: Deployment | undefined;
  /** All there are unless given. */
  readonly resources?: readonly Resource[];
}

/** By whom bodies are read when nobody asks: whatever depends on that is not kept. */
const nobody: Omit<Context, 'bmc' | 'state' | 'login'> = {
  request: {
    method: 'GET',
    url: '/redfish/v1',
    headers: {},
    body: new Uint8Array(),
    from: '',
    address: '',
    gone: new AbortController().signal,
  },
  actor: { name: 'nobody', face: 'redfish' },
  user: undefined,
  sessionId: undefined,
};

export class Redfish {
  readonly state: RedfishState;
  readonly service: RedfishService;
  /** Who sent a request: for what else is served to the same users. */
  readonly authenticate: (request: HttpRequest) => Authentication;
  readonly changes: Changes;
  readonly #parts: Parts;

  constructor(options: RedfishOptions) {
    const { bmc, login, certificates, endpoints, sensorKey, destinations, compatibility } = options;
    const { resources = redfishResources } = options;
    const { users, events, store, clock, random, log } = bmc;
    const sessions = new RedfishSessions({ users, events, store, clock, random });
    const settings = new RedfishSettings({ store, events });
    const happenings = new Happenings({
      bmc,
      resources,
      ready: () => this.changes.start(),
      selSensor: (number) => selSensor(bmc, number, sensorKey),
    });
    const deliver = httpDeliver(destinations);
    this.state = {
      sessions,
      tickets: new SocketTickets({ clock, random }),
      settings,
      endpoints,
      deployment: options.deployment,
      certificates,
      sensorKey,
      destinations,
      happenings,
      subscriptions: new Subscriptions({ happenings, events, store, clock, random, log, deliver }),
      streams: new EventStreams({ happenings, clock }),
      tasks: new Tasks({ happenings, clock, random, log }),
      telemetry: new Telemetry(bmc),
      updates: new Updates(),
    };
    this.authenticate = authentication(this.state, login);
    const routes = new Routes(resources);
    this.#parts = new Parts(bmc, this.state);
    const bodies = new Bodies(this.#parts);
    this.changes = new Changes({
      parts: this.#parts,
      bodies,
      routes,
      happenings,
      context: { bmc, state: this.state, login, ...nobody },
      clock,
      log,
    });
    const { telemetry, streams } = this.state;
    telemetry.onStep((step) => streams.report(stepDefinitionUri, () => stepBody(step, bmc)));
    // Subscriptions outlive a restart.
    if (this.state.subscriptions.list().length > 0) void this.changes.start();
    this.service = new RedfishService({
      bmc,
      state: this.state,
      login,
      routes,
      bodies,
      compatibility,
      authenticate: this.authenticate,
    });
    bmc.configuration.add('redfish', redfishConfiguration(this.state));
    bmc.onResetToDefaults((_, actor) => this.#resetToDefaults(actor));
  }

  /** What Redfish keeps of its own goes back to its defaults with the rest. */
  #resetToDefaults(actor: Actor): void {
    const { settings, sessions } = this.state;
    settings.resetToDefaults(actor);
    sessions.setIdleTimeoutS(idleTimeout.usual, actor);
  }

  /** Before the server stops: streams end, so that nobody waits for them. */
  stop(): void {
    const { telemetry, tasks, streams, subscriptions, happenings, sessions } = this.state;
    this.changes.stop();
    this.#parts.stop();
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
    case 401:
      return message('NoValidSession');
    case 403:
      return inWords('The request comes from a page of another site.', message('AccessForbidden'));
    case 404:
      return inWords('There is nothing at this URI. Redfish is at /redfish/v1.', message('GeneralError'));
    case 405:
      return message('OperationNotAllowed');
    case 408:
      return inWords('The request took too long to arrive.', message('OperationTimeout'));
    case 413:
      return message('PayloadTooLarge');
    case 426:
      return inWords('This is a WebSocket, of version 13.', message('GeneralError'));
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
