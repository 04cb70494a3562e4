/**
 * The bodies of resources, as a GET without a query shows them, each with its entity tag and its bytes. One that rests on
 * nothing that changes without a word is kept until a part of it tells of a change; all others are read anew each time.
 * Who may see a body is not decided here.
 */
import { actionsOf } from './actions.ts';
import { allowOf, commonHeaders, jsonType, linkOf } from './answer-headers.ts';
import type { Context } from './context.ts';
import type { Resource, Target } from './definition.ts';
import { etagOf } from './etag.ts';
import { isObject, type JsonObject } from './json.ts';
import { Notes, type Parts } from './parts.ts';
import type { Match } from './routes.ts';

/** So many are kept; those kept longest go first. */
export const keptBodies = 512;

export interface Body {
  readonly definition: Resource;
  /** With `@odata.etag`. Nobody changes it. */
  readonly content: JsonObject;
  readonly etag: string;
  /** The content as JSON. */
  readonly bytes: Uint8Array;
  /** Of an answer with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of an answer that says that it is as it was. */
  readonly unchangedHeaders: Readonly<Record<string, string>>;
  /** What it rests on, by name. */
  readonly parts: ReadonlySet<string>;
  /** It rests on something that changes without a word, too. */
  readonly isFresh: boolean;
}

interface Kept {
  readonly body: Body;
  /** When it was last known to hold, by the parts' count. */
  heldAt: number;
}

export class Bodies {
  readonly #parts: Parts;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @returns undefined when there is no such resource */
  async read({ definition, uri, params }: Match, context: Context): Promise<Body | undefined> {
    const kept = this.kept(uri);
    if (kept) return kept;
    const readAt = this.#parts.now;
    const notes = new Notes();
    const watched = this.#parts.watched(context, notes);
    const found = definition.find(params, watched);
    if (found === undefined) return undefined;
    const content = await contentOf(definition, { uri, params, found }, watched);
    const etag = String(content['@odata.etag']);
    const { parts, isFresh } = notes;
    const headers = headersOf(definition, etag);
    const { 'content-type': _, ...unchangedHeaders } = headers;
    const body = {
      definition,
      content,
      etag,
      headers,
      unchangedHeaders,
      bytes: Buffer.from(JSON.stringify(content)),
      parts,
      isFresh,
    };
    this.#kept.delete(uri);
    // What has changed while it was read may be in it by half.
    if (!isFresh && !this.#parts.changedSince(parts, readAt)) this.#keep(uri, { body, heldAt: readAt });
    return body;
  }

  /** What is kept of a resource, and still holds. */
  kept(uri: string): Body | undefined {
    const kept = this.#kept.get(uri);
    if (!kept) return undefined;
    const { now } = this.#parts;
    if (this.#parts.changedSince(kept.body.parts, kept.heldAt)) {
      this.#kept.delete(uri);
      return undefined;
    }
    kept.heldAt = now;
    return kept.body;
  }

  #keep(uri: string, kept: Kept): void {
    this.#kept.set(uri, kept);
    if (this.#kept.size <= keptBodies) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}

function headersOf(definition: Resource, etag: string): Readonly<Record<string, string>> {
  return {
    ...commonHeaders,
    'content-type': jsonType,
    allow: allowOf(definition, undefined),
    link: linkOf(definition),
    etag,
  };
}

async function contentOf(definition: Resource, target: Target, context: Context): Promise<JsonObject> {
  const own = await definition.read(target, context);
  const actions = actionsOf(definition, target, context);
  const members = definition.members?.(target, context);
  const body: JsonObject = {
    '@odata.id': target.uri,
    '@odata.type': definition.type,
    ...own,
    ...(actions && { Actions: { ...actions, ...(isObject(own.Actions) ? own.Actions : {}) } }),
    ...(members && {
      'Members@odata.count': members.length,
      Members: members.map((uri) => ({ '@odata.id': uri })),
    }),
  };
  return { ...body, '@odata.etag': etagOf(body, definition.volatile) };
}
