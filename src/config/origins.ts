/** Remembers where each setting comes from, for messages, for relative paths and for showing. */
import { isTree, joinPath } from './tree.ts';

/** By path with list indices (`ipmi.users.0.name`): the variable's name, or `file`. Absent: a default. */
export type Origins = Map<string, string>;

export function markOrigins(value: unknown, path: string, origins: Origins): void {
  if (isTree(value)) {
    for (const [key, child] of Object.entries(value)) markOrigins(child, joinPath(path, key), origins);
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      markOrigins(item, joinPath(path, String(index)), origins);
    });
    origins.set(path, 'file');
  } else origins.set(path, 'file');
}

export function originOf(origins: Origins, path: string): string | undefined {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const origin = origins.get(at);
    if (origin !== undefined) return origin;
  }
  return undefined;
}
