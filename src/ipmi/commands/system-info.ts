/** System info parameters: the host's names, in blocks of 16 bytes. IPMI 2.0 §22.14a, §22.14b, Table 22-16c. */
import type { Actor } from '../../bmc/actor.ts';
import type { HostInfo, HostInfoItem, HostText, TextEncoding } from '../../bmc/host-info.ts';
import { SetInProgress } from '../../bmc/set-in-progress.ts';
import { bits8, decode, empty, rest, struct, u8 } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { command } from './command.ts';
import {
  type Parameter,
  ParameterReply,
  type ParameterTable,
  parameterReply,
  requireParameter,
  setInProgressParameter,
  writeParameter,
} from './configuration-parameters.ts';

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
  readonly setInProgress = new SetInProgress('system info parameters');
  readonly #info: HostInfo;
  readonly #partial = new Map<HostInfoItem, { readonly length: number; readonly raw: Uint8Array }>();

  constructor(info: HostInfo) {
    this.#info = info;
  }

  write(item: HostInfoItem, set: number, data: Uint8Array, actor: Actor): void {
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
    this.#finish(item, actor);
  }

  #finish(item: HostInfoItem, actor: Actor): void {
    const partial = this.#partial.get(item);
    if (!partial || partial.raw.length < partial.length) return;
    const { how } = decode(TextHead, partial.raw.subarray(0, headBytes), 'system info');
    const raw = Buffer.from(partial.raw.subarray(headBytes, partial.length));
    const text = raw.toString(nodeEncoding[how.encoding]);
    if (!Buffer.from(text, nodeEncoding[how.encoding]).equals(raw)) {
      throw new CompletionError(CompletionCode.invalidField, `not ${how.encoding} text`);
    }
    this.#info.set(item, { text, encoding: how.encoding }, actor);
    this.#partial.delete(item);
  }
}

/** One of the names. Without a codec: a block's meaning depends on the blocks before it. */
function text(item: HostInfoItem): Parameter {
  return {
    read({ bmc }, { set }) {
      const all = encodeText(bmc.hostInfo.get(item));
      const start = set * blockBytes;
      if (start < all.length) return Uint8Array.of(set, ...all.subarray(start, start + blockBytes));
      throw new CompletionError(CompletionCode.parameterOutOfRange, `no block ${set}`);
    },
    write({ state, actor }, data) {
      const [set, ...block] = data;
      if (set === undefined) {
        throw new CompletionError(CompletionCode.requestLengthInvalid, 'no set selector');
      }
      state.systemInfo.write(item, set, Uint8Array.from(block), actor);
      return undefined;
    },
  };
}

const systemInfoParameters: ParameterTable = {
  0: setInProgressParameter(({ state }) => state.systemInfo.setInProgress),
  1: text('system-firmware-version'),
  2: text('system-name'),
  3: text('primary-os-name'),
  4: text('os-name'),
  5: text('os-version'),
  6: text('bmc-url'),
  7: text('hypervisor-url'),
};

export const setSystemInfoParameters = command({
  name: 'Set System Info Parameters',
  netFn: NetFn.app,
  cmd: 0x58,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §22.14a',
  request: struct({ parameter: u8, data: rest }),
  response: empty,
  handle({ parameter, data }, context) {
    writeParameter(systemInfoParameters, parameter, data, context);
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
  response: ParameterReply,
  handle({ what, parameter, setSelector, blockSelector }, context) {
    // A block that is not there is refused even where only the revision is asked for.
    const found = requireParameter(systemInfoParameters, parameter);
    const data = found.read(context, { set: setSelector, block: blockSelector });
    return parameterReply(what.revisionOnly ? new Uint8Array() : data);
  },
});

export const systemInfoCommands = [setSystemInfoParameters, getSystemInfoParameters];
