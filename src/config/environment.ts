/**
 * Puts the environment's variables over the settings of the file, as the schema names them. An empty variable
 * counts as not set, except for user and password. Lists are separated by commas or line ends.
 */
import Value from 'typebox/value';
import type { Problems } from './problems.ts';
import { type SchemaNode, settingsLeaves, settingsSchema } from './schema.ts';
import { isTree, type Tree } from './tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export function applyEnvironment(tree: Tree, env: Environment, problems: Problems): void {
  const emptyMatters = ['IPMI_USER', 'IPMI_PASS', 'IPMI_PASS_FILE'];
  for (const { path, schema } of settingsLeaves()) {
    const variable = schema['x-env'];
    const text = variable === undefined ? undefined : env[variable];
    if (variable === undefined || text === undefined) continue;
    if (text === '' && !emptyMatters.includes(variable)) continue;
    const place = path.replaceAll('[]', '.0');
    set(tree, place, parseVariable(schema, text));
    for (const key of [...problems.origins.keys()])
      if (key.startsWith(`${place}.`)) problems.origins.delete(key);
    problems.origins.set(place, variable);
  }
  const password = env.IPMI_PASS !== undefined;
  const passwordFile = env.IPMI_PASS_FILE !== undefined;
  if (password && passwordFile) {
    problems.say('ipmi.users.0.password', 'IPMI_PASS_FILE is set, too: give one of them');
  } else if (password) unset(tree, 'ipmi.users.0.passwordFile');
  else if (passwordFile) unset(tree, 'ipmi.users.0.password');
}

/** A text that does not parse is left as it is, so that the check reports it like any wrong value. */
function parseVariable(schema: SchemaNode, text: string): unknown {
  if (schema.type === 'array') {
    const items = text
      .split(/[,\n]/)
      .map((item) => item.trim())
      .filter((item) => item !== '');
    if (schema.items?.properties) return items.map((item) => Value.Default(settingsNetwork, networkOf(item)));
    return items.map((item) => parseVariable(schema.items ?? {}, item));
  }
  if (schema.anyOf) {
    for (const option of schema.anyOf) {
      const value = parseVariable(option, text);
      if (typeof value !== 'string') return value;
    }
  }
  const wantsNumber = schema.type === 'integer' || schema.enum?.every((item) => typeof item === 'number');
  if (wantsNumber && /^(0|-?[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  if (schema.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** `BACKEND`, or `BACKEND:WHICH` with the interface's name, MAC address or subnet. */
function networkOf(item: string): Tree {
  const [, backend = item, which] = /^([^:]*):(.*)$/s.exec(item) ?? [];
  if (which === undefined) return { backend };
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(which)) return { backend, hostMac: which };
  return which.includes('/') ? { backend, subnet: which } : { backend, interface: which };
}

const settingsNetwork = settingsSchema.properties.machine.properties.networks.items;

function set(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at: unknown = tree;
  for (const key of keys) at = isTree(at) || Array.isArray(at) ? (at as Tree)[key] : undefined;
  // Where the file has something else than a mapping, the check reports that.
  if (isTree(at) || Array.isArray(at)) (at as Tree)[last] = value;
}

function unset(tree: Tree, path: string): void {
  set(tree, path, undefined);
}
