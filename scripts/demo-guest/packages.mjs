// Debian packages as raw material: found by apt-cache, fetched by apt-get and
// unpacked by dpkg-deb into a directory of their own. Nothing gets installed.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BuildError, run } from './commands.mjs';

const KERNEL_META_PACKAGE = 'linux-image-amd64';

/**
 * @typedef {object} PackageInfo
 * @property {string} name
 * @property {string} version
 * @property {string} sha256 of the .deb, hexadecimal
 * @property {string[]} depends names only, first alternative of each dependency
 */

/**
 * Looks up the versions that apt would install.
 * @param {string[]} names
 * @returns {Promise<Map<string, PackageInfo>>} has every name asked for
 * @throws {BuildError} if apt's lists are empty or lack a package
 */
export async function lookUpPackages(names) {
  const found = new Map();
  // A name that is not known makes apt-cache fail; it is reported below.
  const text = await run('apt-cache', ['show', '--no-all-versions', ...names], { allowFailure: true });
  for (const stanza of text.split(/\n\n+/)) {
    const field = (key) => new RegExp(`^${key}: (.*)$`, 'm').exec(stanza)?.[1];
    // Installed packages that no archive offers have no checksum.
    if (!field('Package') || !field('SHA256')) continue;
    found.set(field('Package'), {
      name: field('Package'),
      version: field('Version'),
      sha256: field('SHA256'),
      depends: [field('Pre-Depends'), field('Depends')]
        .filter(Boolean)
        .flatMap((list) => list.split(','))
        .map((item) => item.split('|')[0].trim().split(/[\s:]/)[0]),
    });
  }
  const lacking = names.filter((name) => !found.has(name));
  if (lacking.length > 0) {
    throw new BuildError(`apt does not know ${lacking.join(', ')}: run apt-get update and try again`);
  }
  return found;
}

/**
 * Name of the package with the actual kernel behind Debian's kernel meta package.
 * @returns {Promise<string>} for example `linux-image-6.1.0-56-amd64`
 * @throws {BuildError} if apt's lists are empty
 */
export async function kernelPackageName() {
  const info = (await lookUpPackages([KERNEL_META_PACKAGE])).get(KERNEL_META_PACKAGE);
  const name = info.depends.find((dependency) => /^linux-image-\d/.test(dependency));
  if (!name)
    throw new BuildError(`${KERNEL_META_PACKAGE} names no kernel package: run apt-get update and try again`);
  return name;
}

async function sha256OfFile(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Downloads (unless the cache has them) and unpacks packages.
 */
export class PackageStore {
  /** @type {Map<string, PackageInfo & {dir: string}>} unpacked so far */
  unpacked = new Map();
  #cacheDir;
  #unpackDir;
  #log;

  /**
   * @param {{cacheDir: string, unpackDir: string, log: (line: string) => void}} options
   *   `cacheDir` keeps .deb files between builds, `unpackDir` belongs to this build
   */
  constructor({ cacheDir, unpackDir, log }) {
    this.#cacheDir = cacheDir;
    this.#unpackDir = unpackDir;
    this.#log = log;
  }

  /**
   * Makes sure that the packages are unpacked, each under its own directory.
   * @param {string[]} names
   * @returns {Promise<void>}
   * @throws {BuildError} if apt does not know one, the download fails or a checksum is wrong
   */
  async add(names) {
    const wanted = names.filter((name) => !this.unpacked.has(name));
    if (wanted.length === 0) return;
    const infos = [...(await lookUpPackages(wanted)).values()];
    await mkdir(this.#cacheDir, { recursive: true });
    await this.#download(infos);
    await Promise.all(
      infos.map(async (info) => {
        const dir = join(this.#unpackDir, info.name);
        await mkdir(dir, { recursive: true });
        await run('dpkg-deb', ['-x', this.#debPath(info), dir]);
        this.unpacked.set(info.name, { ...info, dir });
      }),
    );
  }

  #debPath(info) {
    return join(this.#cacheDir, `${info.name}_${info.sha256.slice(0, 16)}.deb`);
  }

  async #download(infos) {
    const missing = [];
    for (const info of infos) {
      const path = this.#debPath(info);
      if (existsSync(path) && (await sha256OfFile(path)) === info.sha256) continue;
      missing.push(info);
    }
    if (missing.length === 0) return;
    this.#log(`download ${missing.map((info) => `${info.name} ${info.version}`).join(', ')}`);
    const dir = join(this.#cacheDir, `incoming-${process.pid}`);
    await mkdir(dir, { recursive: true });
    try {
      // apt's own unprivileged user need not be able to write to our directory.
      const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
      const specs = missing.map((info) => `${info.name}=${info.version}`);
      await run('apt-get', ['-q', ...sandbox, 'download', ...specs], { cwd: dir }).catch((error) => {
        throw new BuildError(`${error.message} (if the lists are old, run apt-get update and try again)`);
      });
      const files = await readdir(dir);
      for (const info of missing) {
        const file = files.find((name) => name.startsWith(`${info.name}_`));
        if (!file || (await sha256OfFile(join(dir, file))) !== info.sha256) {
          throw new BuildError(`download of ${info.name} is incomplete: run apt-get update and try again`);
        }
        await rename(join(dir, file), this.#debPath(info));
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  /**
   * Finds a file in the unpacked packages.
   * @param {string} path absolute as in the running system, `/bin/busybox`
   * @returns {{file: string, owner: string} | undefined} host path and package name
   */
  find(path) {
    for (const [owner, { dir }] of this.unpacked) {
      if (existsSync(join(dir, path))) return { file: join(dir, path), owner };
    }
    return undefined;
  }

  /** @returns {Record<string, string>} package name → version, sorted by name */
  versions() {
    return Object.fromEntries(
      [...this.unpacked.values()]
        .map(({ name, version }) => [name, version])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
}
