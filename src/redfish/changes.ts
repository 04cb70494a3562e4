/**
 * Tells of every resource that has come, changed or gone, whoever caused it. A part of the core tells that it is not as
 * before; the resources that rest on it are read anew and compared with what they were; those that differ are told of.
 *
 *   signals of parts ─▶ resources in question ─▶ a moment later: read, compare ─▶ ResourceChanged, Created, Removed
 *
 * What is measured wanders all the time and is no change: it comes in metric reports. Nothing is read or told before
 * somebody listens for the first time; then every resource that links lead to is known from there on.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Bodies, Body } from './bodies.ts';
import type { Context } from './context.ts';
import { shortType } from './definition.ts';
import { etagOf } from './etag.ts';
import type { Happenings } from './happenings.ts';
import type { Json, JsonObject } from './json.ts';
import type { Parts } from './parts.ts';
import { onlyId, root } from './paths.ts';
import { type Routes, uriOf } from './routes.ts';

/** Changes of a resource within so long are told of once. */
export const coalesceMs = 50;

export interface ChangesOptions {
  readonly parts: Parts;
  readonly bodies: Bodies;
  readonly routes: Routes;
  readonly happenings: Happenings;
  /** Of nobody: what depends on who asks is not watched. */
  readonly context: Context;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Known {
  /** What it was, in short. */
  readonly digest: string;
  readonly parts: ReadonlySet<string>;
  readonly type: string;
}

export class Changes {
  readonly #options: ChangesOptions;
  /** By URI. */
  readonly #known = new Map<string, Known>();
  readonly #inQuestion = new Set<string>();
  #started: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #timer: Timer | undefined;
  /** The latest look at what is in question: the next one waits for it. */
  #looking: Promise<void> = Promise.resolve();

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /** Gets to know all resources; from then on their changes are told. Once, however often it is called. */
  start(): Promise<void> {
    this.#started ??= this.#begin();
    return this.#started;
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#timer?.cancel();
    this.#known.clear();
  }

  async #begin(): Promise<void> {
    this.#unsubscribe = this.#options.parts.onChange((part) => this.#heard(part));
    for (const uri of this.#places()) await this.#look(uri, false);
  }

  /** Older clients know places that no link leads to. */
  #places(): string[] {
    const ids = { systemId: onlyId, chassisId: onlyId, managerId: onlyId };
    const others = this.#options.routes.all
      .map(({ path }) => uriOf(path, ids))
      .filter((uri) => !uri.includes(':'));
    return [root, ...others];
  }

  #heard(part: string): void {
    for (const [uri, { parts }] of this.#known) if (parts.has(part)) this.#inQuestion.add(uri);
    if (this.#inQuestion.size === 0 || this.#timer) return;
    this.#timer = this.#options.clock.after(coalesceMs, () => {
      this.#timer = undefined;
      this.#looking = this.#looking.then(() => this.#lookAtAll());
    });
  }

  async #lookAtAll(): Promise<void> {
    const uris = [...this.#inQuestion];
    this.#inQuestion.clear();
    for (const uri of uris) await this.#look(uri, true);
  }

  /** Looks at a resource, and at those that its links lead to and that nobody has seen yet. */
  async #look(first: string, tell: boolean): Promise<void> {
    const { routes, bodies, context, log } = this.#options;
    // A set is walked through to what is put in meanwhile.
    const uris = new Set([first]);
    for (const uri of uris) {
      const match = routes.find(uri, 'GET');
      if (!match || match.action || match.definition.kind === 'plain') continue;
      if (uri !== first && this.#known.has(match.uri)) continue;
      try {
        const body = await bodies.read(match, context);
        this.#compare(match.uri, body, tell);
        if (body) for (const link of linksOf(body)) uris.add(link);
      } catch (error) {
        log.error({ err: error, uri }, 'redfish: a resource that cannot be read is not watched');
      }
    }
  }

  #compare(uri: string, body: Body | undefined, tell: boolean): void {
    const before = this.#known.get(uri);
    if (!body) {
      if (!before) return;
      this.#known.delete(uri);
      this.#options.happenings.resource('removed', uri, before.type);
      return;
    }
    const now = { digest: digestOf(body), parts: body.parts, type: shortType(body.definition.type ?? '') };
    this.#known.set(uri, now);
    if (!tell || before?.digest === now.digest) return;
    this.#options.happenings.resource(before ? 'changed' : 'created', uri, now.type);
  }
}

/** Where something changes without a word, only what else there is counts: as with the entity tag. */
function digestOf({ content, etag, isFresh, definition }: Body): string {
  if (isFresh || definition.volatile.length === 0) return etag;
  const { '@odata.etag': _, ...all } = content;
  return etagOf(all, []);
}

/** Entries of logs never change: their log tells of new ones. */
function linksOf({ content, definition }: Body): string[] {
  if (definition.pageSize === undefined) return referencesIn(content);
  const { Members: _, ...others } = content;
  return referencesIn(others);
}

function referencesIn(value: Json | JsonObject | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const isReference = name === '@odata.id' || name === '@Redfish.ActionInfo';
    if (!isReference || typeof child !== 'string') return referencesIn(child);
    return child.includes('#') ? [] : [child];
  });
}
