/** Whose work this is made with, and under which licences: what the appliance runs, and what is in the browser's code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Package {
  /** From the project's folder on: `node_modules/…`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** As the package says, an SPDX expression as a rule; undefined where it says nothing. */
  readonly licence: string | undefined;
}

interface Licence extends Pick<Package, 'name' | 'version'> {
  readonly licence: string;
  readonly where: 'browser' | 'server' | 'both';
  /** Whole; empty where the package brings none. */
  readonly text: string;
}

/** A package as the lock file has it. */
interface Locked {
  readonly version?: string;
  readonly license?: Stated;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/** Older packages have objects and lists of them. */
type Stated = string | { readonly type?: string } | readonly { readonly type?: string }[];

/** What npm installs for a running appliance, without what is for development alone: each name and version once, by name. */
export function runtimePackages(): readonly Package[] {
  const found = new Map<string, Package>();
  for (const [path, locked] of Object.entries(lockedPackages())) {
    if (path === '' || locked.dev) continue;
    const described = describe(path, locked);
    // What other systems would have in its place is not there.
    if (locked.optional && described.licence === undefined && !existsSync(join(root, path))) continue;
    found.set(`${described.name}@${described.version}`, described);
  }
  return [...found.values()].sort(byName);
}

/**
 * What is there of {@link runtimePackages} and in the browser's code, with the texts of the licences.
 * @param modules paths of what was bundled
 * @throws {Error} for a package in the bundle that is not in the lock file, or names no licence
 */
export function licencesOf(modules: readonly string[]): readonly Licence[] {
  const locked = lockedPackages();
  const browser = new Set(modules.flatMap((module) => packagePath(module) ?? []));
  const server = runtimePackages().filter(({ path }) => existsSync(join(root, path)));
  const both = new Set(server.map(({ path }) => path));
  const bundled = [...browser].map((path) => {
    const entry = locked[path];
    const described = entry && describe(path, entry);
    if (described?.licence === undefined)
      throw new Error(`licences: ${path} is bundled and names no licence`);
    return described;
  });
  return [...bundled, ...server.filter(({ path }) => !browser.has(path))]
    .sort(byName)
    .map(({ path, name, version, licence = '' }) => ({
      ...{ name, version, licence },
      where: !browser.has(path) ? 'server' : both.has(path) ? 'both' : 'browser',
      text: [path, ...vendored(path)].flatMap((folder) => textIn(folder)).join('\n\n'),
    }));
}

function lockedPackages(): Readonly<Record<string, Locked>> {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
}

function describe(path: string, { version = '', license }: Locked): Package {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return { path, name, version, licence: spelt(license) ?? statedIn(path) };
}

function byName(a: Package, b: Package): number {
  const [left, right] = a.name === b.name ? [a.version, b.version] : [a.name, b.name];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `…/node_modules/@scope/name/dist/x.js` → `node_modules/@scope/name`; undefined for our own */
function packagePath(module: string): string | undefined {
  const at = module.indexOf('node_modules/');
  const [path] =
    /^(?:node_modules\/(?:@[^/]+\/)?[^/]+\/?)+?(?=\/(?!node_modules))/.exec(module.slice(at)) ?? [];
  return at < 0 ? undefined : path?.replace(/\/$/, '');
}

/** Older packages say it in other ways, which the lock file leaves out. */
function statedIn(path: string): string | undefined {
  const file = join(root, path, 'package.json');
  if (!existsSync(file)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(file, 'utf8')) as {
    license?: Stated;
    licenses?: Stated;
  };
  return spelt(license) ?? spelt(licenses) ?? licenceInText(path);
}

/** One of several may be chosen, where there are several. */
function spelt(stated: Stated | undefined): string | undefined {
  if (stated === undefined || typeof stated === 'string') return stated;
  const types = (Array.isArray(stated) ? stated : [stated]).flatMap(({ type }) => type ?? []);
  if (types.length === 0) return undefined;
  return types.length === 1 ? types[0] : `(${types.join(' OR ')})`;
}

/** Of a package that comes with a licence and forgets to name it. */
function licenceInText(path: string): string | undefined {
  const text = [...textIn(path), ...textIn(path, /^readme\.md$/i)].join('\n');
  return /Permission is hereby granted, free of charge|MIT License/.test(text) ? 'MIT' : undefined;
}

function textIn(path: string, name = /^(licen[cs]e|copying)(\.|-|$)/i): readonly string[] {
  const folder = join(root, path);
  const file = readdirSync(folder).find((each) => name.test(each));
  return file === undefined ? [] : [readFileSync(join(folder, file), 'utf8').trim()];
}

/** Work of others that a package carries along: noVNC does. */
function vendored(path: string): readonly string[] {
  const vendor = join(path, 'vendor');
  if (!existsSync(join(root, vendor))) return [];
  const entries = readdirSync(join(root, vendor), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(vendor, name));
}
