/** System info parameters: the host's names, in blocks of 16 bytes. IPMI 2.0 §22.14a, §22.14b, Table 22-16c. */
import type { HostInfo, HostInfoItem, HostText, TextEncoding } from '../../bmc/host-info.ts';
import { bits8, decode, empty, rest, struct, u8 } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { type CommandContext, command } from './command.ts';

const Refusal = { unsupported: 0x80, busy: 0x81 } as const;
const parameterRevision = 0x11;
const setInProgress = 0;

const itemOf: Readonly<Record<number, HostInfoItem>> = {
  1: 'system-firmware-version',
  2: 'system-name',
  3: 'primary-os-name',
  4: 'os-name',
  5: 'os-version',
  6: 'bmc-url',
  7: 'hypervisor-url',
};

const EncodingCode = { latin1: 0, utf8: 1, ucs2: 2 } as const satisfies Record<TextEncoding, number>;
const nodeEncoding = { latin1: 'latin1', utf8: 'utf8', ucs2: 'utf16le' } as const;
const blockBytes = 16;
/** The first block begins with the text's encoding and its length in bytes. */
const TextHead = struct({ how: bits8(['_reserved', 4], ['encoding', 4, EncodingCode]), length: u8 });
const headBytes = 2;

/** The text as blocks carry it, filled up with 0 to whole blocks. */
function encodeText({ text, encoding }: HostText): Uint8Array {
  const raw = Buffer.from(text, nodeEncoding[encoding]);
  const blocks = Math.ceil((headBytes + raw.length) / blockBytes);
  const all = new Uint8Array(blocks * blockBytes);
  all[0] = EncodingCode[encoding];
  all[1] = raw.length;
  all.set(raw, headBytes);
  return all;
}

/** Texts on their way in, block by block: nothing changes until the last block of one has come. */
export class SystemInfoWriter {
  readonly #info: HostInfo;
  readonly #partial = new Map<HostInfoItem, { readonly length: number; readonly raw: Uint8Array }>();
  /** Parameter 0: who has said to be setting; a session, or the system interface. */
  setBy: { readonly open: boolean } | undefined;

  constructor(info: HostInfo) {
    this.#info = info;
  }

  write(item: HostInfoItem, set: number, data: Uint8Array): void {
    if (data.length === 0 || data.length > blockBytes) {
      throw new CompletionError(CompletionCode.requestLengthInvalid, `a block of ${data.length} bytes`);
    }
    if (set === 0) {
      const { length } = decode(TextHead, data.subarray(0, headBytes), 'system info');
      this.#partial.set(item, { length: headBytes + length, raw: data });
    } else {
      const before = this.#partial.get(item);
      if (before?.raw.length !== set * blockBytes) {
        throw new CompletionError(CompletionCode.parameterOutOfRange, `block ${set} does not follow`);
      }
      const raw = new Uint8Array(before.raw.length + data.length);
      raw.set(before.raw);
      raw.set(data, before.raw.length);
      this.#partial.set(item, { length: before.length, raw });
    }
    this.#finish(item);
  }

  #finish(item: HostInfoItem): void {
    const partial = this.#partial.get(item);
    if (!partial || partial.raw.length < partial.length) return;
    const { how } = decode(TextHead, partial.raw.subarray(0, headBytes), 'system info');
    const raw = Buffer.from(partial.raw.subarray(headBytes, partial.length));
    const text = raw.toString(nodeEncoding[how.encoding]);
    if (!Buffer.from(text, nodeEncoding[how.encoding]).equals(raw)) {
      throw new CompletionError(CompletionCode.invalidField, `not ${how.encoding} text`);
    }
    this.#info.set(item, { text, encoding: how.encoding });
    this.#partial.delete(item);
  }
}

function item(selector: number): HostInfoItem {
  const found = itemOf[selector];
  if (!found) throw new CompletionError(Refusal.unsupported, `no system info parameter ${selector}`);
  return found;
}

const SetInProgress = { complete: 0, inProgress: 1, commit: 2 } as const;
const progress = bits8(['_reserved', 6], ['state', 2, SetInProgress]);
/** The system interface has no sessions, so whoever sets there is always the same. */
const systemInterface = { open: true } as const;

function writeProgress(data: Uint8Array, { session, state: { systemInfo } }: CommandContext): void {
  const { state } = decode(progress, data, 'set in progress');
  if (state !== 'inProgress') {
    systemInfo.setBy = undefined;
    return;
  }
  const setter = session ?? systemInterface;
  if (systemInfo.setBy?.open && systemInfo.setBy !== setter) {
    throw new CompletionError(Refusal.busy, 'system info: another session is setting it');
  }
  systemInfo.setBy = setter;
}

export const setSystemInfoParameters = command({
  name: 'Set System Info Parameters',
  netFn: NetFn.app,
  cmd: 0x58,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §22.14a',
  request: struct({ parameter: u8, data: rest }),
  response: empty,
  handle({ parameter, data }, context) {
    if (parameter === setInProgress) {
      writeProgress(data, context);
      return {};
    }
    const target = item(parameter);
    const [set, ...block] = data;
    if (set === undefined) {
      throw new CompletionError(CompletionCode.requestLengthInvalid, 'no set selector');
    }
    context.state.systemInfo.write(target, set, Uint8Array.from(block));
    return {};
  },
});

export const getSystemInfoParameters = command({
  name: 'Get System Info Parameters',
  netFn: NetFn.app,
  cmd: 0x59,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.14b',
  request: struct({
    what: bits8(['revisionOnly', 1], ['_reserved', 7]),
    parameter: u8,
    setSelector: u8,
    blockSelector: u8,
  }),
  response: struct({ revision: u8, data: rest }),
  handle({ what, parameter, setSelector }, { bmc, state }) {
    const reply = (data: Uint8Array | readonly number[]) => ({
      revision: parameterRevision,
      data: Uint8Array.from(what.revisionOnly ? [] : data),
    });
    if (parameter === setInProgress) {
      return reply([SetInProgress[state.systemInfo.setBy?.open ? 'inProgress' : 'complete']]);
    }
    const text = encodeText(bmc.hostInfo.get(item(parameter)));
    const start = setSelector * blockBytes;
    if (start >= text.length) {
      throw new CompletionError(CompletionCode.parameterOutOfRange, `no block ${setSelector}`);
    }
    return reply([setSelector, ...text.subarray(start, start + blockBytes)]);
  },
});

export const systemInfoCommands = [setSystemInfoParameters, getSystemInfoParameters];
