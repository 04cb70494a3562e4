/** Reads a YAML file into a tree of settings. What the settings are, it does not know. */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { ConfigError, codeOf, kindOf } from './problems.ts';
import { isTree, type Tree } from './tree.ts';

/** @throws {ConfigError} if it cannot be read, is not YAML, or holds something else than a mapping */
export function readYaml(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read (${codeOf(error)})`]);
  }
  // Without pretty errors, whose excerpts could show a password.
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => {
        const before = text.slice(0, error.pos[0]);
        const line = before.split('\n').length;
        const column = before.length - before.lastIndexOf('\n');
        return `${file}:${line}:${column}: not valid YAML (${error.code.toLowerCase().replaceAll('_', ' ')})`;
      }),
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw new ConfigError([`${file}: not valid YAML (aliases that cannot be followed)`]);
  }
  if (value === null || value === undefined) return {};
  if (!isTree(value))
    throw new ConfigError([`${file}: expected a mapping of settings, got ${kindOf(value)}`]);
  return value;
}
