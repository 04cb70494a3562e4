/** The BMC itself as a manager. DSP0268, Manager. */
import { Type } from 'typebox';
import type { Bmc, ResetToDefaults } from '../../bmc/bmc.ts';
import { hostAccessPolicies } from '../../bmc/host-access.ts';
import { action, always, collection, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { hardwareHealth } from '../health.ts';
import { bmcSoftwareUri } from '../inventory-ids.ts';
import type { JsonObject } from '../json.ts';
import { about, message } from '../messages.ts';
import { each, property } from '../patch.ts';
import {
  chassisUri,
  eventFilteringUri,
  findManager,
  link,
  managerUri,
  onlyId,
  systemUri,
  virtualMediaUri,
} from '../paths.ts';
import { maxIdentificationLength } from '../settings.ts';
import { oemObject, reference, writable } from './oem-object.ts';

const managers = collection({
  path: '/redfish/v1/Managers',
  type: '#ManagerCollection.ManagerCollection',
  name: 'Managers',
  privileges: { get: ['Login'] },
  find: always,
  members: () => [managerUri],
});

/** `ForceRestart` also forgets what is volatile in the BMC. */
const resetKinds = { GracefulRestart: 'warm', ForceRestart: 'cold' } as const;

const defaultsKinds = {
  ResetAll: 'all',
  PreserveNetwork: 'preserve-network',
  PreserveNetworkAndUsers: 'preserve-network-and-users',
} as const satisfies Record<string, ResetToDefaults>;

/** The schema's form of an offset reaches to 19:59; IPMI knows more, and no place on earth needs it. */
const mostOffsetMinutes = 20 * 60 - 1;

/** Of the manager: what Redfish has no words for. */
export const managerObject = oemObject(
  'QemuBmcManager',
  'Settings of the BMC that Manager does not tell of.',
  {
    Profile: Type.Optional(
      Type.Enum(['lab', 'strict'], {
        title: 'Profile',
        description: 'How strict the BMC is, by its configuration.',
      }),
    ),
    SystemInterfacePolicy: Type.Enum([...hostAccessPolicies], {
      title: 'SystemInterfacePolicy',
      description: 'What software in the host may do by the system interface, which has no login.',
      ...writable,
    }),
    NetworkWritable: Type.Boolean({
      description:
        'An indication of whether clients can change the management network: whether the configuration names its interface in BMC_MANAGED_INTERFACE.',
    }),
    EventFiltering: reference('QemuBmcEventFiltering', 'What the BMC does about events by itself.'),
  },
);

const manager = resource({
  path: '/redfish/v1/Managers/:managerId',
  type: '#Manager.v1_24_0.Manager',
  privileges: { get: ['Login'], patch: ['ConfigureManager'], post: ['ConfigureManager'] },
  find: findManager,
  volatile: ['DateTime'],
  read: (_, { bmc, state }) => {
    const offset = offsetMinutes(bmc);
    const started = bmc.events.list().findLast(({ kind }) => kind === 'bmc-started');
    const { vncPort } = state.endpoints;
    return {
      Id: onlyId,
      Name: 'Manager',
      ManagerType: 'BMC',
      Manufacturer: bmc.identity.manufacturer,
      Model: 'qemu-bmc',
      UUID: bmc.identity.uuid,
      ServiceEntryPointUUID: bmc.identity.uuid,
      ServiceIdentification: state.settings.identification,
      FirmwareVersion: bmc.identity.firmwareVersion,
      PowerState: 'On',
      // The clock of the SEL, which IPMI sets and shows; the host's own clock is the host's business.
      DateTime: dateTime(bmc.sel.time * 1000, offset),
      DateTimeLocalOffset: offsetText(offset),
      ...(started && { LastResetTime: dateTime(started.time) }),
      Status: { State: 'Enabled', Health: hardwareHealth(bmc) },
      GraphicalConsole: {
        ServiceEnabled: true,
        ConnectTypesSupported: vncPort === undefined ? ['Oem'] : ['KVMIP', 'Oem'],
      },
      SerialConsole: {
        // By WebSocket always, by IPMI where that is switched on.
        ServiceEnabled: true,
        ConnectTypesSupported:
          bmc.sol.configuration.enabled && bmc.lan.access.mode === 'always' ? ['IPMI', 'Oem'] : ['Oem'],
      },
      CommandShell: { ServiceEnabled: false, ConnectTypesSupported: [] },
      EthernetInterfaces: link(`${managerUri}/EthernetInterfaces`),
      NetworkProtocol: link(`${managerUri}/NetworkProtocol`),
      SerialInterfaces: link(`${managerUri}/SerialInterfaces`),
      HostInterfaces: link(`${managerUri}/HostInterfaces`),
      LogServices: link(`${managerUri}/LogServices`),
      // Where older clients look for it.
      VirtualMedia: bmc.media && link(virtualMediaUri),
      Oem: managerObject.oem({
        ...(state.deployment && { Profile: state.deployment.profile }),
        SystemInterfacePolicy: bmc.hostAccess.policy,
        NetworkWritable: bmc.lan.network.changeable.v4,
        EventFiltering: link(eventFilteringUri),
      }),
      Links: {
        ManagerForServers: [link(systemUri)],
        'ManagerForServers@odata.count': 1,
        ManagerForChassis: [link(chassisUri)],
        'ManagerForChassis@odata.count': 1,
        ManagerInChassis: link(chassisUri),
        ActiveSoftwareImage: link(bmcSoftwareUri),
        SoftwareImages: [link(bmcSoftwareUri)],
        'SoftwareImages@odata.count': 1,
      },
    };
  },
  patch: each({
    DateTime: property(Type.String(), (text, _, { bmc, actor }) => bmc.sel.setTime(secondsOf(text), actor)),
    DateTimeLocalOffset: property(
      Type.String({ pattern: '^([-+][0-1][0-9]:[0-5][0-9])$' }),
      (text, _, { bmc, actor }) => bmc.sel.setUtcOffset(minutesOf(text), actor),
    ),
    Oem: property(
      Type.Object({
        QemuBmc: Type.Optional(
          Type.Object({ SystemInterfacePolicy: Type.Optional(Type.Enum([...hostAccessPolicies])) }),
        ),
      }),
      ({ QemuBmc: { SystemInterfacePolicy: policy } = {} }, _, { bmc, actor }) => {
        if (policy !== undefined) bmc.hostAccess.set(policy, actor);
      },
    ),
    ServiceIdentification: property(
      Type.String({ maxLength: maxIdentificationLength }),
      (text, _, { state, actor }) => state.settings.setIdentification(text, actor),
    ),
  }),
  actions: [
    action({
      name: '#Manager.Reset',
      parameters: Type.Object({
        ResetType: Type.Optional(Type.Enum(Object.keys(resetKinds) as (keyof typeof resetKinds)[])),
      }),
      run({ ResetType: type = 'GracefulRestart' }, _, { bmc, actor }) {
        bmc.requestReset({ kind: resetKinds[type], actor });
        return undefined;
      },
    }),
    action({
      name: '#Manager.ResetToDefaults',
      parameters: Type.Object({
        ResetType: Type.Enum(Object.keys(defaultsKinds) as (keyof typeof defaultsKinds)[]),
      }),
      run({ ResetType: type }, _, { bmc, actor }) {
        bmc.resetToDefaults(defaultsKinds[type], actor);
        return undefined;
      },
    }),
    action({
      name: '#QemuBmcManager.ExportConfiguration',
      oem: true,
      parameters: Type.Object({}),
      run: (_, __, { bmc }) => ({ status: 200, body: bmc.configuration.export() as unknown as JsonObject }),
    }),
  ],
});

/** To the second. @param offset minutes that local time is ahead of UTC */
export function dateTime(time: number, offset = 0): string {
  return new Date(time + offset * 60_000).toISOString().replace(/\.\d{3}Z$/, offsetText(offset));
}

/** Minutes that the BMC's local time is ahead of UTC. */
function offsetMinutes({ sel }: Bmc): number {
  const { utcOffsetMinutes: offset } = sel;
  return offset === undefined || Math.abs(offset) > mostOffsetMinutes ? 0 : offset;
}

function offsetText(offset: number): string {
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `${offset < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
}

function minutesOf(text: string): number {
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4));
  return text.startsWith('-') ? -minutes : minutes;
}

/** @returns milliseconds since 1970 @throws {RedfishError} for what is no time of RFC 3339, about the property */
export function timeOf(text: string, property: string): number {
  const hasForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$/.test(text);
  const time = Date.parse(text);
  if (!hasForm || Number.isNaN(time)) {
    throw new RedfishError(about(`#/${property}`, message('PropertyValueFormatError', text, property)));
  }
  return time;
}

/** Seconds since 1970, as many as IPMI's timestamps hold. @throws {RedfishError} for what is no such time */
function secondsOf(text: string): number {
  const seconds = Math.floor(timeOf(text, 'DateTime') / 1000);
  if (seconds < 0 || seconds > 0xffff_ffff) {
    throw new RedfishError(about('#/DateTime', message('PropertyValueOutOfRange', text, 'DateTime')));
  }
  return seconds;
}

export const managerResources: readonly Resource[] = [managers, manager];
