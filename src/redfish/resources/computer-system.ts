/** The machine as a computer system. DSP0268, ComputerSystem. */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import type { BootStage } from '../../bmc/boot-progress.ts';
import { type RestorePolicy, restorePolicies as restorePolicyNames } from '../../bmc/power-record.ts';
import { maxSockets } from '../../http/sockets/offer.ts';
import type { Context } from '../context.ts';
import { action, always, collection, type Resource, resource } from '../definition.ts';
import { systemHealth } from '../health.ts';
import type { JsonObject } from '../json.ts';
import { each, property } from '../patch.ts';
import { chassisUri, findSystem, link, managerUri, onlyId, systemUri, virtualMediaUri } from '../paths.ts';
import { bootOf, writeBoot } from './boot.ts';
import { hostWatchdogOf, writeHostWatchdog } from './host-watchdog.ts';
import { indicatorOf, writeIndicator } from './indicator.ts';
import { dateTime } from './manager.ts';
import { networkInterfacesUri } from './network-interface.ts';
import { consoleActions, consolesOem } from './oem-console.ts';
import { pciDeviceUris } from './pcie-device.ts';
import { resetSystem, systemResetTypes } from './reset.ts';
import { trustedComponentUris, trustedModulesOf } from './trusted-component.ts';

const systems = collection({
  path: '/redfish/v1/Systems',
  type: '#ComputerSystemCollection.ComputerSystemCollection',
  name: 'Computer systems',
  privileges: { get: ['Login'] },
  find: always,
  members: () => [systemUri],
});

const powerStates = { off: 'Off', 'turning-on': 'PoweringOn', on: 'On', paused: 'Paused' } as const;

const restorePolicies = {
  'always-on': 'AlwaysOn',
  'always-off': 'AlwaysOff',
  previous: 'LastState',
} as const satisfies Record<RestorePolicy, string>;

const bootStates = {
  none: 'None',
  firmware: 'PrimaryProcessorInitializationStarted',
  setup: 'SetupEntered',
  'os-boot': 'OSBootStarted',
  'os-running': 'OSRunning',
} as const satisfies Record<Exclude<BootStage, 'os-stopped'>, string>;

/**
 * Undefined for a machine that was found running: nobody has seen how far it is. DSP0268 has no value for an operating
 * system that has crashed: `OSRunning` says that it runs, and `None` is what is shown of a machine that is off. `OEM`
 * leaves the words to the service.
 */
function bootProgressOf({ bootProgress: { state } }: Bmc): JsonObject | undefined {
  if (!state) return undefined;
  const LastStateTime = dateTime(state.since);
  if (state.stage === 'os-stopped')
    return { LastState: 'OEM', OemLastState: 'OSCriticalStop', LastStateTime };
  return { LastState: bootStates[state.stage], LastStateTime };
}

function summariesOf({ inventory, machineSettings }: Bmc): JsonObject {
  const { cpus, memoryMb, threadsPerCore } = machineSettings.current;
  const Status = { State: 'Enabled', Health: 'OK', HealthRollup: 'OK' };
  return {
    ProcessorSummary: {
      Count: inventory.processors.length,
      CoreCount: cpus / threadsPerCore,
      LogicalProcessorCount: cpus,
      Model: inventory.processors[0]?.model,
      ThreadingEnabled: threadsPerCore > 1,
      Status,
    },
    MemorySummary: { TotalSystemMemoryGiB: memoryMb / 1024, Status },
  };
}

/**
 * The serial line by IPMI and by WebSocket, the screen by WebSocket, and by VNC where a port is configured for it. What
 * opens a WebSocket is an action, since it needs a ticket: `ConsoleURI` would promise less than that.
 */
function consolesOf({ bmc, state: { endpoints } }: Context): JsonObject {
  const { ipmiPort, vncPort } = endpoints;
  return {
    SerialConsole: {
      MaxConcurrentSessions: maxSockets,
      IPMI: {
        ServiceEnabled: bmc.sol.configuration.enabled,
        Port: ipmiPort,
        ConsoleEntryCommand: 'ipmitool -I lanplus -H <address> -U <user> sol activate',
      },
      SSH: { ServiceEnabled: false },
      Telnet: { ServiceEnabled: false },
      WebSocket: { ServiceEnabled: true, Interactive: true },
    },
    GraphicalConsole: {
      ServiceEnabled: true,
      ConnectTypesSupported: vncPort === undefined ? ['OEM'] : ['KVMIP', 'OEM'],
      Port: vncPort,
    },
  };
}

const system = resource({
  path: '/redfish/v1/Systems/:systemId',
  type: '#ComputerSystem.v1_27_0.ComputerSystem',
  privileges: { get: ['Login'], patch: ['ConfigureComponents'], post: ['ConfigureComponents'] },
  find: findSystem,
  volatile: ['BootProgress', 'Oem'],
  read: (_, context) => {
    const { bmc } = context;
    const { lastRestartAt, restorePolicy } = bmc.power;
    const pciUris = pciDeviceUris(bmc);
    const health = systemHealth(bmc);
    return {
      Id: onlyId,
      Name: bmc.identity.product,
      SystemType: 'Virtual',
      Manufacturer: bmc.identity.manufacturer,
      Model: bmc.identity.product,
      SerialNumber: bmc.identity.serialNumber,
      UUID: bmc.identity.uuid,
      AssetTag: bmc.asset.tag,
      PowerState: powerStates[bmc.power.state],
      ...indicatorOf(bmc),
      Status: {
        State: bmc.power.isOn ? 'Enabled' : 'Disabled',
        Health: health,
        HealthRollup: health,
      },
      PowerRestorePolicy: restorePolicies[restorePolicy],
      BiosVersion: bmc.firmware.versionOf(bmc.machineSettings.current),
      Boot: bootOf(bmc),
      BootProgress: bootProgressOf(bmc),
      ...(lastRestartAt !== undefined && { LastResetTime: dateTime(lastRestartAt) }),
      ...summariesOf(bmc),
      HostWatchdogTimer: hostWatchdogOf(bmc),
      ...consolesOf(context),
      // Switched by the manager, whose privileges that takes: `SystemInterfacePolicy`.
      IPMIHostInterface: { ServiceEnabled: bmc.hostAccess.policy !== 'off' },
      Bios: link(`${systemUri}/Bios`),
      SecureBoot: bmc.secureBoot && link(`${systemUri}/SecureBoot`),
      Processors: link(`${systemUri}/Processors`),
      Memory: link(`${systemUri}/Memory`),
      Storage: link(`${systemUri}/Storage`),
      SimpleStorage: link(`${systemUri}/SimpleStorage`),
      EthernetInterfaces: link(`${systemUri}/EthernetInterfaces`),
      NetworkInterfaces: link(networkInterfacesUri),
      PCIeDevices: pciUris.map(link),
      'PCIeDevices@odata.count': pciUris.length,
      LogServices: link(`${systemUri}/LogServices`),
      VirtualMedia: bmc.media && link(virtualMediaUri),
      TrustedModules: trustedModulesOf(bmc),
      Links: {
        ManagedBy: [link(managerUri)],
        Chassis: [link(chassisUri)],
        TrustedComponents: trustedComponentUris(bmc).map(link),
      },
      Oem: consolesOem(bmc),
    };
  },
  patch: each({
    AssetTag: property(Type.String({ maxLength: 63 }), (tag, _, { bmc, actor }) =>
      bmc.asset.setTag(tag, actor),
    ),
    PowerRestorePolicy: property(Type.Enum(Object.values(restorePolicies)), (policy, _, { bmc, actor }) => {
      const found = restorePolicyNames.find((each) => restorePolicies[each] === policy);
      if (found) bmc.power.setRestorePolicy(found, actor);
    }),
    ...writeBoot,
    ...writeHostWatchdog,
    ...writeIndicator,
  }),
  actions: [
    action({
      name: '#ComputerSystem.Reset',
      parameters: Type.Object({ ResetType: Type.Optional(Type.Enum([...systemResetTypes])) }),
      run: ({ ResetType: type = 'On' }, _, context) => resetSystem(type, context),
    }),
    ...consoleActions,
  ],
});

export const computerSystemResources: readonly Resource[] = [systems, system];
