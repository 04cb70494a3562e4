/**
 * Configuration parameters as several families of commands have them (LAN, SOL, PEF, system info, boot options): a
 * table by selector, each parameter read and written by its codec. What a parameter's codec finds wrong is refused
 * by the registry like any other request: C7h for the length, CCh for a value.
 */
import { BmcError } from '../../bmc/errors.ts';
import type { SetInProgress } from '../../bmc/set-in-progress.ts';
import { bits8, type Codec, decode, encode, rest, struct, u8 } from '../../lib/codec.ts';
import { CompletionError } from '../message/completion-code.ts';
import type { CommandContext } from './command.ts';

/** Completion codes, the same in every family. IPMI 2.0 §22.14a, §23.1, §26.2, §28.12, §30.3; DCMI 1.5 §6.1.2. */
export const ParameterRefusal = { unsupported: 0x80, setInProgress: 0x81, readOnly: 0x82 } as const;

/** One parameter: how it is read, and written unless it is read-only. */
export interface Parameter<Data = Uint8Array, Written = undefined> {
  read(context: CommandContext, which: Which): Data;
  /** @param data begins with what tells which one, if there are many */
  write?(context: CommandContext, data: Uint8Array): Written;
}

export type ParameterTable<P = Parameter> = Readonly<Record<number, P>>;

/** Of a parameter that there are many of: which one, and which part of it. */
export interface Which {
  readonly set: number;
  readonly block: number;
}

/**
 * @param subject what the parameters of a family are about, such as the SOL settings
 * @returns what makes such a parameter of a codec; without `write` it is read-only
 */
export function parametersOf<Subject>(subject: (context: CommandContext) => Subject) {
  return <T>(
    codec: Codec<T>,
    read: (subject: Subject, which: Which, context: CommandContext) => T,
    write?: (subject: Subject, value: T, context: CommandContext) => void,
  ): Parameter => {
    const readable: Parameter = {
      read: (context, which) => encode(codec, read(subject(context), which, context)),
    };
    if (!write) return readable;
    return {
      ...readable,
      write(context, data) {
        write(subject(context), decode(codec, data, 'configuration parameter'), context);
        return undefined;
      },
    };
  };
}

const SetInProgressState = { complete: 0, inProgress: 1, commit: 2 } as const;
/** Who sets from the system interface, where there are no sessions: always the same. */
const systemInterface = { open: true };

/** Parameter 0 of every family. Each parameter is in force as soon as it is written: there is nothing to commit. */
export function setInProgressParameter(announcement: (context: CommandContext) => SetInProgress): Parameter {
  return parametersOf(announcement)(
    bits8(['_reserved', 6], ['state', 2, SetInProgressState]),
    ({ active }) => ({ state: active ? 'inProgress' : 'complete' }),
    (setInProgress, { state }, { session }) => {
      if (state !== 'inProgress') {
        setInProgress.complete();
        return;
      }
      try {
        setInProgress.begin(session ?? systemInterface);
      } catch (error) {
        if (!(error instanceof BmcError && error.kind === 'busy')) throw error;
        throw new CompletionError(ParameterRefusal.setInProgress, error.message);
      }
    },
  );
}

/** @throws {CompletionError} 80h for a parameter that is not in the table */
export function requireParameter<P>(table: ParameterTable<P>, selector: number): P {
  const found = table[selector];
  if (found) return found;
  throw new CompletionError(ParameterRefusal.unsupported, `no configuration parameter ${selector}`);
}

/** @throws {CompletionError} 80h, or 82h for a read-only parameter */
export function writeParameter<Written>(
  table: ParameterTable<Parameter<unknown, Written>>,
  selector: number,
  data: Uint8Array,
  context: CommandContext,
): Written {
  const { write } = requireParameter(table, selector);
  if (write) return write(context, data);
  throw new CompletionError(ParameterRefusal.readOnly, `configuration parameter ${selector} is read-only`);
}

/** What Get commands have in their requests. */
interface Asked {
  readonly selector: number;
  readonly revisionOnly: boolean;
  readonly setSelector: number;
  readonly blockSelector: number;
}

/** @returns its data; none where only the revision is asked for @throws {CompletionError} 80h */
export function readParameter<Data>(
  table: ParameterTable<Parameter<Data, unknown>>,
  { selector, revisionOnly, setSelector, blockSelector }: Asked,
  context: CommandContext,
): Data | Uint8Array {
  const { read } = requireParameter(table, selector);
  return revisionOnly ? new Uint8Array() : read(context, { set: setSelector, block: blockSelector });
}

/** Requests about the parameters of a channel. */
export const SetChannelParameter = struct({
  channel: bits8(['_reserved', 4], ['number', 4]),
  selector: u8,
  data: rest,
});
export const GetChannelParameter = struct({
  channel: bits8(['revisionOnly', 1], ['_reserved', 3], ['number', 4]),
  selector: u8,
  setSelector: u8,
  blockSelector: u8,
});

/** Parameter revision: 1.1, oldest compatible 1. */
const parameterRevision = 0x11;

export const ParameterReply = struct({ revision: u8, data: rest });

export function parameterReply(data: Uint8Array) {
  return { revision: parameterRevision, data };
}
