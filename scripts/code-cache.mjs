/**
 * Runs code-cache.ts by what builds the BMC: tsx would leave a process of its compiler behind, which stays as a zombie where
 * nobody looks after orphans, as in many containers.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

await runnerImport(fileURLToPath(new URL('./code-cache.ts', import.meta.url)));
