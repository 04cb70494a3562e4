#!/usr/bin/env node
// Builds the demo machine: a small Linux that shows every function of the BMC.
//   node scripts/demo-guest/build.mjs [--out DIR] [--force]
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { buildCd, buildDisk, ipxeScript, kernelCommandLine } from './boot-images.mjs';
import { BuildError, HOST_PACKAGES, requireHostTools, run } from './commands.mjs';
import { buildInitramfs } from './initramfs.mjs';
import { kernelPackageName, PackageStore } from './packages.mjs';

const SCRIPT_DIR = dirname(fileURLToPath(import.meta.url));
const DEFAULT_OUT = resolve(SCRIPT_DIR, '../../build/demo');
const OUTPUTS = ['vmlinuz', 'initrd.img', 'demo.qcow2', 'demo.iso', 'boot.ipxe'];
/** Time stamp of all files in the images unless SOURCE_DATE_EPOCH says otherwise: 2024-01-01 UTC. */
const DEFAULT_MTIME = 1704067200;

/**
 * @typedef {object} Manifest
 * @property {string} inputKey sha256 over the build scripts and the package versions
 * @property {string} kernelRelease for example `6.1.0-56-amd64`
 * @property {Record<string, string>} packages unpacked into the guest: name → version
 * @property {Record<string, string>} hostPackages tools that made the images: name → version
 * @property {Record<string, string>} kernelCommandLines by boot source
 * @property {Record<string, {bytes: number, sha256: string}>} outputs by file name
 */

/**
 * Builds the demo machine into a directory, which is replaced as a whole at the
 * very end. Does nothing if that directory is there and was made by the same
 * scripts; newer packages alone do not count as a change, `force` takes them.
 *
 * @param {object} [options]
 * @param {string} [options.outDir] directory to make, default `build/demo`;
 *   downloads are kept beside it in `<outDir>-cache`
 * @param {boolean} [options.force] build even if up to date
 * @param {(line: string) => void} [options.log] gets progress lines
 * @returns {Promise<{upToDate: boolean, outDir: string, manifest: Manifest}>}
 * @throws {BuildError} with one line that says what to do; `outDir` is then as it was before
 */
export async function buildDemoGuest({ outDir = DEFAULT_OUT, force = false, log = () => {} } = {}) {
  const out = resolve(outDir);
  const current = force ? undefined : upToDateManifest(out);
  if (current) {
    log(`up to date: ${out}`);
    return { upToDate: true, outDir: out, manifest: current };
  }
  if (existsSync(out) && !existsSync(join(out, 'manifest.json')) && readdirSync(out).length > 0) {
    throw new BuildError(`${out} holds other files: give an empty or new directory with --out`);
  }
  requireHostTools();
  const work = join(dirname(out), `.${basename(out)}.${process.pid}.tmp`);
  try {
    await mkdir(work, { recursive: true });
    const started = performance.now();
    const manifest = await buildInto(work, `${out}-cache`, log);
    // Never leave a moment in which half of a result is at the place of the result.
    await rm(`${work}.old`, { recursive: true, force: true });
    if (existsSync(out)) await rename(out, `${work}.old`);
    await rename(join(work, 'result'), out);
    log(`done in ${((performance.now() - started) / 1000).toFixed(1)} s: ${out}`);
    return { upToDate: false, outDir: out, manifest };
  } catch (error) {
    if (error instanceof BuildError) throw error;
    if (['EACCES', 'EROFS', 'ENOSPC', 'ENOTDIR'].includes(error.code)) {
      throw new BuildError(
        `cannot write below ${dirname(out)} (${error.code}): choose another directory with --out`,
        { cause: error },
      );
    }
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(`${work}.old`, { recursive: true, force: true });
  }
}

async function buildInto(work, cacheDir, log) {
  const mtime = Number(process.env.SOURCE_DATE_EPOCH ?? DEFAULT_MTIME);
  const result = join(work, 'result');
  await mkdir(result);

  log('look up packages');
  const kernelPackage = await kernelPackageName();
  const store = new PackageStore({ cacheDir, unpackDir: join(work, 'packages'), log });
  await store.add([kernelPackage, 'busybox-static', 'ipmitool', 'libc6']);
  const kernelRelease = kernelPackage.replace('linux-image-', '');

  log('make initial file system');
  const cpio = await buildInitramfs({ store, kernelPackage, guestDir: join(SCRIPT_DIR, 'guest'), mtime });
  const kernel = join(result, 'vmlinuz');
  const initrd = join(result, 'initrd.img');
  await copyFile(store.find(`/boot/vmlinuz-${kernelRelease}`).file, kernel);
  await writeFile(initrd, await promisify(gzip)(cpio, { level: 9 }));

  log('make disk and CD');
  await Promise.all([
    buildDisk({ output: join(result, 'demo.qcow2'), workDir: work, kernel, initrd, mtime }),
    buildCd({ output: join(result, 'demo.iso'), workDir: work, kernel, initrd, mtime }),
  ]);
  await writeFile(join(result, 'boot.ipxe'), ipxeScript());

  const packages = store.versions();
  const hostPackages = await installedVersions(HOST_PACKAGES);
  const outputs = {};
  for (const name of OUTPUTS) {
    const data = await readFile(join(result, name));
    outputs[name] = { bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') };
    log(`${name} ${(data.length / 1e6).toFixed(1)} MB`);
  }
  const manifest = {
    inputKey: inputKey({ packages, hostPackages }),
    kernelRelease,
    packages,
    hostPackages,
    kernelCommandLines: Object.fromEntries(
      ['disk', 'cdrom', 'pxe', 'direct'].map((boot) => [boot, kernelCommandLine(boot)]),
    ),
    outputs,
  };
  await writeFile(join(result, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

async function installedVersions(names) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const text = await run('dpkg-query', ['-W', '-f', '${Package} ${Version}\n', ...names], {
    allowFailure: true,
  });
  return Object.fromEntries(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ')),
  );
}

/** Hash of all that decides about the result: these scripts and the versions of the packages. */
function inputKey({ packages, hostPackages }) {
  const hash = createHash('sha256').update(
    JSON.stringify([packages, hostPackages, process.env.SOURCE_DATE_EPOCH ?? DEFAULT_MTIME]),
  );
  const files = readdirSync(SCRIPT_DIR, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile() && !item.name.endsWith('.md'))
    .map((item) => join(item.parentPath ?? item.path, item.name))
    .sort();
  for (const file of files) {
    const data = readFileSync(file);
    hash.update(`\0${relative(SCRIPT_DIR, file)}\0${data.length}\0`).update(data);
  }
  return hash.digest('hex');
}

/** @returns {Manifest | undefined} the manifest of a directory that need not be built again */
function upToDateManifest(out) {
  try {
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
    if (manifest.inputKey !== inputKey(manifest)) return undefined;
    const complete = OUTPUTS.every((name) => statSync(join(out, name)).size === manifest.outputs[name].bytes);
    return complete ? manifest : undefined;
  } catch {
    return undefined; // missing or damaged: build
  }
}

function isMain() {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
}

if (isMain()) {
  try {
    const { values } = parseArgs({
      options: { out: { type: 'string' }, force: { type: 'boolean', default: false } },
    });
    await buildDemoGuest({
      outDir: values.out,
      force: values.force,
      log: (line) => console.log(`demo-guest: ${line}`),
    });
  } catch (error) {
    const expected = error instanceof BuildError || error.code?.startsWith('ERR_PARSE_ARGS');
    console.error(`demo-guest: ${expected ? error.message : error.stack}`);
    process.exitCode = 1;
  }
}
