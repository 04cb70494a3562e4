/** Whose work this is made with: the packages in the browser's code, and those that the appliance runs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Licence {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly where: 'browser' | 'server' | 'both';
  readonly text: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** @param modules paths of what was bundled. @throws {Error} for a package in the bundle that names no licence */
export function licencesOf(modules: readonly string[]): readonly Licence[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const server = Object.entries(lock.packages)
    .filter(([path, { dev }]) => path.startsWith('node_modules/') && !dev && existsSync(join(root, path)))
    .map(([path]) => path);
  const browser = modules.flatMap((module) => packagePath(module) ?? []);
  const paths = [...new Set([...browser, ...server])].sort();
  const found = paths.map((path) => described(path, browser.includes(path), server.includes(path)));
  const nameless = found.find(({ where, licence }) => where !== 'server' && licence === '');
  if (nameless) throw new Error(`licences: ${nameless.name} is bundled and names no licence`);
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** `…/node_modules/@scope/name/dist/x.js` → `node_modules/@scope/name`; undefined for our own */
function packagePath(module: string): string | undefined {
  const at = module.indexOf('node_modules/');
  const [path] =
    /^(?:node_modules\/(?:@[^/]+\/)?[^/]+\/?)+?(?=\/(?!node_modules))/.exec(module.slice(at)) ?? [];
  return at < 0 ? undefined : path?.replace(/\/$/, '');
}

function described(path: string, inBrowser: boolean, inServer: boolean): Licence {
  const folder = join(root, path);
  const { name, version, license, licenses } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as Readonly<Record<string, unknown>>;
  return {
    name: String(name),
    version: String(version),
    licence: licenceName(license ?? licenses),
    where: inBrowser && inServer ? 'both' : inBrowser ? 'browser' : 'server',
    text: [folder, ...vendored(folder)].flatMap(textIn).join('\n\n'),
  };
}

/** Work of others that a package carries along: noVNC does. */
function vendored(folder: string): readonly string[] {
  const vendor = join(folder, 'vendor');
  return existsSync(vendor)
    ? readdirSync(vendor, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(vendor, name))
    : [];
}

function textIn(folder: string): readonly string[] {
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)(\.|-|$)/i.test(each));
  return file === undefined ? [] : [readFileSync(join(folder, file), 'utf8').trim()];
}

/** Older packages have objects and lists of them. */
function licenceName(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(licenceName).filter(Boolean).join(' OR ');
  if (typeof value === 'object' && value !== null && 'type' in value) return String(value.type);
  return '';
}
