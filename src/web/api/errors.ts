/** What can go wrong between the browser and the appliance, as one type that says the cause and the remedy. DSP0266 §8.6. */

/** One entry of `@Message.ExtendedInfo`. */
export interface ExtendedMessage {
  /** Without registry and version: `PropertyValueNotInList`. */
  readonly id: string;
  readonly text: string;
  readonly args: readonly string[];
  /** What the service advises; undefined where it says that there is nothing to do. */
  readonly resolution: string | undefined;
  /** Names of the properties it is about: `Boot/BootSourceOverrideTarget`. */
  readonly properties: readonly string[];
}

/**
 * `unreachable`: no answer. `unauthorized`: no session, or a wrong name or password. `forbidden`: the user may not.
 * `missing`: no such resource. `changed`: somebody else was quicker (If-Match). `busy`: later perhaps. `refused`: any
 * other 4xx. `failed`: 5xx, or an answer that is no Redfish.
 */
export type ApiErrorKind =
  | 'unreachable'
  | 'unauthorized'
  | 'forbidden'
  | 'missing'
  | 'changed'
  | 'busy'
  | 'refused'
  | 'failed';

interface ApiErrorOptions {
  readonly kind: ApiErrorKind;
  readonly method: string;
  readonly uri: string;
  readonly status?: number;
  readonly messages?: readonly ExtendedMessage[];
  readonly retryAfterS?: number | undefined;
  readonly cause?: unknown;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ApiErrorKind;
  readonly method: string;
  readonly uri: string;
  /** HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  readonly messages: readonly ExtendedMessage[];
  /** Seconds, from Retry-After. */
  readonly retryAfterS: number | undefined;

  constructor({ kind, method, uri, status, messages = [], retryAfterS, cause }: ApiErrorOptions) {
    const said = messages.map(({ text }) => text).join(' ');
    super(`${method} ${uri}: ${said || (status === undefined ? kind : `HTTP ${status}`)}`, { cause });
    this.kind = kind;
    this.method = method;
    this.uri = uri;
    this.status = status;
    this.messages = messages;
    this.retryAfterS = retryAfterS;
  }

  /** Whether the service said this, by its short message ID. */
  has(id: string): boolean {
    return this.messages.some((message) => message.id === id);
  }

  /** What it said about one property of what was sent; undefined for nothing. */
  about(property: string): string | undefined {
    return this.messages.find(({ properties }) => properties.includes(property))?.text;
  }
}

export function kindOfStatus(status: number): ApiErrorKind {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'missing';
  if (status === 412 || status === 428) return 'changed';
  if (status === 429 || status === 503) return 'busy';
  return status < 500 ? 'refused' : 'failed';
}

/** @param body as parsed from JSON, of any shape; @returns what is understood of it */
export function extendedMessages(body: unknown): readonly ExtendedMessage[] {
  const outer = isRecord(body) && isRecord(body.error) ? body.error : body;
  const list = isRecord(outer) ? outer['@Message.ExtendedInfo'] : undefined;
  if (!Array.isArray(list)) return [];
  return list.filter(isRecord).map((entry) => {
    const id = typeof entry.MessageId === 'string' ? entry.MessageId : '';
    const resolution = typeof entry.Resolution === 'string' ? entry.Resolution : '';
    return {
      id: id.slice(id.lastIndexOf('.') + 1),
      text: typeof entry.Message === 'string' ? entry.Message : id,
      args: strings(entry.MessageArgs),
      resolution: resolution === '' || /^none\.?$/i.test(resolution) ? undefined : resolution,
      properties: strings(entry.RelatedProperties).map((path) => path.replace(/^#?\//, '')),
    };
  });
}

/** @returns seconds; undefined for no header, or for a date, which this service never sends */
export function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function strings(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
