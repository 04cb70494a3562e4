/** Where the package's own files lie, found from this module's place, in `src/` as in `build/`. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own directory: `configs/`, `build/` and `node_modules/` lie in it. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const demoDir = join(packageRoot, 'build/demo');
