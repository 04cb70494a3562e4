/** The product as it is shipped, and programs of benchmarks made in the same way: a loader would take time and memory. */
import { execFileSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const done = new Set<string>();

/** @returns the path of the program `qemu-bmc` */
export function builtProduct(): string {
  const program = join(root, 'dist/main.js');
  if (!done.has(program)) {
    execFileSync('npm', ['run', '--silent', 'build:server'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    done.add(program);
  }
  return program;
}

/** @param name of a program in this folder, such as `fleet` */
export function builtBench(name: string): string {
  const [entry, folder] = [`bench/${name}.ts`, `dist/bench/${basename(name)}`];
  const options = ['-c', 'vite.server.config.ts', '--logLevel', 'warn', '--ssr', entry, '--outDir', folder];
  if (!done.has(entry)) {
    execFileSync(join(root, 'node_modules/.bin/vite'), ['build', ...options], {
      cwd: root,
      stdio: 'inherit',
    });
    done.add(entry);
  }
  return join(root, folder, `${basename(name)}.js`);
}
