/** What the Redfish face keeps of its own, beside the core. */
import type { CertificateStore } from '../http/certificate-store.ts';
import type { SocketTickets } from '../http/sockets/tickets.ts';
import type { AddressPolicy } from '../media/address-policy.ts';
import type { Deployment } from './deployment.ts';
import type { Endpoints } from './endpoints.ts';
import type { EventStreams } from './event-streams.ts';
import type { Happenings } from './happenings.ts';
import type { RedfishSessions } from './sessions.ts';
import type { RedfishSettings } from './settings.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Tasks } from './tasks.ts';
import type { Telemetry } from './telemetry.ts';
import type { Updates } from './updates.ts';

export interface RedfishState {
  readonly happenings: Happenings;
  readonly subscriptions: Subscriptions;
  readonly streams: EventStreams;
  readonly tasks: Tasks;
  readonly telemetry: Telemetry;
  readonly updates: Updates;
  /** Where events may be sent. */
  readonly destinations: AddressPolicy;
  /** The key of the sensor that records of the SEL give this number; undefined for one of somebody else's. */
  sensorKey(number: number): string | undefined;
  readonly sessions: RedfishSessions;
  /** For the consoles' WebSockets. */
  readonly tickets: SocketTickets;
  readonly settings: RedfishSettings;
  readonly endpoints: Endpoints;
  /** Undefined where nobody has said. */
  readonly deployment: Deployment | undefined;
  /** The certificate that the server over HTTPS shows. */
  readonly certificates: CertificateStore;
}
