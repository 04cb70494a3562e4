/** The product as it is shipped: compiled, since a loader would take time and memory of its own. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const done = new Set<string>();

function compile(project: string): void {
  if (done.has(project)) return;
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, project)], {
    cwd: root,
    stdio: 'inherit',
  });
  done.add(project);
}

/** @returns the path of the program `qemu-bmc` */
export function builtProduct(): string {
  compile('tsconfig.build.json');
  return join(root, 'dist/main.js');
}

/** @param name of a program in this folder that bench/tsconfig.json lists, such as `fleet` */
export function builtBench(name: string): string {
  compile('bench/tsconfig.json');
  return join(root, `dist/bench/bench/${name}.js`);
}
