/**
 * The Redfish service: finds the definition a request is about, checks who asks and what for, and turns what the
 * definition says into an answer. Everything that is the same for all resources is here and nowhere else. DSP0266.
 *
 *   path ─▶ definition ─▶ login ─▶ method ─▶ privilege ─▶ headers ─▶ ETag ─▶ body ─▶ definition's handler ─▶ answer
 *
 * A GET of a body that is kept takes the same steps, and waits for nothing.
 */
import type { Actor } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import type { PasswordLogin } from '../bmc/password-login.ts';
import type { User } from '../bmc/user.ts';
import type { HttpFace, HttpReply, HttpRequest, HttpRequestHead } from '../http/exchange.ts';
import { shortNameOf } from './actions.ts';
import { allowOf, commonHeaders, jsonType } from './answer-headers.ts';
import type { Bodies, Body } from './bodies.ts';
import { checkBody } from './body.ts';
import { usualValues } from './compatibility.ts';
import type { Context } from './context.ts';
import type { Action, Operation, Outcome, Privileges, Resource, Target } from './definition.ts';
import { asRedfishError, errorBody, RedfishError } from './errors.ts';
import { fresh, matches } from './etag.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { inWords, type Message, message, messageObject } from './messages.ts';
import { passwordChangeRequired } from './password-change.ts';
import { isAllowed, privilegesFor } from './privileges.ts';
import { answerQuery, parseQuery } from './query.ts';
import { roleOf, roles } from './roles.ts';
import type { Match, Routes } from './routes.ts';
import type { RedfishState } from './state.ts';

/** Who sent a request. */
export type Authentication =
  | { readonly kind: 'none' }
  | { readonly kind: 'user'; readonly user: User; readonly sessionId: string | undefined }
  /** Credentials that do not hold. */
  | { readonly kind: 'refused'; readonly retryAfterS?: number };

export interface RedfishServiceOptions {
  readonly bmc: Bmc;
  readonly state: RedfishState;
  readonly login: PasswordLogin;
  readonly routes: Routes;
  readonly bodies: Bodies;
  /** Takes what real clients send although no schema has it: see `compatibility.ts`. */
  readonly compatibility: boolean;
  authenticate(request: HttpRequest): Authentication;
}

/** A request that may be carried out. */
interface Admitted {
  readonly definition: Resource;
  readonly target: Target;
  readonly context: Context;
  readonly operation: Operation;
  /** The right to it rests on the resource being the user's own. */
  readonly self: boolean;
}

const methods: Readonly<Record<string, Operation>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'post',
  PATCH: 'patch',
  PUT: 'put',
  DELETE: 'delete',
};

const maxJsonDepth = 64;

export class RedfishService implements HttpFace {
  readonly prefixes = ['/redfish'];
  readonly #options: RedfishServiceOptions;
  readonly #routes: Routes;
  readonly #bodies: Bodies;

  constructor(options: RedfishServiceOptions) {
    this.#options = options;
    this.#routes = options.routes;
    this.#bodies = options.bodies;
  }

  streams({ method, url }: HttpRequestHead): boolean {
    if (method !== 'POST') return false;
    const match = this.#routes.find(splitUrl(url).path, method);
    return match?.action === undefined && match?.definition.rawPost?.streams === true;
  }

  async handle(request: HttpRequest): Promise<HttpReply> {
    try {
      const reply = await this.#answer(request);
      return request.method === 'HEAD' ? withoutBody(reply) : reply;
    } catch (error) {
      return this.#refusal(error, request);
    }
  }

  atOnce(request: HttpRequest): HttpReply | undefined {
    const { method, url } = request;
    if (method !== 'GET' || url.includes('?')) return undefined;
    const match = this.#routes.find(url, method);
    if (!match || match.action || !isShownAsKept(match.definition)) return undefined;
    const body = this.#bodies.kept(match.uri);
    if (!body) return undefined;
    try {
      this.#admit(match, request, url);
      checkAccept(request);
      return shown(body, request);
    } catch (error) {
      return this.#refusal(error, request);
    }
  }

  async #answer(request: HttpRequest): Promise<HttpReply> {
    const { path, search } = splitUrl(request.url);
    const match = this.#routes.find(path, request.method);
    const { definition, target, context, operation, self } = this.#admit(match, request, path);
    if (operation !== 'get') checkContentCoding(request);
    switch (operation) {
      case 'get':
        return this.#get(definition, target, context, search);
      case 'patch':
      case 'put':
        checkNoQuery(search);
        return this.#patch(definition, target, context, self);
      case 'post': {
        checkNoQuery(search);
        const action = match?.action;
        return action ? this.#act(action, target, context) : this.#post(definition, target, context);
      }
      case 'delete':
        checkNoQuery(search);
        await this.#checkIfMatch(definition, target, context);
        return this.#outcome(await definition.remove?.(target, context));
    }
  }

  /**
   * Who asks, whether there is what is asked for, and whether they may.
   * @param match undefined for a path that leads to nothing
   * @throws {RedfishError} when the request is not to be carried out
   */
  #admit(match: Match | undefined, request: HttpRequest, path: string): Admitted {
    checkODataVersion(request);
    const authentication = this.#options.authenticate(request);
    // Without a login nobody learns which paths exist.
    if (!match) {
      if (authentication.kind !== 'user') throw this.#unauthorized(authentication, request);
      throw new RedfishError(message('ResourceMissingAtURI', path));
    }
    const { definition, uri, params, action } = match;
    const operation = methods[request.method];
    const privileges = privilegesFor(definition, action, operation ?? 'get');
    if (privileges.length > 0 && authentication.kind !== 'user')
      throw this.#unauthorized(authentication, request);

    const user = authentication.kind === 'user' ? authentication.user : undefined;
    const context: Context = {
      bmc: this.#options.bmc,
      state: this.#options.state,
      login: this.#options.login,
      request,
      user,
      sessionId: authentication.kind === 'user' ? authentication.sessionId : undefined,
      actor: actorOf(user, request),
    };
    const found = definition.find(params, context);
    if (found === undefined) throw new RedfishError(message('ResourceMissingAtURI', path));
    const target: Target = { uri, params, found };
    if (!operation || !isAllowed(definition, action, operation)) {
      throw new RedfishError(message('OperationNotAllowed'), {
        headers: { allow: allowOf(definition, action) },
      });
    }
    const self =
      this.#checkPasswordChange(privileges, definition, target, context) ||
      this.#checkPrivilege(privileges, definition, target, context);
    return { definition, target, context, operation, self };
  }

  async #get(definition: Resource, target: Target, context: Context, search: string): Promise<HttpReply> {
    const { request } = context;
    if (definition.answer) return this.#outcome(await definition.answer(target, context));
    checkAccept(request);
    const query = parseQuery(search, definition.kind);
    const body = await this.#body(definition, target, context);
    const { content, headers } = body;
    const isAsKept = search === '' && isShownAsKept(definition);
    if (isAsKept || fresh(request.headers['if-none-match'], body.etag)) return shown(body, request);
    const chosen = await answerQuery(query, content, (uri) => this.#readUri(uri, context), {
      pageSize: definition.pageSize,
    });
    return json(200, query.excerpt ? excerptOf(definition, chosen) : chosen, headers);
  }

  /** As a GET without a query shows it. @throws {RedfishError} when it has gone meanwhile */
  async #body(definition: Resource, { uri, params }: Target, context: Context): Promise<Body> {
    const match = { definition, uri, params: params as Match['params'], action: undefined };
    const body = await this.#bodies.read(match, context);
    if (!body) throw new RedfishError(message('ResourceMissingAtURI', uri));
    return body;
  }

  /** @returns undefined when there is no such resource, or this user may not see it */
  async #readUri(uri: string, context: Context): Promise<JsonObject | undefined> {
    const match = this.#routes.find(uri, 'GET');
    if (!match || match.action || match.definition.kind === 'plain') return undefined;
    const { definition, params } = match;
    if (context.user?.passwordChangeRequired) return undefined;
    const isSelf = () => {
      const found = definition.find(params, context);
      return found !== undefined && definition.isSelf?.({ uri, params, found }, context) === true;
    };
    if (!holds(context.user, privilegesFor(definition, undefined, 'get'), isSelf)) return undefined;
    return (await this.#bodies.read(match, context))?.content;
  }

  async #patch(definition: Resource, target: Target, context: Context, self: boolean): Promise<HttpReply> {
    const { patch } = definition;
    if (!patch) throw new Error(`${definition.path}: a PATCH that is allowed but not defined`);
    await this.#checkIfMatch(definition, target, context);
    const body = this.#jsonBody(context.request, definition.path);
    const { content: current } = await this.#body(definition, target, context);
    if (self) checkSelf(definition, body);
    const { accepted, problems } = checkBody(patch.schema, body, { current, complete: false });
    const told: { property: string; message: Message }[] = [...problems];
    if (Object.keys(accepted).length === 0) {
      const [first, ...rest] = told.map((problem) => problem.message);
      if (first) throw new RedfishError([first, ...rest]);
      return json(200, { ...current, '@Message.ExtendedInfo': [messageObject(message('NoOperation'))] });
    }
    const refused = await patch.apply(accepted, target, context);
    told.push(...refused);
    const [first, ...rest] = told.map((problem) => problem.message);
    const taken = Object.keys(accepted).length - new Set(refused.map(({ property }) => property)).size;
    if (first && taken === 0) throw new RedfishError([first, ...rest]);
    // The change may have taken the resource's name, and with it the resource, away.
    const found = definition.find(target.params, context);
    if (found === undefined) return { status: 204, headers: commonHeaders };
    const { content: after, etag } = await this.#body(definition, target, context);
    return json(200, { ...after, ...annotations(told) }, { etag });
  }

  async #act(action: Action, target: Target, context: Context): Promise<HttpReply> {
    // Actions take no If-Match: gofish sends the entity's ETag along and expects no 412.
    const body = this.#jsonBody(context.request, action.name, { mayBeAbsent: true });
    const { accepted, problems } = checkBody(action.parameters, body, {
      action: action.name,
      complete: true,
    });
    refuse(problems);
    checkAllowable(action, accepted, target, context);
    const outcome = await action.run(accepted, target, context);
    return this.#outcome(outcome);
  }

  async #post(definition: Resource, target: Target, context: Context): Promise<HttpReply> {
    const { create, rawPost } = definition;
    const type = mediaType(context.request);
    if (rawPost?.contentTypes.includes(type ?? '')) {
      return this.#outcome(await rawPost.run(target, context));
    }
    if (!create) throw unsupportedType(rawPost?.contentTypes ?? []);
    const body = this.#jsonBody(context.request, definition.path);
    const { accepted, problems } = checkBody(create.schema, body, { complete: true });
    refuse(problems);
    return this.#outcome(await create.run(accepted, target, context));
  }

  /** @param subject path of the definition, or name of the action, that the body is for */
  #jsonBody(request: HttpRequest, subject: string, options: { mayBeAbsent?: boolean } = {}): JsonObject {
    const { compatibility } = this.#options;
    const body = jsonBody(request, { ...options, anyType: compatibility });
    return compatibility ? usualValues(subject, body) : body;
  }

  /**
   * @returns whether the user must change the password first, and asks for nothing but that
   * @throws {RedfishError} for everything else such a user asks for
   */
  #checkPasswordChange(
    privileges: Privileges,
    definition: Resource,
    target: Target,
    context: Context,
  ): boolean {
    const { user } = context;
    if (!user?.passwordChangeRequired || privileges.length === 0) return false;
    if (definition.beforePasswordChange && definition.isSelf?.(target, context)) return true;
    throw new RedfishError(passwordChangeRequired(user));
  }

  #unauthorized(authentication: Authentication, request: HttpRequest): RedfishError {
    // A client of sessions is not asked for a password: a browser would ask its user, and let the page wait for ever.
    const isAdvertised =
      this.#options.state.settings.httpBasicAuth === 'Enabled' &&
      request.headers['x-auth-token'] === undefined;
    return unauthorized(authentication, isAdvertised);
  }

  /** @returns whether the privilege rests on the resource being the user's own */
  #checkPrivilege(privileges: Privileges, definition: Resource, target: Target, context: Context): boolean {
    if (privileges.length === 0) return false;
    const others = privileges.filter((privilege) => privilege !== 'ConfigureSelf');
    if (holds(context.user, others, () => false)) return false;
    const isSelf = () => definition.isSelf?.(target, context) === true;
    if (holds(context.user, privileges, isSelf)) return true;
    throw new RedfishError(message('InsufficientPrivilege'));
  }

  async #checkIfMatch(definition: Resource, target: Target, context: Context): Promise<void> {
    const given = context.request.headers['if-match'];
    if (given === undefined) return;
    const { etag } = await this.#body(definition, target, context);
    if (!matches(given, etag)) throw new RedfishError(message('PreconditionFailed'));
  }

  #outcome(outcome: Outcome): HttpReply {
    if (outcome === undefined) return { status: 204, headers: commonHeaders };
    const { status, headers = {}, body, cut } = outcome;
    if (body === undefined) return { status, headers: { ...commonHeaders, ...headers } };
    if (isStream(body)) {
      return { status, headers: { ...commonHeaders, ...headers }, body, ...(cut && { cut }) };
    }
    return json(status, body, headers);
  }

  #refusal(error: unknown, request: HttpRequest): HttpReply {
    const known = asRedfishError(error);
    if (known) return json(known.status, errorBody(known.messages), known.headers);
    this.#options.bmc.log.error({ err: error, method: request.method, url: request.url }, 'redfish: a bug');
    return json(500, errorBody([message('InternalError')]));
  }
}

/** A GET without a query gives its body as it is. */
function isShownAsKept({ answer, pageSize }: Resource): boolean {
  return answer === undefined && pageSize === undefined;
}

/** The whole body, or that the client has it already. */
function shown({ etag, headers, unchangedHeaders, bytes }: Body, { headers: asked }: HttpRequest): HttpReply {
  if (fresh(asked['if-none-match'], etag)) return { status: 304, headers: unchangedHeaders };
  return { status: 200, headers, body: bytes };
}

function json(status: number, body: JsonObject, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return jsonText(status, JSON.stringify(body), headers);
}

function jsonText(status: number, body: string, headers: Readonly<Record<string, string>>): HttpReply {
  return {
    status,
    headers: { ...commonHeaders, 'content-type': jsonType, ...headers },
    body,
  };
}

function withoutBody({ status, headers }: HttpReply): HttpReply {
  return { status, headers };
}

function isStream(
  body: JsonObject | AsyncIterable<string | Uint8Array>,
): body is AsyncIterable<string | Uint8Array> {
  return Symbol.asyncIterator in body;
}

function splitUrl(url: string): { path: string; search: string } {
  const at = url.indexOf('?');
  return at < 0 ? { path: url, search: '' } : { path: url.slice(0, at), search: url.slice(at + 1) };
}

/** @param isSelf whether `ConfigureSelf` counts for this resource */
function holds(user: User | undefined, privileges: Privileges, isSelf: () => boolean): boolean {
  if (privileges.length === 0) return true;
  if (!user) return false;
  const own: Privileges = roles[roleOf(user)].privileges;
  return privileges.some((needed) => own.includes(needed) && (needed !== 'ConfigureSelf' || isSelf()));
}

/** With `ConfigureSelf` alone not everything of one's own can be changed. */
function checkSelf({ selfProperties }: Resource, body: JsonObject): void {
  if (!selfProperties) return;
  const other = Object.keys(body).find((name) => !name.includes('@') && !selfProperties.includes(name));
  if (other === undefined) return;
  throw new RedfishError(
    inWords(
      `Changing ${other} needs another privilege than ConfigureSelf.`,
      message('InsufficientPrivilege'),
    ),
  );
}

function actorOf(user: User | undefined, request: HttpRequest): Actor {
  return { name: user?.name ?? 'nobody', face: 'redfish', from: request.from };
}

function unauthorized(authentication: Authentication, advertisesBasic: boolean): RedfishError {
  const wait = authentication.kind === 'refused' ? authentication.retryAfterS : undefined;
  return new RedfishError(
    authentication.kind === 'none' ? message('NoValidSession') : message('AccessUnauthorized'),
    {
      status: 401,
      headers: {
        ...(advertisesBasic && { 'www-authenticate': 'Basic realm="Redfish", charset="UTF-8"' }),
        ...(wait === undefined ? {} : { 'retry-after': String(wait) }),
      },
    },
  );
}

/** DSP0266 §6.5: a version that we do not speak is refused. */
function checkODataVersion({ headers }: HttpRequest): void {
  const version = headers['odata-version'];
  if (version === undefined || version === '4.0') return;
  throw new RedfishError(message('HeaderInvalid', 'OData-Version'), { status: 412 });
}

function checkAccept({ headers: { accept } }: HttpRequest): void {
  if (accept === undefined) return;
  const fits = accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false;
    return ['*/*', 'application/*', 'application/json', ''].includes(type);
  });
  if (!fits) throw new RedfishError(message('HeaderInvalid', 'Accept'), { status: 406 });
}

function checkNoQuery(search: string): void {
  const names = [...new URLSearchParams(search).keys()];
  if (names.some((name) => name.startsWith('$') || name === 'only')) {
    throw new RedfishError(message('QueryNotSupportedOnOperation'));
  }
}

function mediaType({ headers }: HttpRequest): string | undefined {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
}

/** @param expected an empty one stands for no Content-Type at all */
function unsupportedType(expected: readonly string[]): RedfishError {
  const named = expected.filter((type) => type !== '');
  const list = named.length > 0 ? named.join(' or ') : 'application/json';
  return new RedfishError(
    inWords(`The Content-Type must be ${list}.`, message('HeaderInvalid', 'Content-Type')),
    { status: 415 },
  );
}

/** No body is unpacked here. @throws {RedfishError} 415 for one that is packed; RFC 9110 §8.4, §12.5.3 */
function checkContentCoding({ headers }: HttpRequest): void {
  const coding = headers['content-encoding']?.trim() ?? '';
  if (coding === '' || coding.toLowerCase() === 'identity') return;
  const text = `A body is taken as it is: Content-Encoding ${coding} is not supported.`;
  throw new RedfishError(inWords(text, message('HeaderInvalid', 'Content-Encoding')), {
    status: 415,
    headers: { 'accept-encoding': 'identity' },
  });
}

/** ASCII is UTF-8 as well. */
const jsonCharsets: readonly (string | undefined)[] = [undefined, 'utf-8', 'utf8', 'us-ascii'];

/** @throws {RedfishError} 415 for another encoding than that of JSON. RFC 8259 §8.1 */
function checkCharset({ headers }: HttpRequest): void {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(headers['content-type'] ?? '') ?? [];
  if (jsonCharsets.includes(charset?.toLowerCase())) return;
  const text = `JSON is taken in UTF-8, not in ${charset}.`;
  throw new RedfishError(inWords(text, message('HeaderInvalid', 'Content-Type')), { status: 415 });
}

/**
 * @param options.mayBeAbsent nothing at all stands for an object without properties: actions are called so
 * @param options.anyType JSON is taken for what it is also where the header says nothing, or what curl says of itself
 * @throws {RedfishError} 415 or 400
 */
function jsonBody(
  request: HttpRequest,
  options: { mayBeAbsent?: boolean; anyType?: boolean } = {},
): JsonObject {
  if (request.body.length === 0) {
    if (options.mayBeAbsent) return {};
    throw new RedfishError(message('UnrecognizedRequestBody'));
  }
  const type = mediaType(request);
  const isCommonMistake = type === undefined || type === 'application/x-www-form-urlencoded';
  if (type !== 'application/json' && !(options.anyType && isCommonMistake)) throw unsupportedType([]);
  checkCharset(request);
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(request.body);
    value = JSON.parse(text);
  } catch {
    throw new RedfishError(message('MalformedJSON'));
  }
  if (!isObject(value)) throw new RedfishError(message('UnrecognizedRequestBody'));
  if (depthExceeds(value, maxJsonDepth)) {
    throw new RedfishError(
      inWords(`The JSON is nested deeper than ${maxJsonDepth} levels.`, message('UnrecognizedRequestBody')),
    );
  }
  if (!isSound(value)) throw new RedfishError(message('UnrecognizedRequestBody'));
  return value;
}

function depthExceeds(value: Json | undefined, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (limit === 0) return true;
  return Object.values(value).some((child: Json | undefined) => depthExceeds(child, limit - 1));
}

/**
 * JSON.parse makes `__proto__` a property of its own; what copies it on might not. It also takes halves of characters,
 * which no encoding can write.
 */
function isSound(value: Json | undefined): boolean {
  if (typeof value === 'string') return !/\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return !Object.hasOwn(value, '__proto__') && Object.values(value).every((child) => isSound(child));
}

function checkAllowable(action: Action, given: JsonObject, target: Target, context: Context): void {
  const allowable = action.allowable?.(target, context) ?? {};
  for (const [name, values] of Object.entries(allowable)) {
    const value = given[name];
    if (typeof value !== 'string' || values.includes(value)) continue;
    throw new RedfishError(message('ActionParameterValueNotInList', value, name, shortNameOf(action)));
  }
}

function refuse(problems: readonly { message: Message }[]): void {
  const [first, ...rest] = problems.map((problem) => problem.message);
  if (first) throw new RedfishError([first, ...rest]);
}

/**
 * What a PATCH that was taken in part says beside the resource: each problem at its property, and all of them where
 * clients look that do not know the properties' names. DSP0266 §7.9.
 */
function annotations(problems: readonly { property: string; message: Message }[]): JsonObject {
  if (problems.length === 0) return {};
  const result: Record<string, Json> = {
    '@Message.ExtendedInfo': problems.map(({ message: told }) => messageObject(told)),
  };
  for (const { property, message: told } of problems) {
    const name = `${property}@Message.ExtendedInfo`;
    const before = result[name];
    result[name] = [...(Array.isArray(before) ? before : []), messageObject(told)];
  }
  return result;
}

/** Where a type defines no excerpt, it is the whole resource. DSP0266 §7.3.7. */
function excerptOf({ excerpt }: Resource, body: JsonObject): JsonObject {
  if (!excerpt) return body;
  return Object.fromEntries(
    Object.entries(body).filter(([name]) => name.startsWith('@odata.') || excerpt.includes(name)),
  );
}
