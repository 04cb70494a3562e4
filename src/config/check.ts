/** Checks each setting by itself against the schema. What needs several settings is for `decide.ts`. */
import Value from 'typebox/value';
import { kindOf, type Problems, show } from './problems.ts';
import { expectation, type SchemaNode } from './schema.ts';
import { isTree, joinPath } from './tree.ts';

export function check(schema: SchemaNode, value: unknown, path: string, problems: Problems): void {
  if (schema.properties) {
    if (!isTree(value)) {
      problems.add(path, 'a mapping of settings', kindOf(value));
      return;
    }
    const known = Object.keys(schema.properties);
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue;
      problems.unknown(joinPath(path, key), known);
    }
    for (const [key, child] of Object.entries(schema.properties)) {
      const at = joinPath(path, key);
      if (value[key] !== undefined) check(child, value[key], at, problems);
      else if (schema.required?.includes(key)) problems.add(at, expectation(child), 'nothing');
    }
    return;
  }
  if (schema.type === 'array') {
    if (!Array.isArray(value)) {
      problems.add(path, expectation(schema), kindOf(value));
      return;
    }
    const items = schema.items;
    if (items) {
      value.forEach((item: unknown, index) => {
        check(items, item, joinPath(path, String(index)), problems);
      });
      if (!Value.Check({ ...schema, items: {} } as never, value)) {
        problems.add(path, expectation(schema), items.properties ? `${value.length}` : show(value));
      }
    }
    return;
  }
  if (Value.Check(schema as never, value)) return;
  // A secret of the wrong kind may still be the secret (a password of digits only), so it is not shown either.
  problems.add(path, expectation(schema), schema['x-secret'] ? `${kindOf(value)} (hidden)` : show(value));
}
