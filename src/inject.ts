/** `inject`: tells the running BMC, over its admin socket, what is to break. */
import { request } from 'node:http';
import { type Injection, injections } from './admin/injections.ts';
import type { Config } from './config/config.ts';
import { runFiles } from './config/run-files.ts';

/** Wrong usage, a BMC that does not run, or its refusal: one line for people. */
class InjectError extends Error {
  override readonly name = 'InjectError';
}

/**
 * @param kind `list`, `clear` or an injection
 * @param pairs `name=value`; lists with commas, numbers also as 0x…
 * @throws {Error} in one line when the BMC does not run or refuses
 */
export async function inject(config: Config, kind: string, pairs: readonly string[]): Promise<string> {
  const socketPath = runFiles(config.bmc.runDir).admin;
  if (kind === 'list') return pretty(await ask(socketPath, 'GET', '/faults'));
  if (kind === 'clear') return ask(socketPath, 'DELETE', '/faults');
  const injection = Object.hasOwn(injections, kind) ? injections[kind] : undefined;
  if (!injection) throw new InjectError(`${kind}: expected list, clear or one of\n${injectionHelp()}`);
  const body = Object.fromEntries(pairs.map((pair) => parsePair(kind, injection, pair)));
  return ask(socketPath, 'POST', `/inject/${kind}`, JSON.stringify(body));
}

/** One line for each kind. */
export function injectionHelp(): string {
  return Object.entries(injections)
    .map(([kind, { body, description }]) => {
      const required = body.required as readonly string[] | undefined;
      const names = Object.keys(body.properties).map((name) =>
        required?.includes(name) ? `${name}=…` : `[${name}=…]`,
      );
      return `  ${[kind, ...names].join(' ')}\n      ${description}`;
    })
    .join('\n');
}

function parsePair(kind: string, { body }: Injection, pair: string): [string, unknown] {
  const [, name = '', text = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
  const schema = Object.hasOwn(body.properties, name)
    ? (body.properties[name] as { readonly type?: string; readonly items?: { readonly type?: string } })
    : undefined;
  if (!schema) {
    const names = Object.keys(body.properties).join(', ');
    throw new InjectError(`${kind}: expected name=value with one of ${names}, got ${JSON.stringify(pair)}`);
  }
  if (schema.type !== 'array') return [name, parseValue(schema.type, text)];
  const parts = text === '' ? [] : text.split(',');
  return [name, parts.map((part) => parseValue(schema.items?.type, part))];
}

/** What does not look like its type stays a text: the BMC says what it expected. */
function parseValue(type: string | undefined, text: string): unknown {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if ((type === 'integer' || type === 'number') && text.trim() !== '' && Number.isFinite(Number(text))) {
    return Number(text);
  }
  return text;
}

function pretty(json: string): string {
  return `${JSON.stringify(JSON.parse(json), null, 2)}\n`;
}

/** @throws {Error} in one line when the BMC does not run */
export function askForMetrics({ bmc: { runDir } }: Config): Promise<string> {
  return ask(runFiles(runDir).admin, 'GET', '/metrics');
}

function ask(socketPath: string, method: string, path: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = request({ socketPath, method, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        if (response.statusCode === 200 || response.statusCode === 204) resolve(text);
        else reject(new InjectError(errorOf(text)));
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      reject(new InjectError(gone ? 'the BMC is not running' : `admin socket: ${error.message}`));
    });
    sent.end(body);
  });
}

function errorOf(text: string): string {
  const { error } = JSON.parse(text) as { error?: unknown };
  return typeof error === 'string' ? error : text;
}
