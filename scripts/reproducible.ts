/**
 * `npm run reproducible`: makes the image twice without a cache, and says which files are not the same in both. Dates
 * are not compared, nor is V8's code cache, which is made of a file that is, and never the same
 * (docs/decisions/0011-code-cache.md).
 *
 *   npm run reproducible -- [--target STAGE] [--path PATH]
 *
 * The whole image unless said otherwise; ends with status 1 when something differs.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { target: { type: 'string' }, path: { type: 'string', default: '/' } },
});
const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-reproducible-'));
const docker = (...args: readonly string[]) =>
  execFileSync('docker', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  }).trim();

/** What each run makes anew. */
const neverTheSame = /(^|\/)dist\/server\/bmc\.cjs\.cache$/;

/** What is below `path` in an image made anew, as files of this machine. */
function make(name: string): string {
  const into = join(folder, name);
  mkdirSync(into);
  const target = values.target === undefined ? [] : ['--target', values.target];
  const image = docker('build', '-q', '--no-cache', '--force-rm', ...target, root);
  const container = docker('create', '--entrypoint', '/none', image);
  try {
    execFileSync('sh', ['-c', 'docker cp "$0:$1" - | tar -x -C "$2"', container, values.path, into], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } finally {
    docker('rm', container);
    docker('rmi', image);
  }
  return into;
}

/** By path: kind, mode, owner, size and content of each file. */
function contentsOf(top: string, at = ''): Map<string, string> {
  const all = new Map<string, string>();
  for (const name of readdirSync(join(top, at))) {
    const path = join(at, name);
    const file = join(top, path);
    const stat = lstatSync(file);
    const own = [stat.mode.toString(8), stat.uid, stat.gid];
    if (stat.isDirectory()) {
      all.set(`${path}/`, own.join());
      for (const [inner, what] of contentsOf(top, path)) all.set(inner, what);
    } else if (stat.isSymbolicLink()) {
      all.set(path, [...own, readlinkSync(file)].join());
    } else if (stat.isFile()) {
      all.set(path, [...own, createHash('sha256').update(readFileSync(file)).digest('hex')].join());
    } else {
      all.set(path, own.join());
    }
  }
  return all;
}

try {
  const [first, second] = [contentsOf(make('first')), contentsOf(make('second'))];
  const paths = [...new Set([...first.keys(), ...second.keys()])].sort();
  const different = paths.filter(
    (path) =>
      first.get(path) !== second.get(path) &&
      !(first.has(path) && neverTheSame.test(path) && second.has(path)),
  );
  for (const path of different) {
    const why = !first.has(path) ? 'only in the second' : !second.has(path) ? 'only in the first' : 'differs';
    process.stdout.write(`${path}: ${why}\n`);
  }
  process.stdout.write(`${paths.length} paths, ${different.length} not the same\n`);
  process.exitCode = different.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
