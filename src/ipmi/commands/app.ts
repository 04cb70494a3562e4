/** Commands about the management controller itself. IPMI 2.0 §20, Table 20-1; §22.14. */
import { bits8, bytes, empty, struct, u8, u16le, u24le, u32le } from '../../lib/codec.ts';
import { encodeGuid } from '../message/guid.ts';
import { NetFn } from '../message/net-fn.ts';
import { command } from './command.ts';

/**
 * The project has no enterprise number of its own, and pretending to be a vendor makes clients switch to that
 * vendor's habits. 0FFFFFh is the reserved number that ipmitool 1.8.19 prints as "Unspecified"; of 0, which the
 * specification has for this, it makes "Unknown".
 */
const manufacturerId = 0x0fffff;
const productId = 0x0001;
const deviceId = 0x20;
const deviceRevision = 1;

export const getDeviceId = command({
  name: 'Get Device ID',
  netFn: NetFn.app,
  cmd: 0x01,
  privilege: 'user',
  spec: 'IPMI 2.0 §20.1',
  request: empty,
  response: struct({
    deviceId: u8,
    device: bits8(['providesSdrs', 1], ['_reserved', 3], ['revision', 4]),
    firmware: bits8(['updating', 1], ['major', 7]),
    firmwareMinorBcd: u8,
    /** BCD with the digits swapped: 02h is 2.0. */
    ipmiVersion: u8,
    supports: bits8(
      ['chassis', 1],
      ['bridge', 1],
      ['ipmbEventGenerator', 1],
      ['ipmbEventReceiver', 1],
      ['fruInventory', 1],
      ['sel', 1],
      ['sdrRepository', 1],
      ['sensor', 1],
    ),
    manufacturerId: u24le,
    productId: u16le,
    auxiliaryRevision: u32le,
  }),
  handle(_request, { bmc }) {
    const [major = 0, minor = 0, patch = 0] = versionNumbers(bmc.identity.firmwareVersion);
    return {
      deviceId,
      device: { providesSdrs: false, revision: deviceRevision },
      firmware: { updating: false, major: Math.min(major, 0x7f) },
      firmwareMinorBcd: bcd(Math.min(minor, 99)),
      ipmiVersion: 0x02,
      supports: {
        chassis: true,
        bridge: false,
        ipmbEventGenerator: false,
        ipmbEventReceiver: false,
        fruInventory: false,
        sel: false,
        sdrRepository: false,
        sensor: false,
      },
      manufacturerId,
      productId,
      auxiliaryRevision: patch,
    };
  },
});

/** 55h: all tests passed. Nothing here can fail and still answer. */
export const getSelfTestResults = command({
  name: 'Get Self Test Results',
  netFn: NetFn.app,
  cmd: 0x04,
  privilege: 'user',
  spec: 'IPMI 2.0 §20.4',
  request: empty,
  response: struct({ result: u8, detail: u8 }),
  handle: () => ({ result: 0x55, detail: 0x00 }),
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

export const appCommands = [getDeviceId, getSelfTestResults, getDeviceGuid, getSystemGuid];

function versionNumbers(version: string): number[] {
  return (version.match(/\d+/g) ?? []).map(Number);
}

function bcd(value: number): number {
  return (Math.floor(value / 10) << 4) | (value % 10);
}
