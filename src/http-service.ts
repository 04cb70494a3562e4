/**
 * Everything that one appliance serves over HTTP: one certificate, one HTTPS port, the faces behind it, and the plain
 * port that leads there.
 */
import type { AddressInfo } from 'node:net';
import type { Bmc } from './bmc/bmc.ts';
import { PasswordLogin } from './bmc/password-login.ts';
import { CertificateStore } from './http/certificate-store.ts';
import { ConnectionGate } from './http/connection-gate.ts';
import { defaultHttpLimits } from './http/limits.ts';
import { ownNames } from './http/own-names.ts';
import { RedirectServer } from './http/redirect-server.ts';
import { HttpServer } from './http/server.ts';
import { sensorKey } from './ipmi/records/sensor-numbers.ts';
import { AddressPolicy } from './media/address-policy.ts';
import { type Endpoints, hostNames } from './redfish/endpoints.ts';
import { httpErrorReply, Redfish } from './redfish/redfish.ts';

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
  readonly vncPort?: number;
  /** Networks that events may be sent to although they are refused otherwise: loopback, link-local, our own. */
  readonly eventDestinations?: readonly string[];
  /** Takes what real clients send although no schema has it. */
  readonly compatibility: boolean;
  /** Files in PEM form; without them the certificate is our own. */
  readonly certificate?: { readonly certificate: string; readonly key: string };
}

export class HttpService {
  readonly redfish: Redfish;
  readonly #certificates: CertificateStore;
  readonly #server: HttpServer;
  readonly #redirect: RedirectServer | undefined;
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
    });
    const gate = new ConnectionGate(defaultHttpLimits);
    const common = { addresses: [address], gate, errorReply: httpErrorReply, log };
    this.#certificates = certificates;
    this.#server = new HttpServer({
      ...common,
      port,
      keyPair: certificates.keyPair,
      faces: [this.redfish.service],
    });
    this.#redirect =
      httpPort === undefined ? undefined : new RedirectServer({ ...common, port: httpPort, httpsPort: port });
    certificates.onChange((keyPair) => this.#server.replaceCertificate(keyPair));
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
    this.redfish.stop();
    await Promise.all([this.#server.stop(), this.#redirect?.stop()]);
    await this.#certificates.stop();
  }
}
