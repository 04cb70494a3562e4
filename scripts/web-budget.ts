/**
 * What the web console weighs, compressed as it is served, against what it may weigh: `npm run check` ends with 1 when it is
 * too much. It reads the manifest of the last `npm run build`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../dist/web/', import.meta.url));
const kb = 1000;

/** Kilobytes. `first`: from the login to the first page; the consoles: what opening one adds to that. */
const budget = { firstJs: 170, firstCss: 20, serial: 95, screen: 65, all: 560 } as const;

interface Chunk {
  readonly file: string;
  readonly css?: readonly string[];
  readonly imports?: readonly string[];
  readonly isEntry?: boolean;
}
type Manifest = Readonly<Record<string, Chunk>>;

/** Chunks loaded before anything can be seen, and those that open a console. Undefined as long as there is none. */
const firstRoute = ['index.html', 'shell/shell.tsx', 'pages/overview/index.tsx'] as const;
const consoles = { serial: /^terminal\/.*\.tsx?$|xterm/, screen: /^screen\/.*\.tsx?$|novnc/ } as const;

function main(): number {
  const manifestPath = join(folder, '.vite/manifest.json');
  if (!existsSync(manifestPath)) {
    process.stderr.write('web-budget: dist/web is not there; `npm run build` makes it\n');
    return 1;
  }
  const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
  const first = filesOf(manifest, firstRoute);
  const beside = (pattern: RegExp) => {
    const names = Object.keys(manifest).filter((name) => pattern.test(name));
    return [...filesOf(manifest, names)].filter((file) => !first.has(file));
  };
  const lines: readonly (readonly [name: string, bytes: number, limitKb: number])[] = [
    ['first route, JavaScript', weigh(first, '.js'), budget.firstJs],
    ['first route, CSS', weigh(first, '.css'), budget.firstCss],
    ['serial console', weigh(beside(consoles.serial)), budget.serial],
    ['screen', weigh(beside(consoles.screen)), budget.screen],
    ['all', weigh(filesOf(manifest, Object.keys(manifest))), budget.all],
  ];
  let isTooMuch = false;
  for (const [name, bytes, limit] of lines) {
    const over = bytes > limit * kb;
    isTooMuch ||= over;
    const told = `${name.padEnd(24)} ${(bytes / kb).toFixed(1).padStart(6)} KB of ${limit}${over ? '  TOO MUCH' : ''}`;
    process.stdout.write(`${told}\n`);
  }
  return isTooMuch ? 1 : 0;
}

/** Of these chunks and of all that they import at once. @throws {Error} for a chunk that is not there */
function filesOf(manifest: Manifest, names: readonly string[]): ReadonlySet<string> {
  const files = new Set<string>();
  const seen = new Set<string>();
  const add = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    const chunk = manifest[name];
    if (!chunk) throw new Error(`web-budget: the build has no ${name}; has it been renamed?`);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const imported of chunk.imports ?? []) add(imported);
  };
  for (const name of names) add(name);
  return files;
}

function weigh(files: Iterable<string>, ending = ''): number {
  let bytes = 0;
  for (const file of files) {
    if (file.endsWith(ending)) bytes += gzipSync(readFileSync(join(folder, file)), { level: 9 }).length;
  }
  return bytes;
}

process.exitCode = main();
