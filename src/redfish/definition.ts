/**
 * The shape of a resource definition. Routes, `Allow`, privileges, the privilege registry, reference documents, the
 * OpenAPI document and test matrices all come from these; a schema family is one file of them in `resources/`.
 *
 * A definition names its path once. `find` says whether the resource exists for these path parameters and hands what
 * it found to everything else; `read` gives the body without what the service adds by itself: `@odata.id`,
 * `@odata.type`, `@odata.etag`, `Actions`.
 */
import type { Static, TObject } from 'typebox';
import type { Context } from './context.ts';
import type { JsonObject } from './json.ts';
import type { Message } from './messages.ts';

/** DSP0266 §13.4. */
export const privilegeNames = [
  'Login',
  'ConfigureManager',
  'ConfigureUsers',
  'ConfigureComponents',
  'ConfigureSelf',
] as const;
export type Privilege = (typeof privilegeNames)[number];

export const operations = ['get', 'patch', 'put', 'post', 'delete'] as const;
export type Operation = (typeof operations)[number];

/** One of these suffices. Empty: nobody needs any, not even a login. `ConfigureSelf` counts for {@link Resource.isSelf}. */
export type Privileges = readonly Privilege[];

/** `'/Systems/:systemId'` → `{ systemId: string }`. */
export type PathParams<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [K in Name]: string } & PathParams<Rest>
  : P extends `${string}:${infer Name}`
    ? { readonly [K in Name]: string }
    : unknown;

/** The resource a request is about. */
export interface Target<Params = unknown, Found = unknown> {
  /** Its own path: `/redfish/v1/Systems/1`. */
  readonly uri: string;
  readonly params: Params;
  /** What `find` found. */
  readonly found: Found;
}

/** What a request leads to. `undefined`: done, nothing to say (204). */
export type Outcome =
  | undefined
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** A stream is sent as it comes, under the content type that `headers` give. */
      readonly body?: JsonObject | AsyncIterable<string | Uint8Array>;
      /** Aborted when a stream is given up in its middle. */
      readonly cut?: AbortSignal;
    };

/** A property of a PATCH that was not taken, with a JSON pointer to it. */
export interface Refused {
  readonly property: string;
  readonly message: Message;
}

/** What a PATCH may change and how. Made by `together` or `each` (`patch.ts`). */
export interface Patch<Params = unknown, Found = unknown> {
  readonly schema: TObject;
  /**
   * @param change what passed the schema; only what the client sent
   * @returns what was refused; the rest has been done and kept
   */
  apply(
    change: JsonObject,
    target: Target<Params, Found>,
    context: Context,
  ): readonly Refused[] | Promise<readonly Refused[]>;
}

export interface Action<Params = unknown, Found = unknown> {
  /** As in the schema: `#ComputerSystem.Reset`. */
  readonly name: string;
  /** It is ours, and no schema of DMTF's has it. */
  readonly oem?: boolean;
  /** `POST` needs one of these. The resource's own for `post` unless given. */
  readonly privileges?: Privileges;
  readonly parameters: TObject;
  /** Values of `@Redfish.OperationApplyTime` that it takes; DSP0266 §9.11. */
  readonly applyTimes?: readonly string[];
  /** Values that are on offer now, for parameters whose schema does not say it all. */
  allowable?(target: Target<Params, Found>, context: Context): Readonly<Record<string, readonly string[]>>;
  run(parameters: JsonObject, target: Target<Params, Found>, context: Context): Outcome | Promise<Outcome>;
}

export interface Create<Params = unknown, Found = unknown> {
  /** Properties of the new member; those that are not optional are required. */
  readonly schema: TObject;
  run(properties: JsonObject, target: Target<Params, Found>, context: Context): Outcome | Promise<Outcome>;
}

/** A body that is not JSON: a multipart upload, an event stream. */
export interface RawPost<Params = unknown, Found = unknown> {
  /** Media types that are taken: `multipart/form-data`. */
  readonly contentTypes: readonly string[];
  /** The body may be of any length, and is taken piece by piece: `request.stream`. */
  readonly streams?: boolean;
  run(target: Target<Params, Found>, context: Context): Outcome | Promise<Outcome>;
}

export interface Resource<Params = unknown, Found = unknown> {
  /** `/redfish/v1/Systems/:systemId` */
  readonly path: string;
  /** `#ComputerSystem.v1_27_0.ComputerSystem`; absent where the body is no resource (`/redfish`, an event stream). */
  readonly type?: string;
  readonly kind: 'resource' | 'collection' | 'plain';
  /** An operation that is not named here is not privileged, but not possible either. */
  readonly privileges: Readonly<Partial<Record<Operation, Privileges>>>;
  /** @returns undefined when there is no such resource */
  find(params: Params, context: Context): Found | undefined;
  /** What a GET answers. An {@link Outcome} only for `plain`. */
  read(target: Target<Params, Found>, context: Context): JsonObject | Promise<JsonObject>;
  /** In place of `read`, for `plain`: a body of another kind, such as XML or a stream. */
  readonly answer?: (target: Target<Params, Found>, context: Context) => Outcome | Promise<Outcome>;
  /** Paths of a collection's members, in order. */
  readonly members?: (target: Target<Params, Found>, context: Context) => readonly string[];
  /** Members are shown whole, a page at a time: log entries. */
  readonly pageSize?: number;
  /** Top-level properties that change by themselves and are no part of the ETag. */
  readonly volatile: readonly string[];
  readonly patch?: Patch<Params, Found>;
  readonly create?: Create<Params, Found>;
  readonly rawPost?: RawPost<Params, Found>;
  readonly remove?: (target: Target<Params, Found>, context: Context) => Outcome | Promise<Outcome>;
  readonly actions: readonly Action<Params, Found>[];
  /** Whether the resource belongs to the user who asks, so that `ConfigureSelf` counts. */
  readonly isSelf?: (target: Target<Params, Found>, context: Context) => boolean;
  /** What a user may change with `ConfigureSelf` alone; anything that can be written unless given. */
  readonly selfProperties?: readonly string[];
  /** Open to users who must change their password first, where it is their own. Of it, `selfProperties` alone. */
  readonly beforePasswordChange?: boolean;
  /** Properties that stay when the query asks for an excerpt; all unless given. DSP0266 §7.3.7. */
  readonly excerpt?: readonly string[];
}

interface ResourceSpec<P extends string, Found>
  extends Partial<
    Pick<
      Resource<PathParams<P>, NoInfer<Found>>,
      | 'patch'
      | 'remove'
      | 'actions'
      | 'isSelf'
      | 'selfProperties'
      | 'beforePasswordChange'
      | 'excerpt'
      | 'volatile'
      | 'create'
      | 'rawPost'
    >
  > {
  path: P;
  type: string;
  privileges: Resource['privileges'];
  /** @returns undefined when there is no such resource */
  find(params: PathParams<P>, context: Context): Found | undefined;
  read(target: Target<PathParams<P>, Found>, context: Context): JsonObject | Promise<JsonObject>;
}

/** `#ComputerSystem.v1_27_0.ComputerSystem` → `ComputerSystem`. */
export function shortType(type: string): string {
  return type.slice(1, type.indexOf('.'));
}

/** The `find` of what there is always. */
export function always(): true {
  return true;
}

/** Declares a resource. */
export function resource<P extends string, Found>(spec: ResourceSpec<P, Found>): Resource {
  return { kind: 'resource', volatile: [], actions: [], ...spec } as unknown as Resource;
}

interface CollectionSpec<P extends string, Found> {
  path: P;
  /** `#SessionCollection.SessionCollection` */
  type: string;
  name: string;
  privileges: Resource['privileges'];
  /** Whether what the collection belongs to exists. */
  find(params: PathParams<P>, context: Context): Found | undefined;
  /** Paths of the members, in order. */
  members(target: Target<PathParams<P>, Found>, context: Context): readonly string[];
  pageSize?: number;
  create?: Create<PathParams<P>, Found>;
  rawPost?: RawPost<PathParams<P>, Found>;
}

/** Declares a collection. */
export function collection<P extends string, Found>({ name, ...spec }: CollectionSpec<P, Found>): Resource {
  const read = () => ({ Name: name });
  return { kind: 'collection', read, volatile: [], actions: [], ...spec } as unknown as Resource;
}

/** Declares an answer that is no Redfish resource: `/redfish`, `$metadata`, an event stream. */
export function plain<P extends string, Found = true>(
  spec: Partial<Pick<Resource<PathParams<P>, NoInfer<Found>>, 'remove' | 'isSelf'>> & {
    path: P;
    privileges: Resource['privileges'];
    /** There is always something to answer unless given. */
    find?(params: PathParams<P>, context: Context): Found | undefined;
    answer(target: Target<PathParams<P>, NoInfer<Found>>, context: Context): Outcome | Promise<Outcome>;
  },
): Resource {
  return { kind: 'plain', find: always, read: () => ({}), volatile: [], actions: [], ...spec } as Resource;
}

/** Declares an action. The handler gets the checked parameters and refuses by throwing `BmcError` or `RedfishError`. */
export function action<Schema extends TObject, Params, Found>(spec: {
  name: string;
  oem?: boolean;
  privileges?: Privileges;
  parameters: Schema;
  applyTimes?: readonly string[];
  allowable?(target: Target<Params, Found>, context: Context): Readonly<Record<string, readonly string[]>>;
  run(
    parameters: Static<Schema>,
    target: Target<Params, Found>,
    context: Context,
  ): Outcome | Promise<Outcome>;
}): Action<Params, Found> {
  return spec as unknown as Action<Params, Found>;
}

/** Declares how a collection gets a new member. */
export function create<Schema extends TObject, Params, Found>(spec: {
  schema: Schema;
  run(
    properties: Static<Schema>,
    target: Target<Params, Found>,
    context: Context,
  ): Outcome | Promise<Outcome>;
}): Create<Params, Found> {
  return spec as unknown as Create<Params, Found>;
}
