/** Where the package's own files lie, found from this module's place: in `src/`, or in a file of the build. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own directory: `configs/`, `scripts/`, `build/` and `node_modules/` lie in it. */
export const packageRoot = folderWith('package.json');
export const demoDir = join(packageRoot, 'build/demo');
/** Starts QEMU under the machine's lock. */
export const launcherScript = join(packageRoot, 'scripts/qemu-launcher.sh');

/** The nearest folder, from this module's on upwards, that has such a file. */
function folderWith(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return folder;
    if (folder === dirname(folder)) throw new Error(`${name}: in no folder above ${here}`);
  }
}
