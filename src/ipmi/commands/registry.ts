/**
 * All commands of a BMC and the one way to run them: finds the definition, checks LUN and level, decodes, calls the
 * handler, encodes. Every channel comes through here.
 */
import { atLeast, type PrivilegeLevel } from '../../bmc/actor.ts';
import { BmcError } from '../../bmc/errors.ts';
import { ByteWriter, concatBytes, DecodeError } from '../../lib/bytes.ts';
import { decode } from '../../lib/codec.ts';
import { CompletionCode, CompletionError, completionCodeOf } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { Channel, type CommandContext, type CommandDefinition } from './command.ts';

export interface IncomingRequest {
  readonly netFn: number;
  readonly rsLun: number;
  readonly cmd: number;
  readonly data: Uint8Array;
}

/** Completion code, then data. */
export type Reply = Uint8Array;

export class CommandRegistry {
  readonly definitions: readonly CommandDefinition[];
  readonly #byKey = new Map<number, CommandDefinition>();

  /** @throws {RangeError} for two definitions of the same command */
  constructor(definitions: readonly CommandDefinition[]) {
    this.definitions = definitions;
    for (const definition of definitions) {
      const { netFn, cmd, group } = definition;
      if ((netFn === NetFn.groupExtension) !== (group !== undefined)) {
        throw new RangeError(`${definition.name}: a group goes with NetFn 2Ch, and only with it`);
      }
      const key = keyOf(netFn, cmd, group);
      const other = this.#byKey.get(key);
      if (other) throw new RangeError(`${definition.name} and ${other.name} have the same numbers`);
      this.#byKey.set(key, definition);
    }
  }

  find({ netFn, cmd, data }: IncomingRequest): CommandDefinition | undefined {
    return this.#byKey.get(keyOf(netFn, cmd, netFn === NetFn.groupExtension ? data[0] : undefined));
  }

  /**
   * Runs a command. Never throws and never rejects: whatever goes wrong becomes a completion code.
   * @param privilege the level in force; undefined outside a session
   * @returns the reply; a promise of it only when the handler has to wait
   */
  dispatch(
    request: IncomingRequest,
    context: CommandContext,
    privilege: PrivilegeLevel | undefined,
  ): Reply | Promise<Reply> {
    const definition = this.find(request);
    if (!definition) return refusal(CompletionCode.invalidCommand, bodyOf(request));
    const { log, clock } = context.bmc;
    if (!log.isLevelEnabled('debug')) return answer(definition, request, context, privilege);
    const startedAt = clock.now();
    const reply = answer(definition, request, context, privilege);
    const told = (bytes: Reply): Reply => {
      const { name, netFn, cmd } = definition;
      const fields = { netFn, cmd, completionCode: bytes[0], user: context.actor.name };
      log.debug({ ...fields, sessionId: context.session?.id, ms: clock.now() - startedAt }, name);
      return bytes;
    };
    return reply instanceof Promise ? reply.then(told) : told(reply);
  }
}

/** Without a promise or a closure for a command that does not wait. */
function answer(
  definition: CommandDefinition,
  request: IncomingRequest,
  context: CommandContext,
  privilege: PrivilegeLevel | undefined,
): Reply | Promise<Reply> {
  try {
    const outcome = run(definition, request, context, privilege);
    if (!(outcome instanceof Promise)) return encodeReply(definition, outcome);
    return outcome
      .then((value) => encodeReply(definition, value))
      .catch((error: unknown) => replyOf(error, definition, request, context));
  } catch (error) {
    return replyOf(error, definition, request, context);
  }
}

function keyOf(netFn: number, cmd: number, group: number | undefined): number {
  return ((group ?? 0) << 16) | (netFn << 8) | cmd;
}

function run(
  definition: CommandDefinition,
  request: IncomingRequest,
  context: CommandContext,
  privilege: PrivilegeLevel | undefined,
): unknown {
  const { name, privilege: needed, group } = definition;
  if (request.rsLun !== 0) {
    throw new CompletionError(CompletionCode.invalidForLun, `${name}: LUN ${request.rsLun}, not 0`);
  }
  if (needed !== 'none' && (privilege === undefined || !atLeast(privilege, needed))) {
    throw new CompletionError(
      CompletionCode.insufficientPrivilege,
      `${name}: needs ${needed}, session has ${privilege ?? 'none'}`,
    );
  }
  if (definition.systemInterfaceOnly && context.channel !== Channel.systemInterface) {
    throw new CompletionError(CompletionCode.insufficientPrivilege, `${name}: on the system interface only`);
  }
  const injected = context.bmc.faults.current.refusals[name];
  if (injected !== undefined) throw new CompletionError(injected, `${name}: refused by an injected fault`);
  const data = group === undefined ? request.data : request.data.subarray(1);
  return definition.handle(decode(definition.request, data, name), context);
}

/** Of the reply that is being encoded: nothing waits in between. */
const writer = new ByteWriter();

function encodeReply(definition: CommandDefinition, value: unknown): Reply {
  writer.clear();
  writer.u8(CompletionCode.ok);
  if (definition.group !== undefined) writer.u8(definition.group);
  definition.response.write(writer, value);
  return writer.copy();
}

/** The defining body of a group extension's request stands first in every reply, refusals included. IPMI 2.0 §5.1 */
function bodyOf({ netFn, data }: IncomingRequest): Uint8Array {
  return netFn === NetFn.groupExtension ? data.subarray(0, 1) : noBytes;
}

const noBytes = new Uint8Array();

function refusal(code: number, ...parts: readonly Uint8Array[]): Reply {
  return concatBytes(Uint8Array.of(code), ...parts);
}

function replyOf(
  error: unknown,
  definition: CommandDefinition,
  request: IncomingRequest,
  context: CommandContext,
): Reply {
  const body = bodyOf(request);
  if (error instanceof CompletionError) return refusal(error.code, body, error.data);
  if (error instanceof BmcError) return refusal(completionCodeOf(error), body);
  if (error instanceof DecodeError) {
    const { requestLengthInvalid, invalidField } = CompletionCode;
    return refusal(error.fault === 'length' ? requestLengthInvalid : invalidField, body);
  }
  const { name, netFn, cmd } = definition;
  context.bmc.log.error({ err: error, netFn, cmd }, `${name} failed`);
  return refusal(CompletionCode.unspecified, body);
}
