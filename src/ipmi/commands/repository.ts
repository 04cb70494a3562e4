/** What the commands of the SEL and of the SDR Repository have in common. IPMI 2.0 §31, §33. */
import { empty, struct, u32le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { clockSetEvent } from '../sel-feed.ts';
import type { CommandContext } from './command.ts';

/** On asking: the first and the last there is. On answering, the last also means: no more. */
export const RecordId = { first: 0x0000, last: 0xffff } as const;

/** Never, of the times of addition and erasure. */
export const noTime = 0xffffffff;

/** Byte count that asks for all of a record from the offset on. */
const wholeRecord = 0xff;

/** @throws {CompletionError} C9h for an offset behind the record, CAh for more bytes than follow it */
export function recordPart(record: Uint8Array, offset: number, count: number): Uint8Array {
  if (offset > record.length) {
    throw new CompletionError(CompletionCode.parameterOutOfRange, `record: no offset ${offset}`);
  }
  const end = count === wholeRecord ? record.length : offset + count;
  if (end > record.length) {
    throw new CompletionError(
      CompletionCode.cannotReturnThatMany,
      `record: ${count} bytes from ${offset}, ${record.length} in all`,
    );
  }
  return record.subarray(offset, end);
}

export const ClearOperation = { status: 0x00, initiate: 0xaa } as const;

/** The letters that say that clearing is meant. */
export const clearMark = 'CLR';

/** @throws {CompletionError} CCh */
export function requireClearMark(mark: Uint8Array): void {
  if (Buffer.from(mark).toString('latin1') === clearMark) return;
  throw new CompletionError(CompletionCode.invalidField, `clearing without the letters ${clearMark}`);
}

const Time = struct({ time: u32le });

/** SEL and SDR Repository have one clock. */
export const getTime = {
  request: empty,
  response: Time,
  handle: (_request: unknown, { bmc: { sel } }: CommandContext) => ({ time: sel.time }),
};

/** Sets the clock of the SEL, not the host's. A change leaves a pair of events, before and after. */
export const setTime = {
  request: Time,
  response: empty,
  handle({ time }: { time: number }, { bmc: { sel, eventReceiver }, actor }: CommandContext) {
    if (time === sel.time) return {};
    eventReceiver.report(clockSetEvent('before'));
    sel.setTime(time, actor);
    eventReceiver.report(clockSetEvent('after'));
    return {};
  },
};
