#!/usr/bin/env node
// Makes ready what `npm start` and `npm test` need: system packages, node_modules, the build, the demo machine.
// Does each thing only when it is missing or out of date; with everything there it ends at once.
//   node scripts/setup.mjs [--test] [--peers]
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HOST_PACKAGES } from './demo-guest/commands.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamps = join(root, 'build/setup');

/** What the appliance runs on. SeaBIOS and the network boot ROMs come with qemu-system-x86. */
const PACKAGES_TO_RUN = [
  'qemu-system-x86',
  'qemu-utils',
  'ovmf',
  'swtpm',
  'iproute2',
  'ipmitool',
  'libnfs-utils',
];
/** Clients that only the tests drive. Ansible is the largest: 21 MB to fetch, 290 MB on the disk. */
const PACKAGES_TO_TEST = [
  ...[
    'ansible',
    'busybox',
    'chromium',
    'curl',
    'dnsmasq-base',
    'docker-compose',
    'dosfstools',
    'ethtool',
    'fence-agents',
    'fonts-noto-cjk',
    'libnbd-bin',
  ],
  ...['freeipmi-tools', 'openipmi', 'openssl', 'procps', 'python3-pyghmi', 'python3-sushy', 'redfishtool'],
  ...['sbsigntool', 'tshark'],
];
/** What `npm run test:peers` alone drives: OpenStack Ironic with its client (180 packages), Debian's installer, an NFS server. */
const PACKAGES_FOR_PEERS = [
  ...['curl', 'debian-installer-12-netboot-amd64', 'grub-common', 'grub-efi-amd64-bin', 'grub-pc-bin'],
  ...['ironic-api', 'ironic-conductor', 'mtools', 'nfs-ganesha', 'nfs-ganesha-vfs', 'python3-ironicclient'],
  ...['socat', 'xorriso'],
];

/** A failure whose message tells the user what to do. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * @param {object} options
 * @param {boolean} [options.test] also what only the tests need
 * @param {boolean} [options.peers] also what only the tests of the project `peers` need
 * @param {boolean} [options.demo] the demo machine, too
 * @returns {Promise<void>}
 * @throws {SetupError}
 */
export async function setup({ test = false, peers = false, demo = true } = {}) {
  checkNode();
  mkdirSync(stamps, { recursive: true });
  const todo = plan({ test, peers, demo });
  if (todo.length === 0 && (!demo || (await demoIsThere()))) return;
  const unlock = await lock();
  try {
    // Somebody else may have done it while we waited.
    for (const step of plan({ test, peers, demo })) await step();
    if (demo) await makeDemo();
  } finally {
    unlock();
  }
}

function plan({ test, peers, demo }) {
  const steps = [];
  const missing = missingPackages([
    ...PACKAGES_TO_RUN,
    ...(test ? PACKAGES_TO_TEST : []),
    ...(peers ? PACKAGES_FOR_PEERS : []),
    ...(demo ? HOST_PACKAGES : []),
  ]);
  if (missing.length > 0) steps.push(() => installPackages(missing));
  if (!modulesMatch()) steps.push(installModules);
  if (!buildMatches()) steps.push(build);
  return steps;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(`Node 20.19 or newer is needed, this is ${process.versions.node}`);
}

function missingPackages(names) {
  const wanted = [...new Set(names)].sort();
  let text;
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own syntax
    text = execFileSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    if (error.code === 'ENOENT') return elsewhere();
    text = String(error.stdout ?? '');
  }
  const there = new Set(
    text.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  );
  return wanted.filter((name) => !there.has(name));
}

/** Not Debian: we cannot install anything, but what is needed may be there. */
function elsewhere() {
  const programs = [
    'qemu-system-x86_64',
    'qemu-img',
    'ip',
    'ipmitool',
    'mcopy',
    'xorriso',
    'grub-mkimage',
    'dpkg-deb',
  ];
  const path = (process.env.PATH ?? '').split(':');
  const lacking = programs.filter((name) => !path.some((directory) => existsSync(join(directory, name))));
  if (lacking.length === 0) return [];
  throw new SetupError(
    `this is no Debian system, so please install by its own means: ${lacking.join(', ')} (and UEFI firmware, OVMF)`,
  );
}

async function installPackages(missing) {
  const uid = process.getuid?.();
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  const sudo = uid === 0 ? [] : passwordlessSudo() ? ['sudo', '-n'] : undefined;
  if (!sudo)
    throw new SetupError(
      `system packages are missing; type this, then start again:\nsudo apt-get update && sudo ${command}`,
    );
  say(`installing system packages: ${missing.join(' ')}`);
  const apt = (...args) =>
    run([
      ...sudo,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-o',
      'DPkg::Lock::Timeout=600',
      ...args,
    ]);
  const install = () => apt('install', '-y', '-q', '--no-install-recommends', ...missing);
  const lists = '/var/lib/apt/lists';
  const known = existsSync(lists) && readdirSync(lists).some((name) => /_(Packages|InRelease)/.test(name));
  if (known && (await install()) === 0) return;
  if ((await apt('update', '-q')) !== 0 || (await install()) !== 0) {
    throw new SetupError(`apt-get could not install the packages; its words are above. By hand: ${command}`);
  }
}

function passwordlessSudo() {
  try {
    execFileSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** node_modules is as the lock file says: by our stamp, or else package by package. */
function modulesMatch() {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const now = hashFiles([join(root, 'package-lock.json'), installed]);
  if (stamp('modules') === now) return true;
  const { packages: have } = JSON.parse(readFileSync(installed, 'utf8'));
  const { packages: want } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const same = Object.entries(want).every(
    ([name, wanted]) =>
      name === '' || have[name]?.version === wanted.version || (!have[name] && wanted.optional),
  );
  if (same) setStamp('modules', now);
  return same;
}

async function installModules() {
  say('installing Node packages: npm ci');
  // Under `npm start` the settings of that npm run are in the environment; they are right for this one, too.
  if ((await run(['npm', 'ci', '--include=dev', '--no-audit', '--no-fund'])) !== 0) {
    throw new SetupError('npm ci failed; its words are above');
  }
  setStamp(
    'modules',
    hashFiles([join(root, 'package-lock.json'), join(root, 'node_modules/.package-lock.json')]),
  );
}

const buildInputs = () => [
  ...filesBelow(join(root, 'src')),
  ...[
    'package-lock.json',
    'scripts/code-cache.mjs',
    'scripts/code-cache.ts',
    'tsconfig.json',
    'vite.bmc.config.ts',
    'vite.config.ts',
    'vite.server.config.ts',
  ].map((name) => join(root, name)),
];

/** What the code cache is made with is a part of it. */
const buildKey = () => `${hashFiles(buildInputs())} ${process.version}`;

function buildMatches() {
  return (
    existsSync(join(root, 'dist/main.js')) &&
    existsSync(join(root, 'dist/web/index.html')) &&
    stamp('build') === buildKey()
  );
}

async function build() {
  say('building');
  const key = buildKey();
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const bundle = [join(root, 'node_modules/.bin/vite'), 'build', '--logLevel', 'warn'];
  for (const config of ['vite.server.config.ts', 'vite.bmc.config.ts']) {
    if ((await run([...bundle, '-c', config])) !== 0) {
      throw new SetupError('the build failed; the bundler’s words are above');
    }
  }
  if ((await run(bundle)) !== 0) {
    throw new SetupError('the build of the web console failed; the bundler’s words are above');
  }
  if ((await run([process.execPath, 'scripts/code-cache.mjs'])) !== 0) {
    throw new SetupError('the BMC that was built did not get healthy; its words are above');
  }
  setStamp('build', key);
}

async function demoIsThere() {
  const key = hashFiles(filesBelow(join(root, 'scripts/demo-guest')));
  return stamp('demo') === key && existsSync(join(root, 'build/demo/demo.qcow2'));
}

async function makeDemo() {
  if (await demoIsThere()) return;
  say('building the demo machine');
  const { buildDemoGuest } = await import('./demo-guest/build.mjs');
  try {
    await buildDemoGuest({ outDir: join(root, 'build/demo'), log: (line) => say(`  ${line}`) });
  } catch (error) {
    throw new SetupError(`the demo machine could not be built: ${error.message}`, { cause: error });
  }
  setStamp('demo', hashFiles(filesBelow(join(root, 'scripts/demo-guest'))));
}

/** One set-up at a time; a lock whose owner has gone counts for nothing. */
async function lock() {
  const path = join(stamps, 'lock');
  for (let waiting = false; ; ) {
    try {
      const file = openSync(path, 'wx');
      writeFileSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = Number(readOr(path, '0'));
    if (owner > 0 && !existsSync(`/proc/${owner}`)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!waiting) say('waiting for another set-up to end');
    waiting = true;
    await sleep(200);
  }
}

/** @returns {Promise<number>} the exit code */
function run([command, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) => reject(new SetupError(`${command}: ${error.message}`)));
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath ?? item.path, item.name))
    .sort();
}

function hashFiles(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

function stamp(name) {
  return readOr(join(stamps, name), '');
}

function setStamp(name, value) {
  writeFileSync(join(stamps, name), value);
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

function say(line) {
  process.stdout.write(`setup: ${line}\n`);
}

/** Runs `main` and turns what it throws into one message and an exit code. */
export async function command(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    process.stderr.write(`${error instanceof SetupError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const has = (word) => process.argv.includes(word);
  await command(() => setup({ test: has('--test'), peers: has('--peers') }));
}
