/** A Redfish service on the bench: a real core with an in-memory machine, no sockets, a scripted clock. */
import { Bmc } from '../../src/bmc/bmc.ts';
import type { HostAccessPolicy } from '../../src/bmc/host-access.ts';
import type { NetworkControl, NetworkState } from '../../src/bmc/management-network.ts';
import { PasswordLogin } from '../../src/bmc/password-login.ts';
import { memoryStore, type Store } from '../../src/bmc/store.ts';
import type { UserSpec } from '../../src/bmc/user-seeds.ts';
import { CertificateStore } from '../../src/http/certificate-store.ts';
import type { HttpReply } from '../../src/http/exchange.ts';
import { sensorKey } from '../../src/ipmi/records/sensor-numbers.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { FakeMachine } from '../../src/machine/fake/fake-machine.ts';
import { AddressPolicy } from '../../src/media/address-policy.ts';
import type { Resource } from '../../src/redfish/definition.ts';
import { Redfish } from '../../src/redfish/redfish.ts';
import { redfishResources } from '../../src/redfish/resources.ts';
import type { RedfishService } from '../../src/redfish/service.ts';
import type { RedfishSessions } from '../../src/redfish/sessions.ts';
import { benchUuid } from './lan-bench.ts';
import { ScriptedClock } from './scripted-clock.ts';
import { MemoryImages, ScriptedFetcher, ScriptedLibrary, ScriptedRemote } from './scripted-media.ts';

/** Users of every role; the name is the password. */
export const benchUsers: readonly UserSpec[] = [
  { name: 'admin', password: 'admin', limit: 'administrator' },
  { name: 'operator', password: 'operator', limit: 'operator' },
  { name: 'reader', password: 'reader', limit: 'user' },
];

export interface BenchReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed; undefined for an answer without a body or with another kind of body. */
  // biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
  readonly body: any;
  readonly text: string;
}

export interface BenchRequest {
  /** Sent as JSON, or as it is when a string. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Who asks, by Basic authentication: a name, or `name:password`; `undefined` for nobody. Default: admin. */
  readonly as?: string | undefined;
  /** In place of `body`, as the server hands over what it does not read itself. */
  readonly stream?: AsyncIterable<Uint8Array>;
}

/** The network interface of the bench. */
export const benchNetwork: NetworkState = {
  v4: { address: '192.0.2.2', mask: '255.255.255.0', source: 'static' },
  v6: [{ address: '2001:db8::2', prefixLength: 64, source: 'static', status: 'active' }],
  mac: '52:54:00:12:34:56',
  gateway4: { address: '192.0.2.1' },
  gateway6: { address: 'fe80::1' },
  hopLimit4: 64,
  hopLimit6: 64,
};

export interface RedfishBenchOptions {
  readonly minPasswordBytes?: number;
  /** As configured. */
  readonly hostAccess?: HostAccessPolicy;
  /** How the bench's network is changed; clients cannot unless given. */
  readonly networkControl?: NetworkControl;
  readonly resources?: readonly Resource[];
  /** In memory unless given. */
  readonly store?: Store;
  /** Networks that events may be sent to although they are refused otherwise. */
  readonly eventDestinations?: readonly string[];
  /** True unless given. */
  readonly compatibility?: boolean;
}

export class RedfishBench {
  readonly clock = new ScriptedClock();
  /** Of virtual media. */
  readonly images = new MemoryImages();
  readonly fetcher = new ScriptedFetcher();
  readonly remote = new ScriptedRemote();
  readonly library = new ScriptedLibrary();
  readonly machine: FakeMachine;
  readonly bmc: Bmc;
  readonly #resources: readonly Resource[];
  readonly #compatibility: boolean;
  readonly #eventDestinations: readonly string[];
  #redfish: Redfish | undefined;

  constructor({
    resources = redfishResources,
    compatibility = true,
    eventDestinations = [],
    minPasswordBytes = 1,
    hostAccess = 'full',
    networkControl,
    store = memoryStore(),
  }: RedfishBenchOptions = {}) {
    this.#compatibility = compatibility;
    this.#eventDestinations = eventDestinations;
    const { clock } = this;
    this.machine = new FakeMachine({ clock, hardware: { cpus: 2, memoryMb: 2048 } });
    this.bmc = new Bmc({
      machine: this.machine,
      identity: {
        uuid: benchUuid,
        serialNumber: 'BENCH1',
        manufacturer: 'qemu-bmc',
        product: 'QEMU Virtual Server',
        firmwareVersion: '0.1.0',
      },
      users: benchUsers,
      minPasswordBytes,
      hostAccess,
      lan: { network: async () => benchNetwork, ...(networkControl && { networkControl }) },
      media: { images: this.images, fetcher: this.fetcher, remote: this.remote, library: this.library },
      restorePolicy: 'always-off',
      softOffTimeoutMs: 60_000,
      store,
      clock,
      random: systemRandom(),
      log: silentLogger,
    });
    this.#resources = resources;
  }

  /** What {@link start} has made. */
  get redfish(): Redfish {
    if (!this.#redfish) throw new Error('the bench has not been started');
    return this.#redfish;
  }

  get service(): RedfishService {
    return this.redfish.service;
  }

  get sessions(): RedfishSessions {
    return this.redfish.state.sessions;
  }

  async start(): Promise<void> {
    const { bmc, clock } = this;
    const { users, events, store, random, loginGuard: guard } = bmc;
    const subject = { commonName: 'bench' };
    const certificates = await CertificateStore.open({
      ...{ store, events, clock, random },
      own: { subject, names: ['localhost'] },
    });
    this.#redfish = new Redfish({
      bmc,
      login: new PasswordLogin({ users, guard, clock, random, log: silentLogger }),
      certificates,
      endpoints: {
        hostName: 'bench',
        fqdn: 'bench.example',
        httpsPort: 443,
        httpPort: undefined,
        ipmiPort: 623,
        trapPort: 9162,
        vncPort: undefined,
      },
      sensorKey,
      destinations: new AddressPolicy({ allow: this.#eventDestinations, deny: [], ownAddresses: () => [] }),
      compatibility: this.#compatibility,
      deployment: { profile: 'lab' },
      resources: this.#resources,
    });
    await this.bmc.start({ powerReturned: true, powerOn: false });
  }

  stop(): Promise<void> {
    this.#redfish?.stop();
    return this.bmc.stop();
  }

  async ask(method: string, url: string, request: BenchRequest = {}): Promise<BenchReply> {
    const { body, headers = {} } = request;
    const as = 'as' in request ? request.as : 'admin';
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const reply = await this.service.handle({
      method,
      url,
      headers: {
        ...(text !== '' && { 'content-type': 'application/json' }),
        ...(as !== undefined && { authorization: basic(as) }),
        ...headers,
      },
      body: Buffer.from(text),
      from: '192.0.2.9:50000',
      address: '192.0.2.9',
      gone: new AbortController().signal,
      ...(request.stream && { stream: request.stream }),
    });
    return read(reply);
  }
}

async function read({ status, headers, body }: HttpReply): Promise<BenchReply> {
  let text = '';
  if (typeof body === 'string') text = body;
  else if (body instanceof Uint8Array) text = Buffer.from(body).toString('utf8');
  else if (body) for await (const part of body) text += Buffer.from(part as Uint8Array).toString('utf8');
  const isJson = headers['content-type']?.startsWith('application/json') === true;
  return { status, headers, text, body: isJson && text !== '' ? JSON.parse(text) : undefined };
}

function basic(as: string): string {
  return `Basic ${Buffer.from(as.includes(':') ? as : `${as}:${as}`).toString('base64')}`;
}
