/** Where the launcher script is, both in the source tree and when built. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Exit code of the launcher when another QEMU holds the machine's lock. */
export const launcherLockedExitCode = 75;

/** Run it as `bash SCRIPT RUN_DIR`, so that it needs no permission bit. */
export function launcherScript(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, 'scripts', 'qemu-launcher.sh');
    if (existsSync(path)) return path;
    if (folder === dirname(folder))
      throw new Error('scripts/qemu-launcher.sh: not found in any parent folder');
  }
}
