/** The product as it is shipped, and programs of benchmarks made in the same way: a loader would take time and memory. */
import { execFileSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const done = new Set<string>();

function build(entry: string, folder: string): string {
  const options = ['-c', 'vite.server.config.ts', '--logLevel', 'warn', '--ssr', entry, '--outDir', folder];
  if (!done.has(entry)) {
    execFileSync(join(root, 'node_modules/.bin/vite'), ['build', ...options], {
      cwd: root,
      stdio: 'inherit',
    });
    done.add(entry);
  }
  return join(root, folder, `${basename(entry, '.ts')}.js`);
}

/** @returns the path of the program `qemu-bmc` */
export function builtProduct(): string {
  return build('src/main.ts', 'dist');
}

/** @param name of a program in this folder, such as `fleet` */
export function builtBench(name: string): string {
  return build(`bench/${name}.ts`, `dist/bench/${basename(name)}`);
}
