/** From a path to the definition it is about. The router is find-my-way, which Fastify uses as well. */
import FindMyWay from 'find-my-way';
import { actionInfo, actionPath } from './actions.ts';
import type { Action, Resource } from './definition.ts';

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

export class Routes {
  readonly #router = FindMyWay({ ignoreTrailingSlash: true, caseSensitive: true, maxParamLength: 200 });
  readonly #all: readonly Resource[];

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
    this.#router.on('GET', path, () => undefined, entry);
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
    const route = this.#router.find('GET', path);
    if (!route) return undefined;
    const { definition, action } = route.store as Entry;
    const params = route.params as Readonly<Record<string, string>>;
    return { definition, action, params, uri: uriOf(definition.path, params) };
  }
}

/** A path with its parameters filled in. */
export function uriOf(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}
