/** Commands about the System Event Log. IPMI 2.0 §31. Auxiliary logs (5Ah, 5Bh) do not exist here. */
import type { Sel, SelEntry } from '../../bmc/sel.ts';
import { DecodeError } from '../../lib/bytes.ts';
import {
  bits8,
  bytes,
  type Codec,
  decode,
  empty,
  encode,
  named,
  rest,
  struct,
  u8,
  u16le,
  u32le,
} from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { SelRecord, selRecordBytes } from '../records/sel.ts';
import { type CommandContext, command } from './command.ts';
import {
  ClearOperation,
  clearMark,
  getTime,
  noTime,
  RecordId,
  recordPart,
  requireClearMark,
  setTime,
} from './repository.ts';

/** 51h: as IPMI 1.5 and 2.0 have it, digits swapped. */
const selVersion = 0x51;

export const getSelInfo = command({
  name: 'Get SEL Info',
  netFn: NetFn.storage,
  cmd: 0x40,
  privilege: 'user',
  spec: 'IPMI 2.0 §31.2',
  request: empty,
  response: struct({
    version: u8,
    entries: u16le,
    freeBytes: u16le,
    lastAdded: u32le,
    lastErased: u32le,
    support: bits8(
      ['overflow', 1],
      ['_reserved', 3],
      ['delete', 1],
      ['partialAdd', 1],
      ['reserve', 1],
      ['allocationInfo', 1],
    ),
  }),
  handle: (_request, { bmc: { sel } }) => ({
    version: selVersion,
    entries: sel.entries.length,
    freeBytes: sel.free * selRecordBytes,
    lastAdded: sel.lastAdded ?? noTime,
    lastErased: sel.lastErased ?? noTime,
    support: { overflow: sel.overflow, delete: true, partialAdd: true, reserve: true, allocationInfo: true },
  }),
});

export const getSelAllocationInfo = command({
  name: 'Get SEL Allocation Info',
  netFn: NetFn.storage,
  cmd: 0x41,
  privilege: 'user',
  spec: 'IPMI 2.0 §31.3',
  request: empty,
  response: struct({
    units: u16le,
    unitBytes: u16le,
    freeUnits: u16le,
    largestFree: u16le,
    largestRecord: u8,
  }),
  handle: (_request, { bmc: { sel } }) => ({
    units: sel.capacity,
    unitBytes: selRecordBytes,
    freeUnits: sel.free,
    largestFree: sel.free,
    largestRecord: 1,
  }),
});

export const reserveSel = command({
  name: 'Reserve SEL',
  netFn: NetFn.storage,
  cmd: 0x42,
  privilege: 'user',
  spec: 'IPMI 2.0 §31.4',
  request: empty,
  response: struct({ reservationId: u16le }),
  handle: (_request, { state }) => ({ reservationId: state.selAccess.reserve() }),
});

/** A record may be read in parts; all but the first then need a reservation. */
export const getSelEntry = command({
  name: 'Get SEL Entry',
  netFn: NetFn.storage,
  cmd: 0x43,
  privilege: 'user',
  spec: 'IPMI 2.0 §31.5',
  request: struct({ reservationId: u16le, recordId: u16le, offset: u8, count: u8 }),
  response: struct({ nextId: u16le, data: rest }),
  handle({ reservationId, recordId, offset, count }, { bmc: { sel }, state }) {
    if (offset > 0) state.selAccess.check(reservationId);
    const entry = findEntry(sel, recordId);
    // Of an SDR this is an empty part, of a SEL record it is refused.
    if (offset === selRecordBytes) {
      throw new CompletionError(CompletionCode.parameterOutOfRange, `SEL record: no offset ${offset}`);
    }
    return {
      nextId: sel.after(entry.id)?.id ?? RecordId.last,
      data: recordPart(encode(SelRecord, entry), offset, count),
    };
  },
});

function findEntry(sel: Sel, recordId: number): SelEntry {
  const { entries } = sel;
  const entry =
    recordId === RecordId.first
      ? entries[0]
      : recordId === RecordId.last
        ? entries.at(-1)
        : sel.get(recordId);
  if (!entry) throw new CompletionError(CompletionCode.notPresent, `SEL: no record ${recordId}`);
  return entry;
}

/** Of Add and Partial Add SEL Entry: a record type that there is not. */
const recordTypeRefused = 0x80;

/** ID and timestamp are the BMC's, whatever the client wrote. Such a record is no event: it is not filtered. */
function addRecord({ bmc }: CommandContext, record: Uint8Array): { recordId: number } {
  try {
    return { recordId: bmc.sel.add(decode(SelRecord, record, 'SEL record').content).id };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CompletionError(recordTypeRefused, error.message);
  }
}

export const addSelEntry = command({
  name: 'Add SEL Entry',
  netFn: NetFn.storage,
  cmd: 0x44,
  privilege: 'operator',
  spec: 'IPMI 2.0 §31.6',
  request: struct({ record: bytes(selRecordBytes) }),
  response: struct({ recordId: u16le }),
  handle: ({ record }, context) => addRecord(context, record),
});

/**
 * The record is added when its last part has come. Its ID is known from the first part on, since every other
 * addition before the last cancels the reservation.
 */
export const partialAddSelEntry = command({
  name: 'Partial Add SEL Entry',
  netFn: NetFn.storage,
  cmd: 0x45,
  privilege: 'operator',
  spec: 'IPMI 2.0 §31.7',
  request: struct({
    reservationId: u16le,
    recordId: u16le,
    offset: u8,
    progress: bits8(['_reserved', 4], ['state', 4, { more: 0, last: 1 }]),
    data: rest,
  }),
  response: struct({ recordId: u16le }),
  handle({ reservationId, recordId, offset, progress, data }, context) {
    const { selAccess } = context.state;
    selAccess.check(reservationId);
    const sofar = offset === 0 ? new Uint8Array() : (selAccess.partial ?? new Uint8Array());
    const nextId = context.bmc.sel.nextId;
    const misplaced = offset !== sofar.length || recordId !== (offset === 0 ? 0 : nextId);
    if (misplaced || sofar.length + data.length > selRecordBytes) {
      throw new CompletionError(
        CompletionCode.parameterOutOfRange,
        `SEL record ${recordId}: ${data.length} bytes at ${offset} do not follow ${sofar.length}`,
      );
    }
    const record = Uint8Array.of(...sofar, ...data);
    if (progress.state === 'more') {
      selAccess.partial = record;
      return { recordId: nextId };
    }
    if (record.length !== selRecordBytes) {
      throw new CompletionError(
        recordTypeRefused,
        `SEL record: ${record.length} bytes, not ${selRecordBytes}`,
      );
    }
    return addRecord(context, record);
  },
});

export const deleteSelEntry = command({
  name: 'Delete SEL Entry',
  netFn: NetFn.storage,
  cmd: 0x46,
  privilege: 'operator',
  spec: 'IPMI 2.0 §31.8',
  request: struct({ reservationId: u16le, recordId: u16le }),
  response: struct({ recordId: u16le }),
  handle({ reservationId, recordId }, { bmc: { sel }, actor, state }) {
    state.selAccess.check(reservationId);
    const { id } = findEntry(sel, recordId);
    sel.delete(id, actor);
    return { recordId: id };
  },
});

/** Erasing is over when the command returns. */
const erased = 0x01;

export const clearSel = command({
  name: 'Clear SEL',
  netFn: NetFn.storage,
  cmd: 0x47,
  privilege: 'operator',
  spec: 'IPMI 2.0 §31.9',
  request: struct({ reservationId: u16le, mark: bytes(clearMark.length), operation: named(ClearOperation) }),
  response: struct({ progress: u8 }),
  handle({ reservationId, mark, operation }, { bmc: { sel }, actor, state }) {
    requireClearMark(mark);
    if (operation === 'initiate') {
      state.selAccess.check(reservationId);
      sel.clear(actor);
    }
    return { progress: erased };
  },
});

export const getSelTime = command({
  name: 'Get SEL Time',
  netFn: NetFn.storage,
  cmd: 0x48,
  privilege: 'user',
  spec: 'IPMI 2.0 §31.10',
  ...getTime,
});

export const setSelTime = command({
  name: 'Set SEL Time',
  netFn: NetFn.storage,
  cmd: 0x49,
  privilege: 'operator',
  spec: 'IPMI 2.0 §31.11',
  ...setTime,
});

/** Minutes, signed, in 16 bits; 7FFh for unspecified. */
const UtcOffset: Codec<number | undefined> = {
  read(reader) {
    const raw = reader.u16le();
    return raw === unspecifiedOffset ? undefined : (raw << 16) >> 16;
  },
  write: (writer, minutes) => void writer.u16le((minutes ?? unspecifiedOffset) & 0xffff),
};
const unspecifiedOffset = 0x07ff;

export const getSelTimeUtcOffset = command({
  name: 'Get SEL Time UTC Offset',
  netFn: NetFn.storage,
  cmd: 0x5c,
  privilege: 'user',
  spec: 'IPMI 2.0 §31.11a',
  request: empty,
  response: struct({ minutes: UtcOffset }),
  handle: (_request, { bmc: { sel } }) => ({ minutes: sel.utcOffsetMinutes }),
});

export const setSelTimeUtcOffset = command({
  name: 'Set SEL Time UTC Offset',
  netFn: NetFn.storage,
  cmd: 0x5d,
  privilege: 'operator',
  spec: 'IPMI 2.0 §31.11b',
  request: struct({ minutes: UtcOffset }),
  response: empty,
  handle({ minutes }, { bmc: { sel }, actor }) {
    sel.setUtcOffset(minutes, actor);
    return {};
  },
});

export const selCommands = [
  getSelInfo,
  getSelAllocationInfo,
  reserveSel,
  getSelEntry,
  addSelEntry,
  partialAddSelEntry,
  deleteSelEntry,
  clearSel,
  getSelTime,
  setSelTime,
  getSelTimeUtcOffset,
  setSelTimeUtcOffset,
];
