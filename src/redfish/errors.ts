/** Refusals in Redfish's words. DSP0266 §8.6. */
import { BmcError, type BmcErrorKind } from '../bmc/errors.ts';
import type { JsonObject } from './json.ts';
import { inWords, type Message, message, messageObject, severityOf, withStatus } from './messages.ts';

/** A request that cannot be granted, with what the client is told. */
export class RedfishError extends Error {
  override readonly name = 'RedfishError';
  readonly status: number;
  readonly messages: readonly [Message, ...Message[]];
  readonly headers: Readonly<Record<string, string>>;

  /** The status is that of the first message unless given. */
  constructor(
    messages: Message | readonly [Message, ...Message[]],
    options: { status?: number; headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    const all = Array.isArray(messages)
      ? (messages as readonly [Message, ...Message[]])
      : ([messages] as [Message]);
    super(`${all.map(({ id }) => id).join(', ')}`, { cause: options.cause });
    this.messages = all;
    this.status = options.status ?? all[0].status;
    this.headers = options.headers ?? {};
  }
}

const retryAfterS = 5;

/** What the core's refusals are here. A property or parameter in question is named by the caller. */
const refusals: Readonly<Record<BmcErrorKind, Message>> = {
  'bad-argument': withStatus(400, message('GeneralError')),
  'not-found': withStatus(404, message('GeneralError')),
  'wrong-state': message('ResourceInUse'),
  'not-supported': withStatus(501, message('GeneralError')),
  busy: message('ServiceTemporarilyUnavailable', String(retryAfterS)),
  'timed-out': message('OperationTimeout'),
  'no-space': message('InsufficientStorage'),
  'not-permitted': message('AccessForbidden'),
};

/** @returns the error as a Redfish one; anything that is not a refusal is a bug, and stays what it is */
export function asRedfishError(error: unknown): RedfishError | undefined {
  if (error instanceof RedfishError) return error;
  if (!(error instanceof BmcError)) return undefined;
  return new RedfishError(inWords(sentence(error.message), refusals[error.kind]), {
    cause: error,
    ...(error.kind === 'busy' && { headers: { 'retry-after': String(retryAfterS) } }),
  });
}

/** A name in front stays as it is spelled: `slow.img: …`, `images.example.org redirects …`; a word does not. */
function sentence(text: string): string {
  const beginsWithWord = /^[a-z]+(?:['’-][a-z]+)*,?(?=\s|[.!?]?$)/.test(text);
  const begun = beginsWithWord ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** The body of an error response. @param messages at least one; the most severe one gives the code */
export function errorBody(messages: readonly [Message, ...Message[]]): JsonObject {
  const order = ['OK', 'Warning', 'Critical'];
  const [first] = messages;
  const worst = messages.reduce(
    (a, b) => (order.indexOf(severityOf(b)) > order.indexOf(severityOf(a)) ? b : a),
    first,
  );
  const head = messageObject(messages.length === 1 ? worst : message('GeneralError'));
  return {
    error: {
      code: head.MessageId,
      message: head.Message,
      '@Message.ExtendedInfo': messages.map(messageObject),
    },
  };
}
