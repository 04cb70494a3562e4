/**
 * Platform event traps: SNMPv1 traps with one variable, in which an event is packed. «IPMI Platform Event Trap Format»
 * 1.0, Tables 2 and 3; IPMI 2.0 §17.16; RFC 1157 for the trap, X.690 for its bytes. Multi-byte numbers go most
 * significant byte first here, unlike everywhere else in IPMI.
 */
import type { EventSeverity } from '../../bmc/event-filter.ts';
import type { SystemEvent } from '../../bmc/sel.ts';
import { ByteWriter, concatBytes } from '../../lib/bytes.ts';
import { SeverityCode } from './pef.ts';

export interface PlatformEventTrap {
  readonly community: string;
  /**
   * IPv4, four bytes; all 0 for none. An SNMPv1 trap has no room for an IPv6 address (RFC 1157 §4.1.6), and the variable
   * that would carry the address instead (RFC 3584 §3.1, snmpTrapAddress) is of the same type: an agent of IPv6 alone
   * is told by its GUID.
   */
  readonly agentAddress: Uint8Array;
  /** Hundredths of a second since the agent started. */
  readonly upTime: number;
  /** 16 bytes, in the order of RFC 4122. */
  readonly guid: Uint8Array;
  /** 1 to FFFFh; repeats of one trap have the same. */
  readonly sequence: number;
  /** Seconds since 1998-01-01, local; 0 for unspecified. */
  readonly localTime: number;
  /** Undefined for unspecified. */
  readonly utcOffsetMinutes: number | undefined;
  readonly event: SystemEvent;
  readonly severity: EventSeverity;
  /** What the sensor is about, IPMI 2.0 Table 43-13; 0 for unspecified. */
  readonly entityId: number;
  readonly entityInstance: number;
  readonly manufacturerId: number;
  readonly systemId: number;
  /** Up to 63 characters; empty for none. */
  readonly text: string;
}

/** Seconds from 1970 to the epoch of traps. */
export const petEpoch = Date.UTC(1998, 0, 1) / 1000;

/** Both of the trap and of the event. */
export const petSourceIpmi = 0x20;

const enterprise = [1, 3, 6, 1, 4, 1, 3183, 1, 1];
const genericTrapEnterprise = 6;
const unspecifiedOffset = 0xffff;
const languageUnspecified = 0xff;
const eventDataBytes = 8;
const eightBitText = 0xc0;
const endOfFields = 0xc1;
export const maxPetText = 0x3f;

export function encodePet(trap: PlatformEventTrap): Uint8Array {
  return sequence(
    integer(0),
    octets(Buffer.from(trap.community, 'latin1')),
    tagged(
      Tag.trap,
      objectId(enterprise),
      tagged(Tag.ipAddress, trap.agentAddress),
      integer(genericTrapEnterprise),
      integer(specificTrap(trap.event)),
      tagged(Tag.timeTicks, unsignedBytes(trap.upTime)),
      sequence(sequence(objectId([...enterprise, 1]), octets(petVariable(trap)))),
    ),
  );
}

/** Sensor type, event type, and offset with the direction. */
export function specificTrap({ sensorType, eventType, asserted, data }: SystemEvent): number {
  return (sensorType << 16) | (eventType << 8) | (asserted ? 0 : 0x80) | (data[0] & 0x0f);
}

function petVariable(trap: PlatformEventTrap): Uint8Array {
  const { event, utcOffsetMinutes, text } = trap;
  const writer = new ByteWriter(128);
  writer.bytes(trap.guid).u16be(trap.sequence).u32be(trap.localTime);
  writer.u16be(utcOffsetMinutes === undefined ? unspecifiedOffset : utcOffsetMinutes & 0xffff);
  writer.u8(petSourceIpmi).u8(petSourceIpmi).u8(SeverityCode[trap.severity]);
  writer.u8(event.generatorId).u8(event.sensorNumber).u8(trap.entityId).u8(trap.entityInstance);
  for (let index = 0; index < eventDataBytes; index++) writer.u8(event.data[index] ?? 0);
  writer.u8(languageUnspecified).u32be(trap.manufacturerId).u16be(trap.systemId);
  if (text !== '') writer.u8(eightBitText | text.length).bytes(Buffer.from(text, 'latin1'));
  return writer.u8(endOfFields).finish();
}

const Tag = {
  integer: 0x02,
  octetString: 0x04,
  objectId: 0x06,
  sequence: 0x30,
  ipAddress: 0x40,
  timeTicks: 0x43,
  trap: 0xa4,
} as const;

function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts);
  const { length } = content;
  if (length > 0xffff) throw new RangeError(`BER: ${length} bytes are too many`);
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.from(header), content);
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(Tag.sequence, ...parts);
}

function octets(content: Uint8Array): Uint8Array {
  return tagged(Tag.octetString, content);
}

function integer(value: number): Uint8Array {
  return tagged(Tag.integer, unsignedBytes(value));
}

/** As few bytes as hold a number ≥ 0 whose top bit is its sign. */
function unsignedBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.unshift(left % 0x100);
    left = Math.floor(left / 0x100);
  } while (left > 0);
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return Uint8Array.from(bytes);
}

function objectId([first = 0, second = 0, ...others]: readonly number[]): Uint8Array {
  return tagged(Tag.objectId, Uint8Array.of(first * 40 + second, ...others.flatMap(base128)));
}

/** Seven bits in each byte, all but the last with the top bit set. */
function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift(0x80 | (left & 0x7f));
  return bytes;
}
