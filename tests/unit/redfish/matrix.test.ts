/**
 * Every URI × every method × nobody and every role, against the privileges of DMTF's Base privilege registry (DSP8011)
 * and the roles of DSP0266 §13.4.3, written down here once more and not taken from the definitions.
 *
 * Each request that may pass is made so that it changes nothing: an empty PATCH, a POST of what no schema has, a DELETE
 * of another version.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firmwareSlots } from '../../../src/bmc/firmware-update.ts';
import { redfishResources } from '../../../src/redfish/resources.ts';
import { Routes } from '../../../src/redfish/routes.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { crawl, isAt } from '../../support/redfish-crawl.ts';

const roles = {
  nobody: [],
  outcast: [],
  reader: ['Login', 'Self'],
  operator: ['Login', 'Components', 'Self'],
  admin: ['Login', 'Manager', 'Users', 'Components', 'Self'],
  /** An administrator who has to change the password first. */
  expired: ['Login', 'Manager', 'Users', 'Components', 'Self'],
} as const satisfies Record<string, readonly Need[]>;
type Role = keyof typeof roles;
/** Users by ID in the bench; who is not there has no login. */
const userIds: Readonly<Partial<Record<Role, number>>> = { admin: 2, operator: 3, reader: 4, expired: 6 };

/** `none`: no login needed. One of several suffices. */
type Need = 'none' | 'Login' | 'Manager' | 'Users' | 'Components' | 'Self';
interface Needs {
  readonly get: readonly Need[];
  /** PATCH, POST and DELETE, unless there is something of its own. */
  readonly change: readonly Need[];
  readonly patch?: readonly Need[];
  readonly post?: readonly Need[];
  readonly delete?: readonly Need[];
}

const look: Needs = { get: ['Login'], change: [] };
const components: Needs = { get: ['Login'], change: ['Components'] };
const manager: Needs = { get: ['Login'], change: ['Manager'] };
const secret: Needs = { get: ['Manager'], change: ['Manager'] };

/** By the name of the schema. */
const entities: Readonly<Record<string, Needs>> = {
  AccountService: { get: ['Login'], change: ['Users'] },
  ActionInfo: look,
  AttributeRegistry: look,
  Bios: components,
  BootOption: components,
  BootOptionCollection: components,
  Certificate: secret,
  CertificateCollection: secret,
  CertificateLocations: secret,
  CertificateService: manager,
  Chassis: components,
  ChassisCollection: look,
  ComputerSystem: components,
  ComputerSystemCollection: look,
  Drive: components,
  DriveCollection: components,
  EnvironmentMetrics: components,
  EthernetInterface: components,
  EthernetInterfaceCollection: components,
  EventDestination: { get: ['Login'], change: ['Manager', 'Self'] },
  EventDestinationCollection: { get: ['Login'], change: ['Manager', 'Components'] },
  EventService: manager,
  Fan: components,
  FanCollection: components,
  GraphicsController: components,
  GraphicsControllerCollection: components,
  HostInterfaceCollection: manager,
  JsonSchemaFile: look,
  JsonSchemaFileCollection: look,
  LogEntry: manager,
  LogEntryCollection: manager,
  LogService: manager,
  LogServiceCollection: manager,
  Manager: manager,
  ManagerAccount: {
    get: ['Manager', 'Users', 'Self'],
    change: ['Users'],
    patch: ['Users', 'Self'],
  },
  ManagerAccountCollection: { get: ['Login'], change: ['Users'] },
  ManagerCollection: look,
  ManagerNetworkProtocol: manager,
  Memory: components,
  MemoryCollection: components,
  MessageRegistryFile: look,
  MessageRegistryFileCollection: look,
  MetricDefinition: manager,
  MetricDefinitionCollection: manager,
  MetricReport: manager,
  MetricReportCollection: manager,
  MetricReportDefinition: manager,
  MetricReportDefinitionCollection: manager,
  NetworkAdapter: components,
  NetworkAdapterCollection: components,
  NetworkDeviceFunction: components,
  NetworkDeviceFunctionCollection: components,
  NetworkInterface: components,
  NetworkInterfaceCollection: components,
  PCIeDevice: components,
  PCIeDeviceCollection: components,
  PCIeFunction: components,
  PCIeFunctionCollection: components,
  Port: components,
  PortCollection: components,
  PortMetrics: components,
  Power: components,
  PowerSubsystem: components,
  PowerSupply: components,
  PowerSupplyCollection: components,
  PrivilegeRegistry: look,
  Processor: components,
  // Our own: as the levels of IPMI are that its clients need for the same.
  QemuBmcAlertDestination: manager,
  QemuBmcAlertDestinationCollection: manager,
  QemuBmcAlertPolicy: manager,
  QemuBmcAlertPolicyCollection: manager,
  QemuBmcEventFilter: manager,
  QemuBmcEventFilterCollection: manager,
  QemuBmcEventFiltering: manager,
  ProcessorCollection: components,
  Role: look,
  RoleCollection: look,
  SecureBoot: components,
  SecureBootDatabase: components,
  SecureBootDatabaseCollection: components,
  Sensor: components,
  SensorCollection: components,
  SerialInterface: manager,
  SerialInterfaceCollection: manager,
  ServiceRoot: { get: ['none'], change: [] },
  Session: { get: ['Login'], change: ['Manager', 'Self'] },
  SessionCollection: { get: ['Login'], change: ['none'] },
  SessionService: manager,
  Signature: components,
  SignatureCollection: components,
  SimpleStorage: components,
  SimpleStorageCollection: components,
  SoftwareInventory: components,
  SoftwareInventoryCollection: components,
  Storage: components,
  StorageCollection: components,
  StorageController: components,
  StorageControllerCollection: components,
  Task: manager,
  TaskCollection: manager,
  TaskService: manager,
  TelemetryService: manager,
  Thermal: components,
  ThermalMetrics: components,
  ThermalSubsystem: components,
  Triggers: manager,
  TriggersCollection: manager,
  TrustedComponent: components,
  TrustedComponentCollection: components,
  UpdateService: components,
  VirtualMedia: components,
  VirtualMediaCollection: components,
  Volume: components,
  VolumeCollection: components,
};

/** The registry's overrides: what belongs to the manager is the manager's. */
const overrides: readonly (readonly [RegExp, Needs])[] = [
  [/^\/redfish\/v1\/Managers\/1\/EthernetInterfaces\b/, manager],
  // Our own: the media belong to the system, under whichever path; whose servers are trusted is no secret.
  [/\/(VirtualMedia\/\w+|Boot)\/Certificates\b/, manager],
  // Our own: who may only look on opens consoles to look on.
  [/\.Open\w+Console$/, { get: ['Login'], change: ['Login'] }],
];

/** What clients find otherwise: older ones look for media under the manager; registries are named by `Location`. */
const unlinked = [
  '/redfish/v1/Managers/1/VirtualMedia',
  '/redfish/v1/Managers/1/VirtualMedia/Cd',
  '/redfish/v1/Managers/1/VirtualMedia/Cd/InsertMediaActionInfo',
  '/redfish/v1/Registries/BiosAttributeRegistry',
];

const methods = ['GET', 'HEAD', 'PATCH', 'PUT', 'POST', 'DELETE'] as const;
type Method = (typeof methods)[number];

interface Place {
  readonly uri: string;
  readonly entity: string;
  /** As the service says itself. */
  readonly allow: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
  readonly isAction: boolean;
}

function needsOf({ uri, entity }: Place, method: Method): readonly Need[] {
  const needs = overrides.find(([pattern]) => pattern.test(uri))?.[1] ?? entities[entity];
  if (!needs) throw new Error(`${uri}: no privileges are known of ${entity}`);
  switch (method) {
    case 'PATCH':
      return needs.patch ?? needs.change;
    case 'POST':
      return needs.post ?? needs.change;
    case 'DELETE':
      return needs.delete ?? needs.change;
    default:
      return needs.get;
  }
}

function isOwn({ body }: Place, role: Role): boolean {
  const id = userIds[role];
  return id !== undefined && (body.UserName === role || body.Id === String(id));
}

function expectedStatus(place: Place, method: Method, role: Role): number {
  const isAllowed = place.allow.includes(method);
  // Whether a method is possible is told to all who may look.
  const needs = needsOf(place, isAllowed ? method : 'GET');
  const isOpen = needs.includes('none');
  if (userIds[role] === undefined && !isOpen) return 401;
  if (!isAllowed) return 405;
  const has: readonly Need[] = roles[role];
  // DSP0266 §13.4.2: nothing but one's own account, to change it, and one's own session.
  const isOpenBefore = isOwn(place, role) && ['ManagerAccount', 'Session'].includes(place.entity);
  if (role === 'expired' && !isOpen && !isOpenBefore) return 403;
  const may = needs.some((need) => has.includes(need) && (need !== 'Self' || isOwn(place, role)));
  if (!isOpen && !may) return 403;
  return { GET: 200, HEAD: 200, PATCH: 200, PUT: 405, POST: 400, DELETE: 412 }[method];
}

const bodies: Readonly<Partial<Record<Method, unknown>>> = {
  PATCH: {},
  PUT: {},
  // No schema has it, and where JSON is not what is wanted it is refused as well.
  POST: { 'No such property': true },
};

describe('privileges', () => {
  let bench: RedfishBench;
  let places: readonly Place[];
  beforeAll(async () => {
    bench = new RedfishBench();
    await bench.start();
    const actor = { name: 'bench', face: 'bmc' } as const;
    const { users, power } = bench.bmc;
    users.update(5, { name: 'outcast', password: Buffer.from('outcast'), enabled: true }, actor);
    const expired = {
      name: 'expired',
      password: Buffer.from('expired'),
      enabled: true,
      limit: 'administrator',
    } as const;
    users.update(6, { ...expired, passwordChangeRequired: true }, actor);
    for (const id of [2, 4]) {
      const user = users.get(id);
      if (user) bench.sessions.open(user, '192.0.2.9');
    }
    // So that there are images that stand by.
    for (const wanted of firmwareSlots) {
      const kind = wanted === 'bios' ? 'bios' : 'uefi';
      bench.bmc.firmware.install(Buffer.from(`FIRMWARE ${kind} 2.0`), { wanted }, actor);
    }
    bench.bmc.machineSettings.set({ tpm: true }, actor);
    power.request('on', actor);
    await bench.clock.advance(10_000);
    const found = await crawl(bench, unlinked);
    expect(found.dead).toEqual([]);
    places = [
      ...(await Promise.all([...found.bodies].map(([uri, body]) => placeOf(uri, body)))),
      ...[...found.bodies].flatMap(([, body]) => actionsOf(body)),
    ];
  });
  afterAll(() => bench.stop());

  async function placeOf(uri: string, body: Readonly<Record<string, unknown>>): Promise<Place> {
    const { headers } = await bench.ask('HEAD', uri);
    const allow = headers.allow?.split(', ') ?? [];
    return { uri, entity: entityOf(body), allow, body, isAction: false };
  }

  function actionsOf(body: Readonly<Record<string, unknown>>): Place[] {
    const { Oem: oem = {}, ...usual } = (body.Actions ?? {}) as Record<string, object>;
    const actions = Object.values({ ...usual, ...oem }) as { readonly target?: string }[];
    return actions.flatMap(({ target }) =>
      // What takes no JSON is a place of its own.
      target === undefined || redfishResources.some((definition) => isAt(definition, target))
        ? []
        : [{ uri: target, entity: entityOf(body), allow: ['POST'], body, isAction: true }],
    );
  }

  it.each(Object.keys(roles) as Role[])('of %s hold at every URI, for every method', async (role) => {
    const wrong: string[] = [];
    let asked = 0;
    for (const place of places) {
      for (const method of methods) {
        const reply = await bench.ask(method, place.uri, {
          as: role === 'nobody' ? undefined : role,
          ...(bodies[method] !== undefined && { body: bodies[method] }),
          ...(method === 'DELETE' && { headers: { 'if-match': '"another version"' } }),
        });
        asked++;
        const expected = expectedStatus(place, method, role);
        // An action without parameters, or an upload, has its own way of refusing what it does not know.
        const isRefusal = expected === 400 && [400, 415].includes(reply.status);
        if (reply.status !== expected && !isRefusal) {
          wrong.push(`${method} ${place.uri}: ${reply.status}, not ${expected}`);
        }
        if (reply.status >= 400 && method !== 'HEAD') {
          const [told] = reply.body.error['@Message.ExtendedInfo'];
          if (!/^Base\.1\.\d+\.\w+$/.test(told.MessageId)) wrong.push(`${method} ${place.uri}: no message`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(asked).toBe(places.length * methods.length);
  });

  it('are known of every kind of resource, and every definition is among the places', () => {
    const unknown = redfishResources
      .flatMap(({ type }) => (type === undefined ? [] : [type.slice(1).split('.')[0] ?? '']))
      .filter((entity) => !(entity in entities));
    expect(unknown).toEqual([]);
    const unseen = new Routes(redfishResources).all
      .filter(({ kind }) => kind !== 'plain')
      .filter((definition) => !places.some(({ uri }) => isAt(definition, uri)))
      .map(({ path }) => path);
    expect(unseen.filter((path) => !mayBeEmpty.test(path))).toEqual([]);
    const actions = redfishResources
      .filter((definition) => places.some(({ uri }) => isAt(definition, uri)))
      .flatMap((definition) => definition.actions.map(({ name }) => name));
    const called = places
      .filter(({ isAction }) => isAction)
      .map(({ uri }) => `#${uri.split('/Actions/')[1]?.replace(/^Oem\//, '')}`);
    expect(new Set(called)).toEqual(new Set(actions));
  });

  it('are asked for before anything is told about what exists', async () => {
    for (const method of methods) {
      const reply = await bench.ask(method, '/redfish/v1/Nothing', { as: undefined, body: {} });
      expect(reply.status, method).toBe(401);
      expect((await bench.ask(method, '/redfish/v1/Nothing', { body: {} })).status, method).toBe(404);
    }
  });
});

/**
 * What exists only once something has happened (events asked for, tasks begun, entries written, certificates trusted),
 * or in another machine than that of the bench: one with UEFI and cards.
 */
const mayBeEmpty =
  /\/(Subscriptions|Tasks|TaskMonitors?|Entries|MetricReports|Certificates|Signatures)\/:|\/PCIeDevices\/:/;

function entityOf(body: Readonly<Record<string, unknown>>): string {
  return String(body['@odata.type']).slice(1).split('.')[0] ?? '';
}
