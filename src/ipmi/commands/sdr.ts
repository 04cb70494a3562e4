/**
 * SDR Repository commands. IPMI 2.0 §33. The repository can be changed at any time; there is no modal update, so
 * that its commands (2Ah, 2Bh) do not exist here.
 */
import { bits8, bytes, decode, empty, named, rest, struct, u8, u16le, u32le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { SdrHeader, sdrHeaderLength, sdrVersion } from '../records/sdr.ts';
import { maxSdrBytes, type SdrRecord, type SdrRepository, sdrCapacityBytes } from '../sdr-repository.ts';
import { command } from './command.ts';
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

const unitBytes = 16;

export const getSdrRepositoryInfo = command({
  name: 'Get SDR Repository Info',
  netFn: NetFn.storage,
  cmd: 0x20,
  privilege: 'user',
  spec: 'IPMI 2.0 §33.9',
  request: empty,
  response: struct({
    version: u8,
    recordCount: u16le,
    freeBytes: u16le,
    lastAdded: u32le,
    lastErased: u32le,
    support: bits8(
      ['overflow', 1],
      ['update', 2, { unspecified: 0, nonModal: 1, modal: 2, both: 3 }],
      ['_reserved', 1],
      ['delete', 1],
      ['partialAdd', 1],
      ['reserve', 1],
      ['allocationInfo', 1],
    ),
  }),
  handle(_request, { state: { sdr } }) {
    return {
      version: sdrVersion,
      recordCount: sdr.records.length,
      freeBytes: sdr.freeBytes,
      lastAdded: sdr.lastAdded,
      lastErased: sdr.lastErased ?? noTime,
      support: {
        overflow: sdr.overflow,
        update: 'nonModal' as const,
        delete: true,
        partialAdd: true,
        reserve: true,
        allocationInfo: true,
      },
    };
  },
});

export const getSdrRepositoryAllocationInfo = command({
  name: 'Get SDR Repository Allocation Info',
  netFn: NetFn.storage,
  cmd: 0x21,
  privilege: 'user',
  spec: 'IPMI 2.0 §33.10',
  request: empty,
  response: struct({ units: u16le, unitBytes: u16le, freeUnits: u16le, largestFree: u16le, maxRecord: u8 }),
  handle(_request, { state: { sdr } }) {
    const freeUnits = Math.floor(sdr.freeBytes / unitBytes);
    return {
      units: sdrCapacityBytes / unitBytes,
      unitBytes,
      freeUnits,
      largestFree: freeUnits,
      maxRecord: Math.ceil(maxSdrBytes / unitBytes),
    };
  },
});

export const reserveSdrRepository = command({
  name: 'Reserve SDR Repository',
  netFn: NetFn.storage,
  cmd: 0x22,
  privilege: 'user',
  spec: 'IPMI 2.0 §33.11',
  request: empty,
  response: struct({ reservation: u16le }),
  handle: (_request, { state: { sdr } }) => ({ reservation: sdr.reservations.reserve() }),
});

/** A record is read whole or in parts; only parts behind its start need a reservation. */
export const getSdr = command({
  name: 'Get SDR',
  netFn: NetFn.storage,
  cmd: 0x23,
  privilege: 'user',
  spec: 'IPMI 2.0 §33.12',
  request: struct({ reservation: u16le, id: u16le, offset: u8, count: u8 }),
  response: struct({ nextId: u16le, data: rest }),
  handle({ reservation, id, offset, count }, { state: { sdr } }) {
    if (offset > 0) sdr.reservations.check(reservation);
    const { record, next } = findRecord(sdr, id);
    return { nextId: next?.id ?? RecordId.last, data: recordPart(record.bytes, offset, count) };
  },
});

function findRecord(sdr: SdrRepository, id: number): { record: SdrRecord; next: SdrRecord | undefined } {
  const { records } = sdr;
  const index =
    id === RecordId.first
      ? 0
      : id === RecordId.last
        ? records.length - 1
        : records.findIndex((record) => record.id === id);
  const record = records[index];
  if (!record) throw new CompletionError(CompletionCode.notPresent, `no SDR ${id}`);
  return { record, next: records[index + 1] };
}

/** The ID that the client writes is replaced by the one the record gets. */
export const addSdr = command({
  name: 'Add SDR',
  netFn: NetFn.storage,
  cmd: 0x24,
  privilege: 'operator',
  spec: 'IPMI 2.0 §33.13',
  request: struct({ record: rest }),
  response: struct({ id: u16le }),
  handle({ record }, { state: { sdr }, actor }) {
    if (declaredLength(record) !== record.length) {
      throw new CompletionError(
        CompletionCode.requestLengthInvalid,
        `SDR: header says ${declaredLength(record)} bytes, ${record.length} came`,
      );
    }
    return { id: sdr.add(record, actor) };
  },
});

/** @throws {DecodeError} when even the header is not whole */
function declaredLength(record: Uint8Array): number {
  const { length } = decode(SdrHeader, record.subarray(0, sdrHeaderLength), 'SDR header');
  return sdrHeaderLength + length;
}

/** Of Partial Add SDR: the parts together are not what the header said. */
const lengthMismatch = 0x80;

export const partialAddSdr = command({
  name: 'Partial Add SDR',
  netFn: NetFn.storage,
  cmd: 0x25,
  privilege: 'operator',
  spec: 'IPMI 2.0 §33.14',
  request: struct({
    reservation: u16le,
    id: u16le,
    offset: u8,
    progress: bits8(['_reserved', 4], ['state', 4, { more: 0, last: 1 }]),
    data: rest,
  }),
  response: struct({ id: u16le }),
  handle({ reservation, id, offset, progress: { state }, data }, { state: { sdr }, actor }) {
    sdr.reservations.check(reservation);
    const begun = id === RecordId.first && offset === 0 ? undefined : sdr.partial;
    if (id !== (begun?.id ?? RecordId.first) || offset !== (begun?.bytes.length ?? 0)) {
      throw new CompletionError(
        CompletionCode.invalidField,
        `SDR ${id}: a part at ${offset} does not follow`,
      );
    }
    const whole = new Uint8Array([...(begun?.bytes ?? []), ...data]);
    if (whole.length > maxSdrBytes) {
      throw new CompletionError(lengthMismatch, `SDR: ${whole.length} bytes are more than any record has`);
    }
    if (state === 'more') {
      const partial = { id: begun?.id ?? sdr.nextId(), bytes: whole };
      sdr.partial = partial;
      return { id: partial.id };
    }
    sdr.partial = undefined;
    if (whole.length < sdrHeaderLength || declaredLength(whole) !== whole.length) {
      throw new CompletionError(lengthMismatch, `SDR: header and ${whole.length} bytes do not agree`);
    }
    return { id: sdr.add(whole, actor) };
  },
});

export const deleteSdr = command({
  name: 'Delete SDR',
  netFn: NetFn.storage,
  cmd: 0x26,
  privilege: 'operator',
  spec: 'IPMI 2.0 §33.15',
  request: struct({ reservation: u16le, id: u16le }),
  response: struct({ id: u16le }),
  handle({ reservation, id }, { state: { sdr }, actor }) {
    sdr.reservations.check(reservation);
    const { record } = findRecord(sdr, id);
    sdr.delete(record.id, actor);
    return { id: record.id };
  },
});

/** Erases what clients have added. Done when it answers. */
export const clearSdrRepository = command({
  name: 'Clear SDR Repository',
  netFn: NetFn.storage,
  cmd: 0x27,
  privilege: 'operator',
  spec: 'IPMI 2.0 §33.16',
  request: struct({
    reservation: u16le,
    letters: bytes(clearMark.length),
    operation: named(ClearOperation),
  }),
  response: bits8(['_reserved', 4], ['progress', 4, { inProgress: 0, completed: 1 }]),
  handle({ reservation, letters, operation }, { state: { sdr }, actor }) {
    requireClearMark(letters);
    // The status may be asked with the reservation that erasing has ended.
    if (operation === 'initiate') {
      sdr.reservations.check(reservation);
      sdr.clear(actor);
    }
    return { progress: 'completed' as const };
  },
});

export const getSdrRepositoryTime = command({
  name: 'Get SDR Repository Time',
  netFn: NetFn.storage,
  cmd: 0x28,
  privilege: 'user',
  spec: 'IPMI 2.0 §33.17',
  ...getTime,
});

export const setSdrRepositoryTime = command({
  name: 'Set SDR Repository Time',
  netFn: NetFn.storage,
  cmd: 0x29,
  privilege: 'operator',
  spec: 'IPMI 2.0 §33.18',
  ...setTime,
});

/** Gives all sensors what their records say: thresholds, hysteresis, event enables. Done when it answers. */
export const runInitializationAgent = command({
  name: 'Run Initialization Agent',
  netFn: NetFn.storage,
  cmd: 0x2c,
  privilege: 'operator',
  spec: 'IPMI 2.0 §33.21',
  request: bits8(['_reserved', 7], ['run', 1]),
  response: bits8(['_reserved', 7], ['completed', 1]),
  handle({ run }, { bmc: { sensors }, actor }) {
    if (run) sensors.restoreFactorySettings(actor);
    return { completed: true };
  },
});

export const sdrCommands = [
  getSdrRepositoryInfo,
  getSdrRepositoryAllocationInfo,
  reserveSdrRepository,
  getSdr,
  addSdr,
  partialAddSdr,
  deleteSdr,
  clearSdrRepository,
  getSdrRepositoryTime,
  setSdrRepositoryTime,
  runInitializationAgent,
];
