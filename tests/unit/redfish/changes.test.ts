/**
 * What clients are told of changes, whoever makes them: each cause here changes something by another way than Redfish,
 * as IPMI, the guest or time does. A table says what each covers; a test finds what can be written and is in no row.
 */
import type { TObject } from 'typebox';
import { afterEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../../src/bmc/actor.ts';
import type { NetworkSettings } from '../../../src/bmc/management-network.ts';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { Bodies } from '../../../src/redfish/bodies.ts';
import { coalesceMs } from '../../../src/redfish/changes.ts';
import type { Context } from '../../../src/redfish/context.ts';
import type { Happening } from '../../../src/redfish/happenings.ts';
import { Parts, unknownParts } from '../../../src/redfish/parts.ts';
import { redfishResources } from '../../../src/redfish/resources.ts';
import { Routes } from '../../../src/redfish/routes.ts';
import { until } from '../../support/processes.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { crawl } from '../../support/redfish-crawl.ts';

const root = '/redfish/v1';
const system = `${root}/Systems/1`;
const chassis = `${root}/Chassis/1`;
const manager = `${root}/Managers/1`;
const filtering = `${manager}/Oem/QemuBmc/EventFiltering`;
/** Clients are to know after so long. */
const promisedMs = 300;

const by: Actor = { name: 'admin', face: 'ipmi', from: '192.0.2.9' };

const network: NetworkSettings = {
  source: 'static',
  address: '192.0.2.2',
  mask: '255.255.255.0',
  gateway: '192.0.2.1',
  vlan: { id: 0, enabled: false, priority: 0 },
  static6: [null, null, null, null],
  router6: '::',
};

interface Cause {
  readonly name: string;
  /** `Schema.Property` that can be written, or the names of actions. */
  readonly covers?: readonly string[];
  /** Before anybody looks. */
  prepare?(bench: RedfishBench): unknown;
  run(bench: RedfishBench): unknown;
  /** What is told, by path; what does not exist before is told as created, what has gone as removed. */
  readonly changed?: readonly string[];
  readonly created?: readonly (string | RegExp)[];
  readonly removed?: readonly (string | RegExp)[];
}

const powerOn = async ({ bmc, clock }: RedfishBench) => {
  bmc.power.request('on', by);
  await clock.advanceAsync(500);
};
const medium = { url: 'http://192.0.2.7/a.iso', readOnly: true, inserted: true };

const causes: readonly Cause[] = [
  {
    name: 'power on',
    covers: ['ComputerSystem.Reset', 'Chassis.Reset'],
    run: ({ bmc }) => bmc.power.request('on', by),
    changed: [system, chassis, `${chassis}/Sensors/fan1`, `${chassis}/ThermalSubsystem/Fans/fan1`],
  },
  {
    name: 'the guest goes off',
    prepare: powerOn,
    run: ({ machine }) => machine.guestShutdown(),
    changed: [system, chassis, `${chassis}/Sensors/fan1`],
  },
  {
    name: 'a reset by the guest',
    prepare: async (bench) => {
      await powerOn(bench);
      // The time of the latest reset is told to the second.
      await bench.clock.advanceAsync(1000);
    },
    run: ({ machine }) => machine.guestReboot(),
    changed: [system],
  },
  { name: 'pause', prepare: powerOn, run: ({ bmc }) => bmc.power.request('pause', by), changed: [system] },
  {
    name: 'the boot override',
    covers: ['ComputerSystem.Boot'],
    run: ({ bmc }) => bmc.boot.set({ target: 'pxe', persistent: false }, by),
    changed: [system],
  },
  {
    name: 'a boot that uses the override up',
    prepare: ({ bmc }) => bmc.boot.set({ target: 'disk', persistent: false }, by),
    run: ({ bmc }) => bmc.power.request('on', by),
    changed: [system],
  },
  {
    name: 'the firmware on the console',
    prepare: async (bench) => {
      // Its firmware waits there.
      bench.bmc.boot.set({ target: 'bios-setup', persistent: false }, by);
      await powerOn(bench);
    },
    run: ({ machine }) => machine.print('BdsDxe: starting Boot0001\r\n'),
    changed: [system],
  },
  {
    name: 'the identify light',
    covers: [
      'ComputerSystem.LocationIndicatorActive',
      'ComputerSystem.IndicatorLED',
      'Chassis.LocationIndicatorActive',
      'Chassis.IndicatorLED',
    ],
    run: ({ bmc }) => bmc.identify.onFor(15_000, by),
    changed: [system, chassis],
  },
  {
    name: 'the identify light that goes out by itself',
    prepare: ({ bmc }) => bmc.identify.onFor(promisedMs / 6, by),
    run: () => undefined,
    changed: [system, chassis],
  },
  {
    name: 'the asset tag',
    covers: ['ComputerSystem.AssetTag', 'Chassis.AssetTag'],
    run: ({ bmc }) => bmc.asset.setTag('rack 7', by),
    changed: [system, chassis],
  },
  {
    name: 'the restore policy',
    covers: ['ComputerSystem.PowerRestorePolicy'],
    run: ({ bmc }) => bmc.power.setRestorePolicy('previous', by),
    changed: [system],
  },
  {
    name: 'the watchdog',
    covers: ['ComputerSystem.HostWatchdogTimer'],
    run: ({ bmc }) => bmc.watchdog.set(watchdogOf(60_000), by),
    changed: [system],
  },
  {
    name: 'a watchdog that runs out',
    prepare: async (bench) => {
      await powerOn(bench);
      bench.bmc.watchdog.set(watchdogOf(60), by);
      bench.bmc.watchdog.restart(by);
    },
    run: () => undefined,
    changed: [system],
  },
  {
    name: 'a reading beyond a threshold',
    prepare: powerOn,
    run: ({ bmc }) => bmc.sensors.override('cpuTemp', 92),
    changed: [system, chassis, manager, `${chassis}/Sensors/cpuTemp`],
  },
  {
    name: 'an opened case',
    run: ({ bmc }) => bmc.sensors.override('chassisIntrusion', ['intrusion']),
    changed: [chassis],
  },
  {
    name: 'another threshold',
    run: ({ bmc }) => {
      const sensor = bmc.sensors.analog('cpuTemp');
      const { thresholds } = sensor.settings;
      sensor.configure({ thresholds: { ...thresholds, 'upper-critical': 88 } }, by);
    },
    changed: [`${chassis}/Sensors/cpuTemp`],
  },
  {
    name: 'what the machine is to be made of',
    covers: [
      'Bios.Attributes',
      'Bios.@Redfish.SettingsApplyTime',
      'Bios.ResetBios',
      'SecureBoot.SecureBootEnable',
    ],
    run: ({ bmc }) => bmc.machineSettings.set({ cpus: 4 }, by),
    changed: [`${system}/Bios/Settings`],
  },
  {
    name: 'a medium',
    covers: [
      'VirtualMedia.InsertMedia',
      'VirtualMedia.Image',
      'VirtualMedia.Inserted',
      'VirtualMedia.WriteProtected',
      'VirtualMedia.TransferMethod',
      'VirtualMedia.TransferProtocolType',
    ],
    run: ({ bmc }) => bmc.media?.insert('cd', medium, by),
    changed: [`${system}/VirtualMedia/Cd`, `${manager}/VirtualMedia/Cd`],
  },
  {
    name: 'a medium that the guest lets go of',
    covers: ['VirtualMedia.EjectMedia'],
    prepare: async (bench) => {
      await powerOn(bench);
      await bench.bmc.media?.insert('cd', medium, by).done;
    },
    run: ({ machine }) => machine.guestEjects('cd'),
    changed: [`${system}/VirtualMedia/Cd`, `${manager}/VirtualMedia/Cd`],
  },
  {
    name: 'whether servers of images are looked at',
    covers: ['VirtualMedia.VerifyCertificate'],
    run: ({ bmc }) => bmc.media?.setVerifyCertificate('usb', true, by),
    changed: [`${system}/VirtualMedia/Usb`],
  },
  {
    name: 'a certificate to trust',
    run: async ({ bmc }) => bmc.media?.addCertificate('cd', await certificate(), by),
    changed: [`${system}/VirtualMedia/Cd/Certificates`],
    created: [`${system}/VirtualMedia/Cd/Certificates/1`],
  },
  {
    name: 'a certificate that is trusted no more',
    prepare: async ({ bmc }) => bmc.media?.addCertificate('cd', await certificate(), by),
    run: ({ bmc }) => bmc.media?.removeCertificate('cd', 1, by),
    changed: [`${system}/VirtualMedia/Cd/Certificates`],
    removed: [`${system}/VirtualMedia/Cd/Certificates/1`],
  },
  {
    name: 'a certificate that firmware is to trust',
    run: async ({ bmc }) => bmc.bootCertificates.add(await certificate(), by),
    changed: [`${system}/Boot/Certificates`],
    created: [`${system}/Boot/Certificates/1`],
  },
  {
    name: 'a certificate that firmware trusts no more',
    prepare: async ({ bmc }) => bmc.bootCertificates.add(await certificate(), by),
    run: ({ bmc }) => bmc.bootCertificates.remove(1, by),
    changed: [`${system}/Boot/Certificates`],
    removed: [`${system}/Boot/Certificates/1`],
  },
  {
    name: 'the clock of the SEL',
    covers: ['Manager.DateTime', 'Manager.DateTimeLocalOffset'],
    run: ({ bmc }) => bmc.sel.setUtcOffset(60, by),
    changed: [manager],
  },
  {
    name: 'what the host may do',
    covers: ['Manager.Oem'],
    run: ({ bmc }) => bmc.hostAccess.set('off', by),
    changed: [manager, system],
  },
  {
    name: 'event filtering',
    covers: [
      'QemuBmcEventFiltering.Enabled',
      'QemuBmcEventFiltering.LogActions',
      'QemuBmcEventFiltering.AllowedActions',
      'QemuBmcEventFiltering.StartupDelayEnabled',
      'QemuBmcEventFiltering.StartupDelaySeconds',
      'QemuBmcEventFiltering.AlertStartupDelayEnabled',
      'QemuBmcEventFiltering.AlertStartupDelaySeconds',
    ],
    run: ({ bmc }) => bmc.pef.update({ enabled: false }, by),
    changed: [filtering],
  },
  {
    name: 'an event filter',
    covers: [
      'QemuBmcEventFilter.Enabled',
      'QemuBmcEventFilter.FilterActions',
      'QemuBmcEventFilter.AlertPolicyNumber',
      'QemuBmcEventFilter.EventSeverity',
      'QemuBmcEventFilter.GeneratorAddress',
      'QemuBmcEventFilter.GeneratorChannel',
      'QemuBmcEventFilter.SensorType',
      'QemuBmcEventFilter.SensorNumber',
      'QemuBmcEventFilter.EventTrigger',
      'QemuBmcEventFilter.EventOffsets',
      'QemuBmcEventFilter.EventDataMask',
      'QemuBmcEventFilter.EventDataExact',
      'QemuBmcEventFilter.EventDataValue',
    ],
    run: ({ bmc: { pef } }) => {
      const [first, ...others] = pef.settings.filters;
      if (first) pef.update({ filters: [{ ...first, sensorNumber: 7 }, ...others] }, by);
    },
    changed: [`${filtering}/EventFilters/1`],
  },
  {
    name: 'an alert policy',
    covers: [
      'QemuBmcAlertPolicy.Enabled',
      'QemuBmcAlertPolicy.PolicyNumber',
      'QemuBmcAlertPolicy.Rule',
      'QemuBmcAlertPolicy.Channel',
      'QemuBmcAlertPolicy.Destination',
      'QemuBmcAlertPolicy.EventSpecificString',
      'QemuBmcAlertPolicy.StringSelector',
    ],
    run: ({ bmc: { pef } }) => {
      const [first, ...others] = pef.settings.policies;
      if (first) pef.update({ policies: [{ ...first, enabled: true }, ...others] }, by);
    },
    changed: [`${filtering}/AlertPolicies/1`],
  },
  {
    name: 'an alert destination',
    covers: [
      'QemuBmcAlertDestination.Address',
      'QemuBmcAlertDestination.Acknowledged',
      'QemuBmcAlertDestination.RetryCount',
      'QemuBmcAlertDestination.RetryIntervalSeconds',
    ],
    run: ({ bmc: { lan } }) => {
      const [, first] = lan.destinations;
      if (first) lan.setDestination(1, { ...first, address: '192.0.2.162' }, by);
    },
    changed: [`${filtering}/AlertDestinations/1`],
  },
  {
    name: 'what the owner calls the service',
    covers: ['Manager.ServiceIdentification'],
    run: ({ redfish }) => redfish.state.settings.setIdentification('lab', by),
    changed: [manager],
  },
  {
    name: 'whether servers of updates are looked at',
    covers: ['UpdateService.VerifyRemoteServerCertificate'],
    run: ({ redfish }) => redfish.state.settings.setVerifyUpdateServer(true, by),
    changed: [`${root}/UpdateService`],
  },
  {
    name: 'an image of firmware that is put to use',
    covers: ['SoftwareInventory.Activate', 'UpdateService.SimpleUpdate'],
    prepare: ({ bmc }) => bmc.firmware.install(Buffer.from('FIRMWARE bios 2.0'), { staged: true }, by),
    run: ({ bmc }) => bmc.firmware.activate('bios', by),
    changed: [
      `${root}/UpdateService/FirmwareInventory/Bios`,
      `${root}/UpdateService/FirmwareInventory/BiosStandby`,
    ],
  },
  {
    name: 'the network interface',
    covers: [
      'EthernetInterface.DHCPv4',
      'EthernetInterface.IPv4StaticAddresses',
      'EthernetInterface.VLAN',
      'EthernetInterface.IPv6StaticAddresses',
      'EthernetInterface.IPv6StaticDefaultGateways',
    ],
    run: ({ bmc }) => bmc.lan.network.change(() => ({ gateway: '192.0.2.254' }), by),
    changed: [`${manager}/EthernetInterfaces/1`],
  },
  {
    name: 'the LAN channel',
    covers: ['ManagerNetworkProtocol.IPMI'],
    run: ({ bmc }) => bmc.lan.setAccess({ mode: 'disabled' }, by),
    changed: [manager, `${manager}/NetworkProtocol`],
  },
  {
    name: 'Serial-over-LAN',
    covers: ['SerialInterface.InterfaceEnabled'],
    run: ({ bmc }) => bmc.sol.update({ enabled: false }, by),
    changed: [system, manager, `${manager}/SerialInterfaces/1`],
  },
  {
    name: 'the bit rate of the serial port',
    covers: ['SerialInterface.BitRate'],
    run: ({ bmc }) => bmc.sol.setVolatileBitRate('19.2', by),
    changed: [`${manager}/SerialInterfaces/1`],
  },
  {
    name: 'the TLS certificate',
    covers: ['CertificateService.ReplaceCertificate'],
    run: async ({ redfish, clock }) => {
      const pair = await makeSelfSigned({
        subject: { commonName: 'another' },
        names: ['localhost'],
        now: clock.wallTime(),
        random: systemRandom(),
      });
      redfish.state.certificates.install(pair.certificate, pair.key, by);
    },
    changed: [`${manager}/NetworkProtocol/HTTPS/Certificates/1`],
  },
  {
    name: 'an entry of the SEL',
    run: ({ bmc }) => bmc.sel.add({ kind: 'oem', type: 0xc1, data: [1, 2, 3, 4, 5, 6, 7, 8, 9] }),
    changed: [`${system}/LogServices/SEL/Entries`, `${manager}/LogServices/SEL/Entries`],
  },
  {
    name: 'a cleared SEL',
    covers: ['LogService.ClearLog'],
    prepare: ({ bmc }) => bmc.sel.add({ kind: 'oem', type: 0xc1, data: [1, 2, 3, 4, 5, 6, 7, 8, 9] }),
    run: ({ bmc }) => bmc.sel.clear(by),
    changed: [`${system}/LogServices/SEL/Entries`],
  },
  {
    name: 'an event',
    run: ({ bmc }) => bmc.events.add('panic', 'the kernel panicked'),
    changed: [`${manager}/LogServices/EventLog/Entries`],
  },
  {
    name: 'how events are delivered',
    covers: ['EventService.DeliveryRetryAttempts', 'EventService.DeliveryRetryIntervalSeconds'],
    run: ({ redfish }) => redfish.state.subscriptions.setDelivery({ attempts: 7 }, by),
    changed: [`${root}/EventService`],
  },
  {
    name: 'a subscription',
    run: ({ redfish }) => redfish.state.subscriptions.add(subscription, by),
    changed: [`${root}/EventService/Subscriptions`],
    created: [/Subscriptions\/\w+$/],
  },
  {
    name: 'another context of a subscription',
    covers: [
      'EventDestination.Context',
      'EventDestination.DeliveryRetryPolicy',
      'EventDestination.VerifyCertificate',
    ],
    prepare: ({ redfish }) => redfish.state.subscriptions.add(subscription, by),
    run: ({ redfish: { state } }) => {
      const [first] = state.subscriptions.list();
      state.subscriptions.change(String(first?.id), { context: 'rack 8' }, by);
    },
    // Its path is known to it alone.
    changed: [],
  },
  {
    name: 'a task',
    run: ({ redfish }) =>
      redfish.state.tasks.start({ name: 'work', actor: by, run: () => new Promise(() => undefined) }),
    changed: [`${root}/TaskService/Tasks`],
    created: [/Tasks\/\w+$/],
  },
  {
    name: 'the interval of metric reports',
    covers: ['MetricReportDefinition.MetricReportDefinitionEnabled', 'MetricReportDefinition.Schedule'],
    run: ({ redfish }) => redfish.state.telemetry.set({ intervalS: 30 }, by),
    changed: [`${root}/TelemetryService/MetricReportDefinitions/Sensors`],
  },
  {
    name: 'the policy against guessing',
    covers: [
      'AccountService.AccountLockoutThreshold',
      'AccountService.AccountLockoutDuration',
      'AccountService.AccountLockoutCounterResetAfter',
      'AccountService.AccountLockoutCounterResetEnabled',
    ],
    run: ({ bmc }) =>
      bmc.lan.update({ badPasswords: { ...bmc.lan.configuration.badPasswords, threshold: 5 } }, by),
    changed: [`${root}/AccountService`],
  },
  {
    name: 'whether passwords may come with each request',
    covers: ['AccountService.HTTPBasicAuth'],
    run: ({ redfish }) => redfish.state.settings.setHttpBasicAuth('Unadvertised', by),
    changed: [`${root}/AccountService`],
  },
  {
    name: 'a user',
    covers: [
      'ManagerAccount.UserName',
      'ManagerAccount.RoleId',
      'ManagerAccount.Enabled',
      'ManagerAccount.AccountTypes',
      'ManagerAccount.PasswordChangeRequired',
      'ManagerAccount.PasswordExpiration',
    ],
    run: ({ bmc }) => bmc.users.update(4, { limit: 'operator' }, by),
    changed: [`${root}/AccountService/Accounts/4`],
  },
  {
    name: 'a password that expires by itself',
    prepare: ({ bmc, clock }) =>
      bmc.users.update(4, { passwordExpiresAt: clock.wallTime() + promisedMs / 6 }, by),
    run: () => undefined,
    changed: [`${root}/AccountService/Accounts/4`],
  },
  {
    name: 'after how long passwords expire',
    covers: ['AccountService.PasswordExpirationDays'],
    run: ({ bmc }) => bmc.users.setPasswordDays(90, by),
    changed: [`${root}/AccountService`],
  },
  {
    name: 'a new user',
    run: ({ bmc }) =>
      bmc.users.update(7, { name: 'new', password: Buffer.from('new'), enabled: true, redfish: true }, by),
    changed: [`${root}/AccountService/Accounts`],
    created: [`${root}/AccountService/Accounts/7`],
  },
  {
    name: 'a user who has gone',
    run: ({ bmc }) => bmc.users.update(4, { name: '' }, by),
    changed: [`${root}/AccountService/Accounts`],
    removed: [`${root}/AccountService/Accounts/4`],
  },
  {
    name: 'a lock-out',
    covers: ['ManagerAccount.Locked'],
    prepare: ({ bmc }) =>
      bmc.lan.update({ badPasswords: { threshold: 1, event: false, forgetAfterS: 10, lockoutS: 10 } }, by),
    run: ({ bmc }) => bmc.loginGuard.wrongPassword('192.0.2.66', 'reader'),
    changed: [`${root}/AccountService/Accounts/4`],
  },
  {
    name: 'a session',
    run: ({ bmc, sessions }) => {
      const user = bmc.users.findByName('reader');
      if (user) sessions.open(user, '192.0.2.9');
    },
    changed: [`${root}/SessionService/Sessions`],
    created: [/Sessions\/\w+$/],
  },
  {
    name: 'a session of IPMI',
    run: ({ bmc }) => bmc.openSessions.opened(ipmiSession, () => undefined),
    changed: [`${root}/SessionService/Sessions`],
    created: [`${root}/SessionService/Sessions/ipmi1`],
  },
  {
    name: 'a session of IPMI that is over',
    prepare: ({ bmc }) => {
      const over = bmc.openSessions.opened(ipmiSession, () => over());
    },
    run: ({ bmc }) => bmc.openSessions.end(String(bmc.openSessions.list().at(-1)?.id), by),
    changed: [`${root}/SessionService/Sessions`],
    removed: [/Sessions\/ipmi\d+$/],
  },
  {
    name: 'the idle time of sessions',
    covers: ['SessionService.SessionTimeout'],
    run: ({ sessions }) => sessions.setIdleTimeoutS(600, by),
    changed: [`${root}/SessionService`],
  },
  {
    name: 'all settings back to their defaults',
    covers: ['Manager.ResetToDefaults'],
    prepare: ({ bmc, sessions }) => {
      bmc.power.setRestorePolicy('always-on', by);
      sessions.setIdleTimeoutS(600, by);
    },
    run: ({ bmc }) => bmc.resetToDefaults('preserve-network-and-users', by),
    changed: [system, `${root}/SessionService`],
  },
];

/** What can be written and shows in no body of its own, with the reason. */
const unseen: Readonly<Record<string, string>> = {
  'ManagerAccount.Password': 'is never shown',
  'QemuBmcEventFiltering.TrapCommunity': 'is never shown',
  'QemuBmcAlertDestination.SendTestAlert': 'changes nothing that is shown',
  'VirtualMedia.UserName': 'is never shown',
  'VirtualMedia.Password': 'is never shown',
  'EventDestination.HttpHeaders': 'are never shown',
  'EventDestination.ResumeSubscription': 'shows where a subscription was suspended: event-service.test.ts',
  'EventService.SubmitTestEvent': 'is an event itself',
  'CertificateService.GenerateCSR': 'changes nothing that is shown',
  'Certificate.Rekey': 'changes nothing that is shown',
  'Certificate.Renew': 'changes nothing that is shown',
  'Manager.Reset': 'starts the BMC anew',
  'SecureBoot.ResetKeys': 'needs a machine with UEFI',
  'SecureBootDatabase.ResetKeys': 'needs a machine with UEFI',
  'QemuBmcManager.ExportConfiguration': 'changes nothing',
  'QemuBmcComputerSystem.OpenSerialConsole': 'answers a ticket; who comes with it is told then',
  'QemuBmcComputerSystem.OpenGraphicalConsole': 'answers a ticket; who comes with it is told then',
  'QemuBmcComputerSystem.SendKeys': 'changes nothing that is shown',
  'QemuBmcComputerSystem.TypeText': 'changes nothing that is shown',
};

function watchdogOf(timeoutMs: number) {
  return {
    use: 'sms-os',
    action: 'reset',
    interrupt: 'none',
    preTimeoutMs: 0,
    timeoutMs,
    dontLog: false,
  } as const;
}

const ipmiSession = {
  protocol: 'IPMI',
  userId: 4,
  userName: 'reader',
  from: '192.0.2.9',
  openedAt: Date.UTC(2026, 0, 1),
} as const;

const subscription = {
  destination: 'https://192.0.2.50/events',
  context: '',
  eventTypes: [],
  registryPrefixes: ['Nothing'],
  resourceTypes: [],
  messageIds: [],
  httpHeaders: {},
  verifyCertificate: true,
  retryPolicy: 'TerminateAfterRetries',
} as const;

async function certificate(): Promise<string> {
  const pair = await makeSelfSigned({
    subject: { commonName: 'images' },
    names: ['localhost'],
    now: Date.UTC(2026, 0, 1),
    random: systemRandom(),
  });
  return pair.certificate;
}

let bench: RedfishBench;
afterEach(() => bench?.stop());

async function start(): Promise<void> {
  bench = new RedfishBench({
    networkControl: {
      dhcp: true,
      ipv6: true,
      settings: async () => network,
      apply: async () => undefined,
      stop: async () => undefined,
    },
  });
  await bench.start();
}

/** What is told from here on: `ResourceChanged /redfish/v1/Systems/1`. */
function listen(): string[] {
  const told: string[] = [];
  bench.redfish.state.happenings.on(({ messageId, origin }: Happening) => {
    if (messageId.startsWith('ResourceEvent.')) told.push(`${messageId.split('.').at(-1)} ${origin}`);
  });
  return told;
}

/** What takes real time, such as making keys, goes by before the bench's clock moves on. */
async function change(cause: Cause): Promise<void> {
  await cause.run(bench);
  await bench.clock.advanceAsync(promisedMs);
}

function covers(told: readonly string[], what: string, uris: readonly (string | RegExp)[] = []): string[] {
  const origins = told.filter((line) => line.startsWith(`${what} `)).map((line) => line.split(' ')[1] ?? '');
  return uris
    .filter((uri) => !origins.some((origin) => (typeof uri === 'string' ? origin === uri : uri.test(origin))))
    .map((uri) => `${what} ${uri}`);
}

describe('clients are told of', () => {
  it.each(causes)('$name', async (cause) => {
    await start();
    await cause.prepare?.(bench);
    await bench.redfish.changes.start();
    const told = listen();
    await change(cause);
    const missing = [
      ...covers(told, 'ResourceChanged', cause.changed),
      ...covers(told, 'ResourceCreated', cause.created),
      ...covers(told, 'ResourceRemoved', cause.removed),
    ];
    expect(missing, told.join('\n')).toEqual([]);
  });

  it('whatever can be written', () => {
    const known = new Set([...causes.flatMap((cause) => cause.covers ?? []), ...Object.keys(unseen)]);
    const unknown = redfishResources.flatMap(({ type = '', patch, actions }) => {
      const properties = Object.keys((patch?.schema as TObject | undefined)?.properties ?? {});
      const schema = type.slice(1, type.indexOf('.'));
      return [
        ...properties.map((name) => `${schema}.${name}`),
        ...actions.map(({ name }) => name.slice(1)),
      ].filter((name) => !known.has(name));
    });
    expect([...new Set(unknown)]).toEqual([]);
  });

  it('many changes at once, once each', async () => {
    await start();
    await bench.redfish.changes.start();
    const told = listen();
    for (let i = 0; i < 50; i++) bench.bmc.asset.setTag(`tag ${i}`, by);
    await bench.clock.advanceAsync(coalesceMs - 10);
    expect(told.filter((line) => line === `ResourceChanged ${system}`)).toEqual([]);
    await bench.clock.advanceAsync(promisedMs);
    expect(told.filter((line) => line === `ResourceChanged ${system}`)).toHaveLength(1);
  });

  it('nothing when something was set to what it was, or only a reading wandered', async () => {
    await start();
    await powerOn(bench);
    await bench.redfish.changes.start();
    const told = listen();
    const before = bench.bmc.sensors.analog('cpuTemp').reading;
    bench.bmc.asset.setTag('', by);
    await bench.clock.advanceAsync(30_000, 500);
    expect(bench.bmc.sensors.analog('cpuTemp').reading).not.toBe(before);
    expect(told).toEqual([]);
  });
});

describe('bodies', () => {
  it('never change their entity tag without a word, and are never stale', { timeout: 180_000 }, async () => {
    await start();
    await powerOn(bench);
    await bench.redfish.changes.start();
    const told = listen();
    let compared = 0;
    let before = await look();
    for (const cause of causes) {
      await cause.prepare?.(bench);
      await change(cause);
      const after = await look();
      const wrong: string[] = [];
      for (const [uri, etag] of after) {
        const is = before.get(uri);
        if (is === etag) continue;
        const what = is === undefined ? 'ResourceCreated' : 'ResourceChanged';
        if (!told.includes(`${what} ${uri}`)) wrong.push(`${what} ${uri}`);
        compared++;
      }
      for (const uri of before.keys()) {
        if (!after.has(uri) && !told.includes(`ResourceRemoved ${uri}`)) wrong.push(`ResourceRemoved ${uri}`);
      }
      expect(
        wrong.filter((line) => !isLogEntry.test(line)),
        cause.name,
      ).toEqual([]);
      expect(await staleBodies(after.keys()), cause.name).toEqual([]);
      told.length = 0;
      before = after;
    }
    expect(compared).toBeGreaterThan(causes.length);
  });

  it('rest on parts that tell of their changes, but for these', async () => {
    await start();
    // Time and chance; what nobody reads; what a part of its own tells of.
    expect([...unknownParts(bench.bmc, bench.redfish.state)].sort()).toEqual(
      [
        ...[
          'clock',
          'log',
          'random',
          'store',
          'streams',
          'faults',
          'selfTest',
          'eventReceiver',
          'configuration',
        ],
        ...['frontPanel', 'fru', 'hostInfo', 'powerLimit', 'powerOnTime', 'fetcher', 'updates', 'tickets'],
      ].sort(),
    );
  });

  it('of the system and others that are asked for all the time are kept', async () => {
    await start();
    for (const uri of [system, chassis, `${root}/AccountService`, `${root}/SessionService/Sessions`]) {
      const first = await bench.ask('GET', uri);
      expect((await bench.ask('GET', uri)).headers.etag).toBe(first.headers.etag);
    }
    const { bmc } = bench;
    let reads = 0;
    const { power } = bmc;
    Object.defineProperty(bmc, 'power', {
      get: () => {
        reads++;
        return power;
      },
    });
    await bench.ask('GET', system);
    expect(reads).toBe(0);
    bmc.asset.setTag('read anew', by);
    expect((await bench.ask('GET', system)).body.AssetTag).toBe('read anew');
    expect(reads).toBeGreaterThan(0);
  });
});

const isLogEntry = /\/Entries\/\d+$/;

/** The entity tags of all resources, but of entries of logs, which never change. */
async function look(): Promise<ReadonlyMap<string, string>> {
  const { bodies } = await crawl(bench);
  return new Map(
    [...bodies]
      .filter(([uri]) => !isLogEntry.test(uri))
      .map(([uri, body]) => [uri.replace(/\/$/, ''), String(body['@odata.etag'])]),
  );
}

/** Those that are answered otherwise than they are read with nothing kept. */
async function staleBodies(uris: Iterable<string>): Promise<string[]> {
  const { bmc, redfish } = bench;
  const parts = new Parts(bmc, redfish.state);
  const bodies = new Bodies(parts);
  const routes = new Routes(redfishResources);
  const stale: string[] = [];
  for (const uri of uris) {
    const match = routes.find(uri, 'GET');
    if (!match || match.definition.pageSize !== undefined) continue;
    const context = { bmc, state: redfish.state, actor: by, user: undefined } as unknown as Context;
    const body = await bodies.read(match, context);
    if (body && !body.isFresh && (await bench.ask('GET', uri)).text !== Buffer.from(body.bytes).toString())
      stale.push(uri);
  }
  parts.stop();
  return stale;
}

describe('a stream of events', () => {
  it('begins when everything that happens is told, and tells it', async () => {
    await start();
    const reply = await bench.service.handle({
      method: 'GET',
      url: `${root}/EventService/SSE`,
      headers: { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
      body: new Uint8Array(),
      from: '192.0.2.9:1',
      address: '192.0.2.9',
      gone: new AbortController().signal,
    });
    let text = '';
    void (async () => {
      for await (const part of reply.body as AsyncIterable<string>) text += part;
    })();
    await until('it is open', () => text.includes(': connected'), 5000);
    bench.bmc.identify.on(by);
    await bench.clock.advanceAsync(promisedMs);
    await until('it tells', () => text.includes('ResourceChanged'), 5000);
    expect(text).toContain(`"OriginOfCondition":{"@odata.id":"${system}"}`);
  });
});
