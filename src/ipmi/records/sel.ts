/** SEL records in their binary form: 16 bytes. IPMI 2.0 §32, Tables 32-1 to 32-3. */
import type { OemEvent, SelContent, SelEntry, SystemEvent, UntimedOemEvent } from '../../bmc/sel.ts';
import type { ByteReader, ByteWriter } from '../../lib/bytes.ts';
import { bits8, type Codec, struct, u8, u16le } from '../../lib/codec.ts';

export const selRecordBytes = 16;

/** Generator ID of the BMC itself: slave address 20h, LUN 0. */
export const bmcGeneratorId = 0x0020;

/** In place of the ID of an event that is not in the SEL. */
export const unloggedId = 0xffff;

export const SelRecordType = { system: 0x02, firstOem: 0xc0, firstUntimedOem: 0xe0 } as const;

/** The part of an event that a Platform Event message and a SEL record share. §29.3 */
const EventFields = struct({
  messageRevision: u8,
  sensorType: u8,
  sensorNumber: u8,
  how: bits8(['deasserted', 1], ['eventType', 7]),
  data1: u8,
  data2: u8,
  data3: u8,
});

/** Generator ID, then the event: bytes 8 to 16 of a record, and a Platform Event from the system interface. */
export const EventBody: Codec<SystemEvent> = {
  read(reader) {
    const generatorId = u16le.read(reader);
    return { kind: 'system', generatorId, ...readEventFields(reader) };
  },
  write(writer, event) {
    u16le.write(writer, event.generatorId);
    writeEventFields(writer, event);
  },
};

export function readEventFields(reader: ByteReader): Omit<SystemEvent, 'kind' | 'generatorId'> {
  const { how, data1, data2, data3, ...rest } = EventFields.read(reader);
  return { ...rest, asserted: !how.deasserted, eventType: how.eventType, data: [data1, data2, data3] };
}

export function writeEventFields(writer: ByteWriter, event: Omit<SystemEvent, 'kind' | 'generatorId'>): void {
  const { messageRevision, sensorType, sensorNumber, asserted, eventType, data } = event;
  const [data1, data2, data3] = data;
  const how = { deasserted: !asserted, eventType };
  EventFields.write(writer, { messageRevision, sensorType, sensorNumber, how, data1, data2, data3 });
}

const oemBytes = 9;
const untimedOemBytes = 13;

/** A record as clients read and write it. On writing to the BMC, ID and time are placeholders. */
export const SelRecord: Codec<SelEntry> = {
  /** @throws {DecodeError} for a record type that is none of the three */
  read(reader) {
    const id = u16le.read(reader);
    const type = u8.read(reader);
    if (type >= SelRecordType.firstUntimedOem) {
      const data = [...reader.bytes(untimedOemBytes)];
      return { id, time: 0, content: { kind: 'oem-untimed', type, data } satisfies UntimedOemEvent };
    }
    const time = reader.u32le();
    if (type === SelRecordType.system) return { id, time, content: EventBody.read(reader) };
    if (type >= SelRecordType.firstOem) {
      const data = [...reader.bytes(oemBytes)];
      return { id, time, content: { kind: 'oem', type, data } satisfies OemEvent };
    }
    return reader.fail(`record type ${type} is none of 02h, C0h to FFh`);
  },
  write(writer, { id, time, content }) {
    u16le.write(writer, id);
    writer.u8(recordTypeOf(content));
    if (content.kind !== 'oem-untimed') writer.u32le(time);
    if (content.kind === 'system') EventBody.write(writer, content);
    else writer.bytes(Uint8Array.from(content.data));
  },
};

export function recordTypeOf(content: SelContent): number {
  return content.kind === 'system' ? SelRecordType.system : content.type;
}
