/** Event commands: where events go, and events from outside. IPMI 2.0 §29.1 to §29.3. */
import type { SystemEvent } from '../../bmc/sel.ts';
import { ByteReader } from '../../lib/bytes.ts';
import { bits8, empty, rest, struct, u8 } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { readEventFields } from '../records/sel.ts';
import { Channel, command } from './command.ts';

/** This BMC's address on the IPMB, and its LUN: it is the event receiver itself. */
const bmcAddress = 0x20;
const bmcLun = 0;
/** In place of an address: the BMC's sensors send no events. */
const eventsOff = 0xff;

/**
 * The receiver of this BMC's events is always the BMC: sending them elsewhere is refused, switching them off is not.
 */
export const setEventReceiver = command({
  name: 'Set Event Receiver',
  netFn: NetFn.sensorEvent,
  cmd: 0x00,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §29.1',
  request: struct({ address: u8, lun: bits8(['_reserved', 6], ['lun', 2]) }),
  response: empty,
  handle({ address, lun: { lun } }, { bmc: { eventReceiver }, actor }) {
    if (address !== eventsOff && (address !== bmcAddress || lun !== bmcLun)) {
      throw new CompletionError(CompletionCode.invalidField, `no event receiver at ${address}, LUN ${lun}`);
    }
    eventReceiver.setOwnEvents(address !== eventsOff, actor);
    return {};
  },
});

export const getEventReceiver = command({
  name: 'Get Event Receiver',
  netFn: NetFn.sensorEvent,
  cmd: 0x01,
  privilege: 'user',
  spec: 'IPMI 2.0 §29.2',
  request: empty,
  response: struct({ address: u8, lun: bits8(['_reserved', 6], ['lun', 2]) }),
  handle: (_request, { bmc: { eventReceiver } }) => ({
    address: eventReceiver.ownEvents ? bmcAddress : eventsOff,
    lun: { lun: bmcLun },
  }),
});

/** What remote consoles call themselves: software ID 40h, as it stands in the address byte. Table 5-4. */
const remoteConsoleId = 0x81;
const eventBytes = 7;

/**
 * An event of somebody else's. Over the system interface its generator comes first, one byte, since messages there
 * have no address of a requester (Table 29-5). Over LAN bmc-device may put it there too, which shows by the length.
 */
export const platformEvent = command({
  name: 'Platform Event',
  netFn: NetFn.sensorEvent,
  cmd: 0x02,
  privilege: 'operator',
  spec: 'IPMI 2.0 §29.3',
  request: struct({ body: rest }),
  response: empty,
  handle({ body }, { bmc, channel }) {
    bmc.eventReceiver.receive(decodePlatformEvent(body, channel));
    return {};
  },
});

/** @throws {DecodeError} */
function decodePlatformEvent(body: Uint8Array, channel: number): SystemEvent {
  const reader = new ByteReader(body, 'Platform Event');
  const fromHost = channel === Channel.systemInterface;
  const generatorChannel = fromHost ? 0 : channel;
  const address = fromHost || body.length > eventBytes ? reader.u8() : remoteConsoleId;
  const event: SystemEvent = {
    kind: 'system',
    generatorId: address | (generatorChannel << 12),
    ...readEventFields(reader),
  };
  reader.end();
  return event;
}

export const eventCommands = [setEventReceiver, getEventReceiver, platformEvent];
