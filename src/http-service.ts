/**
 * Everything that one appliance serves over HTTP: one certificate, one HTTPS port, the faces behind it, and the plain
 * port that leads there.
 */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Bmc } from './bmc/bmc.ts';
import { PasswordLogin } from './bmc/password-login.ts';
import { packageRoot } from './config/package-paths.ts';
import { CertificateStore } from './http/certificate-store.ts';
import { ConnectionGate } from './http/connection-gate.ts';
import { ConsoleFiles } from './http/console-files.ts';
import { type ConsoleLogin, ConsoleSession } from './http/console-session.ts';
import type { HttpFace } from './http/exchange.ts';
import { HttpCounters } from './http/http-counters.ts';
import { defaultHttpLimits } from './http/limits.ts';
import { ownNames } from './http/own-names.ts';
import { RedirectServer } from './http/redirect-server.ts';
import { HttpServer } from './http/server.ts';
import { ConsoleSockets } from './http/sockets/console-sockets.ts';
import type { SocketGrant } from './http/sockets/tickets.ts';
import { snmpTrapPort } from './ipmi/alerting.ts';
import { sensorKey } from './ipmi/records/sensor-numbers.ts';
import { AddressPolicy } from './media/address-policy.ts';
import type { Deployment } from './redfish/deployment.ts';
import { type Endpoints, hostNames } from './redfish/endpoints.ts';
import { root } from './redfish/paths.ts';
import { httpErrorReply, Redfish } from './redfish/redfish.ts';
import { roleOf } from './redfish/roles.ts';

export interface HttpServiceOptions {
  readonly bmc: Bmc;
  /** IPv4 or IPv6; `0.0.0.0` and `::` mean all. */
  readonly address: string;
  /** TCP port of HTTPS; 0 for any that is free. */
  readonly port: number;
  /** TCP port of plain HTTP; undefined for none. */
  readonly httpPort?: number;
  /** Where the other faces are, as clients are told. */
  readonly ipmiPort: number;
  /** UDP port that alerts are sent to; that of SNMP's traps unless given. */
  readonly trapPort?: number;
  readonly vncPort?: number;
  /** Networks that events may be sent to although they are refused otherwise: loopback, link-local, our own. */
  readonly eventDestinations?: readonly string[];
  /** Takes what real clients send although no schema has it. */
  readonly compatibility: boolean;
  /** Told to clients of Redfish as it is; nothing of it unless given. */
  readonly deployment?: Deployment;
  /** Files in PEM form; without them the certificate is our own. */
  readonly certificate?: { readonly certificate: string; readonly key: string };
  /** What else is served at paths of its own, to the users of Redfish or to all. */
  readonly faces?: (redfish: Redfish) => readonly HttpFace[];
  /** Where the build has left the browser console; in the package unless given. */
  readonly webDirectory?: string;
}

export class HttpService {
  readonly redfish: Redfish;
  readonly counters = new HttpCounters();
  readonly gate = new ConnectionGate(defaultHttpLimits);
  readonly #certificates: CertificateStore;
  readonly #server: HttpServer;
  readonly #redirect: RedirectServer | undefined;
  readonly #sockets: ConsoleSockets;
  #address: AddressInfo | undefined;

  /** @throws {Error} in one line, when a port or the certificate cannot be had; then nothing is open */
  static async start(options: HttpServiceOptions): Promise<HttpService> {
    const { bmc, address, certificate } = options;
    const { store, events, clock, random, identity } = bmc;
    const certificates = await CertificateStore.open({
      store,
      events,
      clock,
      random,
      ...(certificate && { configured: certificate }),
      own: {
        subject: { commonName: `qemu-bmc ${identity.serialNumber}`, organization: identity.manufacturer },
        names: ownNames([address]),
      },
    });
    const http = new HttpService(options, certificates);
    try {
      await http.#server.start();
      await http.#redirect?.start();
    } catch (error) {
      await http.stop();
      throw error;
    }
    return http;
  }

  private constructor(options: HttpServiceOptions, certificates: CertificateStore) {
    const { bmc, address, port, httpPort, compatibility } = options;
    const { users, loginGuard: guard, clock, random } = bmc;
    const log = bmc.log.child({ part: 'http' });
    const login = new PasswordLogin({ users, guard, clock, random, log });
    const listening = () => this.address.port;
    const endpoints: Endpoints = {
      ...hostNames(),
      get httpsPort() {
        return listening();
      },
      httpPort,
      ipmiPort: options.ipmiPort,
      trapPort: options.trapPort ?? snmpTrapPort,
      vncPort: options.vncPort,
    };
    this.redfish = new Redfish({
      bmc,
      login,
      certificates,
      endpoints,
      sensorKey,
      destinations: new AddressPolicy({ allow: options.eventDestinations ?? [], deny: [] }),
      compatibility,
      deployment: options.deployment,
    });
    this.#sockets = new ConsoleSockets({
      tickets: this.redfish.state.tickets,
      console: bmc.console,
      screen: bmc.screen,
      clock,
      log,
      opened: (grant) => logConsole(bmc.events, grant),
    });
    const { gate, counters } = this;
    const common = { addresses: [address], gate, counters, errorReply: httpErrorReply, log };
    this.#certificates = certificates;
    this.#server = new HttpServer({
      ...common,
      port,
      keyPair: certificates.keyPair,
      sockets: this.#sockets,
      faces: [
        this.redfish.service,
        ...(options.faces?.(this.redfish) ?? []),
        new ConsoleSession({
          random,
          store: bmc.store,
          applianceId: bmc.identity.uuid.slice(0, 8),
          login: (token) => this.#consoleLogin(token),
          errorReply: httpErrorReply,
        }),
        new ConsoleFiles({
          directory: options.webDirectory ?? join(packageRoot, 'dist/web'),
          errorReply: httpErrorReply,
        }),
      ],
    });
    this.#redirect =
      httpPort === undefined ? undefined : new RedirectServer({ ...common, port: httpPort, httpsPort: port });
    certificates.onChange((keyPair) => this.#server.replaceCertificate(keyPair));
  }

  #consoleLogin(token: string): ConsoleLogin | undefined {
    const used = this.redfish.state.sessions.use(token);
    if (!used) return undefined;
    const { session, user } = used;
    return {
      session: `${root}/SessionService/Sessions/${session.id}`,
      user: user.name,
      role: roleOf(user),
      passwordChangeRequired: user.passwordChangeRequired,
    };
  }

  /** Where HTTPS is, or was before the stop. */
  get address(): AddressInfo {
    const [address] = this.#server.addresses;
    this.#address = address ?? this.#address;
    if (!this.#address) throw new Error('the server over HTTPS does not listen yet');
    return this.#address;
  }

  async stop(): Promise<void> {
    // Streams are ended by whoever makes them, so that the server need not wait for them.
    this.#sockets.stop();
    this.redfish.stop();
    await Promise.all([this.#server.stop(), this.#redirect?.stop()]);
    await this.#certificates.stop();
  }
}

/**
 * Who was at the machine's keyboard, or wanted to be, and when. Whoever asked to look on alone is no event: a page that
 * shows the last lines does so at each visit.
 * @returns what notes the end
 */
function logConsole(events: Bmc['events'], grant: SocketGrant): () => void {
  const { purpose, userName, name, mayWrite, wantsToWrite } = grant;
  if (!wantsToWrite) return () => undefined;
  const actor = { name: userName, face: 'redfish' } as const;
  const which = purpose === 'serial' ? 'serial console' : 'screen';
  const facts = { Console: purpose === 'serial' ? 'serial' : 'screen', User: name } as const;
  const access = { Access: mayWrite ? 'write' : 'read' } as const;
  const text = `${which} of ${name}`;
  events.add('console-opened', mayWrite ? text : `${text}, read-only`, actor, [], { ...facts, ...access });
  return () => events.add('console-closed', text, actor, [], facts);
}
