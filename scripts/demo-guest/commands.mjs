// Running host programs, and errors that tell the user what to do.
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** A failure whose message is one line that tells the user what to do. */
export class BuildError extends Error {
  name = 'BuildError';
}

/** Programs and files of the host, each with the Debian package it comes from. */
const HOST_TOOLS = {
  'apt-get': 'apt',
  'apt-cache': 'apt',
  'dpkg-deb': 'dpkg',
  mformat: 'mtools',
  mcopy: 'mtools',
  xorriso: 'xorriso',
  'grub-mkimage': 'grub-common',
  'qemu-img': 'qemu-utils',
};
const HOST_FILES = {
  '/usr/lib/grub/i386-pc/boot.img': 'grub-pc-bin',
  '/usr/lib/grub/x86_64-efi/moddep.lst': 'grub-efi-amd64-bin',
};

const SEARCH_PATH = [
  ...new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/sbin', '/bin']),
].filter(Boolean);

function isProgram(name) {
  return SEARCH_PATH.some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Checks that every host program and file needed is there.
 * @returns {void}
 * @throws {BuildError} naming all missing Debian packages in one `apt-get install` line
 */
export function requireHostTools() {
  const missing = new Set();
  for (const [program, pkg] of Object.entries(HOST_TOOLS)) if (!isProgram(program)) missing.add(pkg);
  for (const [file, pkg] of Object.entries(HOST_FILES)) if (!existsSync(file)) missing.add(pkg);
  if (missing.size > 0) {
    throw new BuildError(`system packages are missing: apt-get install -y ${[...missing].sort().join(' ')}`);
  }
}

/** Debian packages of the host whose versions shape the result. */
export const HOST_PACKAGES = [
  ...new Set([...Object.values(HOST_TOOLS), ...Object.values(HOST_FILES)]),
].sort();

/**
 * Runs a host program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: Record<string, string>, allowFailure?: boolean}} [options]
 *   `env` is added to the environment; `allowFailure` returns stdout of a failed program too
 * @returns {Promise<string>} its standard output
 * @throws {BuildError} with the last line the program wrote to standard error
 */
export async function run(program, args, { cwd, env, allowFailure = false } = {}) {
  try {
    const { stdout } = await execFileAsync(program, args, {
      cwd,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, PATH: SEARCH_PATH.join(delimiter), LC_ALL: 'C', TZ: 'UTC', ...env },
    });
    return stdout;
  } catch (error) {
    if (allowFailure) return error.stdout ?? '';
    const detail = String(error.stderr || error.message)
      .trim()
      .split('\n')
      .at(-1);
    throw new BuildError(`${program} ${args[0] ?? ''} failed: ${detail}`);
  }
}
