/** The host's serial console as Serial-over-LAN carries it. DSP0268, SerialInterface. */
import { Type } from 'typebox';
import type { BitRate } from '../../bmc/sol-settings.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { each, property } from '../patch.ts';
import { findManager, managerUri, onlyId } from '../paths.ts';

const serialUri = `${managerUri}/SerialInterfaces`;

const serialInterfaces = collection({
  path: '/redfish/v1/Managers/:managerId/SerialInterfaces',
  type: '#SerialInterfaceCollection.SerialInterfaceCollection',
  name: 'Serial interfaces',
  privileges: { get: ['Login'] },
  find: findManager,
  members: () => [`${serialUri}/${onlyId}`],
});

/** Redfish has no word for IPMI's `serial`, whatever the port is set to. */
const bitRateOf = {
  '9600': '9.6',
  '19200': '19.2',
  '38400': '38.4',
  '57600': '57.6',
  '115200': '115.2',
} as const satisfies Record<string, BitRate>;
const rates = Object.keys(bitRateOf) as (keyof typeof bitRateOf)[];

const serialInterface = resource({
  path: '/redfish/v1/Managers/:managerId/SerialInterfaces/:serialId',
  type: '#SerialInterface.v1_3_0.SerialInterface',
  privileges: { get: ['Login'], patch: ['ConfigureManager'] },
  find: ({ managerId, serialId }) => (serialId === onlyId && findManager({ managerId })) || undefined,
  read: (_, { bmc }) => {
    const rate = rates.find((each) => bitRateOf[each] === bmc.sol.volatileBitRate);
    return {
      Id: onlyId,
      Name: 'Serial-over-LAN',
      Description: 'The first serial port of the host, carried by IPMI.',
      InterfaceEnabled: bmc.sol.configuration.enabled,
      SignalType: 'Rs232',
      ...(rate !== undefined && { BitRate: rate }),
      DataBits: '8',
      Parity: 'None',
      StopBits: '1',
      FlowControl: 'None',
    };
  },
  patch: each({
    InterfaceEnabled: property(Type.Boolean(), (enabled, _, { bmc, actor }) =>
      bmc.sol.update({ enabled }, actor),
    ),
    BitRate: property(Type.Enum(rates), (rate, _, { bmc, actor }) => {
      bmc.sol.update({ bitRate: bitRateOf[rate] }, actor);
      bmc.sol.setVolatileBitRate(bitRateOf[rate], actor);
    }),
  }),
});

export const serialInterfaceResources: readonly Resource[] = [serialInterfaces, serialInterface];
