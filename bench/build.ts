/**
 * The product as it is shipped, built anew into `dist`: run from its sources it would carry the compiler with it, which
 * costs 50 MB, and each function would be given its name when it is made.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
let built: Promise<unknown> | undefined;

/** Once in a run. @returns the program */
export async function builtProduct(): Promise<string> {
  built ??= promisify(execFile)(process.execPath, [
    `${root}/node_modules/typescript/bin/tsc`,
    '-p',
    `${root}/tsconfig.build.json`,
    '--noCheck',
  ]);
  await built;
  return `${root}/dist/main.js`;
}
