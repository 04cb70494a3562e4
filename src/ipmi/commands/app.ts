/** Commands about the management controller itself. IPMI 2.0 §20, Table 20-1; §22.14. */
import type { Identity } from '../../bmc/identity.ts';
import {
  bits8,
  bytes,
  constant,
  empty,
  type Infer,
  named,
  struct,
  u8,
  u16le,
  u24le,
  u32le,
} from '../../lib/codec.ts';
import { DevicePowerState, SystemPowerState } from '../acpi-state.ts';
import { manufacturerId, productId } from '../manufacturer.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { encodeGuid } from '../message/guid.ts';
import { NetFn } from '../message/net-fn.ts';
import { command } from './command.ts';

const deviceId = 0x20;
const deviceRevision = 1;

export const DeviceSupport = bits8(
  ['chassis', 1],
  ['bridge', 1],
  ['ipmbEventGenerator', 1],
  ['ipmbEventReceiver', 1],
  ['fruInventory', 1],
  ['sel', 1],
  ['sdrRepository', 1],
  ['sensor', 1],
);

export const DeviceId = struct({
  deviceId: u8,
  device: bits8(['providesSdrs', 1], ['_reserved', 3], ['revision', 4]),
  firmware: bits8(['updating', 1], ['major', 7]),
  firmwareMinorBcd: u8,
  /** BCD with the digits swapped: 02h is 2.0. */
  ipmiVersion: u8,
  supports: DeviceSupport,
  manufacturerId: u24le,
  productId: u16le,
  auxiliaryRevision: u32le,
});
export type DeviceId = Infer<typeof DeviceId>;

const supportsNothing: DeviceId['supports'] = {
  chassis: false,
  bridge: false,
  ipmbEventGenerator: false,
  ipmbEventReceiver: false,
  fruInventory: false,
  sel: false,
  sdrRepository: false,
  sensor: false,
};

/** @param supports what the controller is, beside one that answers */
export function deviceIdOf(
  { firmwareVersion }: Identity,
  id: number,
  supports: Partial<DeviceId['supports']>,
): DeviceId {
  const [major = 0, minor = 0, patch = 0] = versionNumbers(firmwareVersion);
  return {
    deviceId: id,
    device: { providesSdrs: false, revision: deviceRevision },
    firmware: { updating: false, major: Math.min(major, 0x7f) },
    firmwareMinorBcd: bcd(Math.min(minor, 99)),
    ipmiVersion: 0x02,
    supports: { ...supportsNothing, ...supports },
    manufacturerId,
    productId,
    auxiliaryRevision: patch,
  };
}

/** What this BMC is; its locator record says the same. */
export const bmcSupports: DeviceId['supports'] = {
  ...supportsNothing,
  chassis: true,
  ipmbEventReceiver: true,
  fruInventory: true,
  sel: true,
  sdrRepository: true,
  sensor: true,
};

export const getDeviceId = command({
  name: 'Get Device ID',
  netFn: NetFn.app,
  cmd: 0x01,
  privilege: 'user',
  spec: 'IPMI 2.0 §20.1',
  request: empty,
  response: constant(DeviceId),
  handle: (_, { bmc }) => ownDeviceId(bmc.identity),
});

/** What clients ask for most: made once of an identity, which never changes. */
const ownDeviceIds = new WeakMap<Identity, DeviceId>();

function ownDeviceId(identity: Identity): DeviceId {
  const known = ownDeviceIds.get(identity);
  if (known) return known;
  const made = deviceIdOf(identity, deviceId, bmcSupports);
  ownDeviceIds.set(identity, made);
  return made;
}

/**
 * Cold Reset and Warm Reset start the BMC anew, its faces included; the guest goes on. The answer leaves before that,
 * and every session ends.
 */
export const coldReset = command({
  name: 'Cold Reset',
  netFn: NetFn.app,
  cmd: 0x02,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §20.2',
  request: empty,
  response: empty,
  handle(_, { bmc, actor }) {
    bmc.requestReset({ kind: 'cold', actor });
    return {};
  },
});

export const warmReset = command({
  name: 'Warm Reset',
  netFn: NetFn.app,
  cmd: 0x03,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §20.3',
  request: empty,
  response: empty,
  handle(_, { bmc, actor }) {
    bmc.requestReset({ kind: 'warm', actor });
    return {};
  },
});

const SelfTestCode = { passed: 0x55, deviceFault: 0x57 } as const;

/** Table 20-4. A store that takes nothing is what keeps SEL, SDR repository and FRU from being written. */
export const getSelfTestResults = command({
  name: 'Get Self Test Results',
  netFn: NetFn.app,
  cmd: 0x04,
  privilege: 'user',
  spec: 'IPMI 2.0 §20.4',
  request: empty,
  response: struct({
    result: named(SelfTestCode),
    fault: bits8(
      ['sel', 1],
      ['sdrRepository', 1],
      ['fru', 1],
      ['ipmb', 1],
      ['sdrEmpty', 1],
      ['internalUse', 1],
      ['bootBlock', 1],
      ['firmware', 1],
    ),
  }),
  handle(_, { bmc }) {
    const { storeWorks } = bmc.selfTest.run();
    return {
      result: storeWorks ? 'passed' : 'deviceFault',
      fault: {
        sel: !storeWorks,
        sdrRepository: !storeWorks,
        fru: !storeWorks,
        ipmb: false,
        sdrEmpty: false,
        internalUse: false,
        bootBlock: false,
        firmware: false,
      },
    };
  },
});

/** Means "as it is" in Set ACPI Power State. */
const noChange = 0x7f;

function told<N extends Readonly<Record<string, number>>>(
  names: N,
  { set, code }: { readonly set: boolean; readonly code: number },
): (keyof N & string) | undefined {
  if (!set || code === noChange) return undefined;
  const found = Object.entries(names).find(([, number]) => number === code);
  if (!found) throw new CompletionError(CompletionCode.invalidField, `no ACPI power state ${code}`);
  return found[0];
}

export const setAcpiPowerState = command({
  name: 'Set ACPI Power State',
  netFn: NetFn.app,
  cmd: 0x06,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §20.6',
  request: struct({ system: bits8(['set', 1], ['code', 7]), device: bits8(['set', 1], ['code', 7]) }),
  response: empty,
  handle({ system, device }, { state }) {
    state.acpi.tell({ system: told(SystemPowerState, system), device: told(DevicePowerState, device) });
    return {};
  },
});

export const getAcpiPowerState = command({
  name: 'Get ACPI Power State',
  netFn: NetFn.app,
  cmd: 0x07,
  privilege: 'user',
  spec: 'IPMI 2.0 §20.7',
  request: empty,
  response: struct({
    system: bits8(['_reserved', 1], ['code', 7, SystemPowerState]),
    device: bits8(['_reserved', 1], ['code', 7, DevicePowerState]),
  }),
  handle: (_, { state: { acpi } }) => ({ system: { code: acpi.system }, device: { code: acpi.device } }),
});

/** The controller and the system have one identity: the machine's SMBIOS UUID. */
export const getDeviceGuid = command({
  name: 'Get Device GUID',
  netFn: NetFn.app,
  cmd: 0x08,
  privilege: 'user',
  spec: 'IPMI 2.0 §20.8',
  request: empty,
  response: struct({ guid: bytes(16) }),
  handle: (_request, { bmc }) => ({ guid: encodeGuid(bmc.identity.uuid) }),
});

export const getSystemGuid = command({
  name: 'Get System GUID',
  netFn: NetFn.app,
  cmd: 0x37,
  privilege: 'none',
  spec: 'IPMI 2.0 §22.14',
  request: empty,
  response: struct({ guid: bytes(16) }),
  handle: (_request, { bmc }) => ({ guid: encodeGuid(bmc.identity.uuid) }),
});

export const appCommands = [
  getDeviceId,
  coldReset,
  warmReset,
  getSelfTestResults,
  setAcpiPowerState,
  getAcpiPowerState,
  getDeviceGuid,
  getSystemGuid,
];

function versionNumbers(version: string): number[] {
  return (version.match(/\d+/g) ?? []).map(Number);
}

function bcd(value: number): number {
  return (Math.floor(value / 10) << 4) | (value % 10);
}
