/** FRU inventory commands. IPMI 2.0 §34. There is one device, number 0, accessed by bytes. */
import { bits8, rest, struct, u8, u16le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { fruSizeBytes } from '../records/fru.ts';
import { command } from './command.ts';

function requireDevice(id: number): void {
  if (id !== 0) throw new CompletionError(CompletionCode.notPresent, `no FRU device ${id}`);
}

export const getFruInventoryAreaInfo = command({
  name: 'Get FRU Inventory Area Info',
  netFn: NetFn.storage,
  cmd: 0x10,
  privilege: 'user',
  spec: 'IPMI 2.0 §34.1',
  request: struct({ id: u8 }),
  response: struct({ sizeBytes: u16le, access: bits8(['_reserved', 7], ['byWords', 1]) }),
  handle({ id }) {
    requireDevice(id);
    return { sizeBytes: fruSizeBytes, access: { byWords: false } };
  },
});

/** Near the end fewer bytes come than were asked for; the count says how many. */
export const readFruData = command({
  name: 'Read FRU Data',
  netFn: NetFn.storage,
  cmd: 0x11,
  privilege: 'user',
  spec: 'IPMI 2.0 §34.2',
  request: struct({ id: u8, offset: u16le, count: u8 }),
  response: struct({ count: u8, data: rest }),
  handle({ id, offset, count }, { state: { fru } }) {
    requireDevice(id);
    if (offset >= fruSizeBytes) {
      throw new CompletionError(CompletionCode.parameterOutOfRange, `FRU: no offset ${offset}`);
    }
    const data = fru.bytes.subarray(offset, offset + count);
    return { count: data.length, data };
  },
});

/** Checksums are the client's affair. */
export const writeFruData = command({
  name: 'Write FRU Data',
  netFn: NetFn.storage,
  cmd: 0x12,
  privilege: 'operator',
  spec: 'IPMI 2.0 §34.3',
  request: struct({ id: u8, offset: u16le, data: rest }),
  response: struct({ count: u8 }),
  handle({ id, offset, data }, { state: { fru }, actor }) {
    requireDevice(id);
    if (offset + data.length > fruSizeBytes) {
      throw new CompletionError(
        CompletionCode.parameterOutOfRange,
        `FRU: ${data.length} bytes at ${offset} go beyond ${fruSizeBytes}`,
      );
    }
    if (data.length > 0) fru.write(offset, data, actor);
    return { count: data.length };
  },
});

export const fruCommands = [getFruInventoryAreaInfo, readFruData, writeFruData];
