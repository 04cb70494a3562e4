/** From a path to the definition it is about. The router is find-my-way, which Fastify uses as well. */
import FindMyWay from 'find-my-way';
import { actionInfo, actionPath } from './actions.ts';
import type { Action, Resource } from './definition.ts';

/** So many; then they are looked up anew. */
const keptMatches = 512;

export interface Match {
  readonly definition: Resource;
  /** The canonical path: no slash at the end, as the links in the bodies spell it. */
  readonly uri: string;
  readonly params: Readonly<Record<string, string>>;
  /** The path is that of an action of the resource. */
  readonly action: Action | undefined;
}

interface Entry {
  readonly definition: Resource;
  readonly action: Action | undefined;
}

type Router = ReturnType<typeof FindMyWay>;

export class Routes {
  readonly #entries: (readonly [path: string, entry: Entry])[] = [];
  /** Made when first asked: its tables are code that is made and compiled, which a start need not wait for. */
  #router: Router | undefined;
  readonly #all: readonly Resource[];
  /** Paths that were found lately: clients ask for the same ones again and again. */
  readonly #found = new Map<string, Match>();

  constructor(resources: readonly Resource[]) {
    const all: Resource[] = [];
    for (const definition of resources) {
      this.#add(definition.path, { definition, action: undefined });
      all.push(definition);
      for (const each of definition.actions) {
        this.#add(actionPath(definition.path, each), { definition, action: each });
        const info = actionInfo(definition, each);
        if (!info) continue;
        this.#add(info.path, { definition: info, action: undefined });
        all.push(info);
      }
    }
    this.#all = all;
  }

  /** All definitions, those of actions' descriptions included. */
  get all(): readonly Resource[] {
    return this.#all;
  }

  #add(path: string, entry: Entry): void {
    this.#entries.push([path, entry]);
  }

  #makeRouter(): Router {
    const router = FindMyWay({ ignoreTrailingSlash: true, caseSensitive: true, maxParamLength: 200 });
    for (const [path, entry] of this.#entries) router.on('GET', path, () => undefined, entry);
    return router;
  }

  /**
   * @param path percent-encoded, without a query
   * @param method with POST, the `Members` of a collection are the collection. DSP0266 §7.10.
   */
  find(path: string, method: string): Match | undefined {
    if (method === 'POST') {
      const [, collection] = /^(.+)\/Members\/?$/.exec(path) ?? [];
      const match = collection === undefined ? undefined : this.find(collection, 'GET');
      if (match?.definition.kind === 'collection' && !match.action) return match;
    }
    const known = this.#found.get(path);
    if (known) return known;
    this.#router ??= this.#makeRouter();
    const route = this.#router.find('GET', path);
    if (!route) return undefined;
    const { definition, action } = route.store as Entry;
    const params = route.params as Readonly<Record<string, string>>;
    const match = { definition, action, params, uri: uriOf(definition.path, params) };
    if (this.#found.size >= keptMatches) this.#found.clear();
    this.#found.set(path, match);
    return match;
  }
}

/** A path with its parameters filled in, as far as they are known. */
export function uriOf(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:(\w+)/g, (parameter, name: string) => {
    const value = params[name];
    return value === undefined ? parameter : encodeURIComponent(value);
  });
}
