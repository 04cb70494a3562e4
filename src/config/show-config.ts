/** Shows a configuration to its user. */
import { stringify } from 'yaml';
import type { LoadedConfig } from './load.ts';
import { type Origins, originOf } from './origins.ts';
import { type SchemaNode, settingsSchema } from './schema.ts';
import { isTree, joinPath } from './tree.ts';

/** The settings in force as YAML, secrets masked, each with where it comes from. */
export function showConfig({ settings, file, origins }: LoadedConfig): string {
  const lines = [`# File: ${file}`];
  showNode(settingsSchema as SchemaNode, settings, '', '', lines, origins);
  return `${lines.join('\n')}\n`;
}

export const masked = '********';

function showNode(
  schema: SchemaNode,
  value: unknown,
  path: string,
  indent: string,
  lines: string[],
  origins: Origins,
): void {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const at = joinPath(path, key);
    const item = isTree(value) ? value[key] : undefined;
    if (item === undefined) continue;
    if (child.properties) {
      lines.push(`${indent}${key}:`);
      showNode(child, item, at, `${indent}  `, lines, origins);
    } else if (child.items?.properties && Array.isArray(item) && item.length > 0) {
      lines.push(`${indent}${key}:`);
      for (const [index, entry] of item.entries()) {
        const from = lines.length;
        showNode(child.items, entry, joinPath(at, String(index)), `${indent}    `, lines, origins);
        lines[from] = `${indent}  - ${(lines[from] ?? '').trimStart()}`;
      }
    } else {
      const text = flow(child['x-secret'] ? masked : item);
      const unit = child['x-unit'] ? ` ${child['x-unit']},` : '';
      lines.push(`${indent}${key}: ${text} #${unit} ${originOf(origins, at) ?? 'default'}`);
    }
  }
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
}
