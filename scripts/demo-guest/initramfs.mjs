// The demo machine's file system: busybox, ipmitool with its libraries, the
// kernel modules for QEMU's hardware, and the scripts under guest/.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { BuildError } from './commands.mjs';
import { packCpio } from './cpio.mjs';
import { moduleInfo, moduleName, neededLibraries } from './elf.mjs';

/** Modules for the hardware that QEMU can offer; what they depend on is added. */
const MODULES = [
  // power button and other input
  ...['button', 'evdev', 'usbhid', 'hid-generic'],
  // network
  ...['virtio_net', 'e1000', 'e1000e', '8021q'],
  // disks, CDs and the controllers they hang off
  ...['virtio_pci', 'virtio_blk', 'virtio_scsi', 'ahci', 'ata_piix', 'nvme', 'sd_mod', 'sr_mod'],
  ...['xhci-pci', 'ehci-pci', 'uhci-hcd', 'usb-storage'],
  // file systems on virtual media
  ...['isofs', 'vfat', 'nls_cp437', 'nls_ascii', 'nls_iso8859-1', 'nls_utf8', 'efivarfs'],
  // the BMC's side of the machine
  ...['ipmi_msghandler', 'ipmi_devintf', 'ipmi_si', 'ipmi_watchdog', 'ipmi_poweroff'],
  ...['pvpanic-mmio', 'pvpanic-pci', 'i6300esb', 'qemu_fw_cfg'],
];

/** Commands that our own scripts stand in for (see guest/usr/lib/demo/halt). */
const REPLACED_APPLETS = ['poweroff', 'reboot', 'halt'];
/** Where Debian has libraries; the loader's default path inside the guest. */
const LIBRARY_DIRS = ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu'];
const LOADER = '/lib64/ld-linux-x86-64.so.2';

/**
 * Puts the initial file system together.
 * @param {{store: import('./packages.mjs').PackageStore, kernelPackage: string, guestDir: string, mtime: number}} options
 *   `store` must have the kernel, busybox-static, ipmitool and libc6; packages of
 *   further libraries are added to it. `mtime` in seconds since 1970.
 * @returns {Promise<Buffer>} cpio archive, not compressed
 * @throws {BuildError} if a package does not hold what is expected of it
 */
export async function buildInitramfs({ store, kernelPackage, guestDir, mtime }) {
  /** @type {Map<string, import('./cpio.mjs').CpioEntry>} */
  const entries = new Map();
  addSkeleton(entries);
  await addBusybox(entries, store);
  await addProgram(entries, store, '/usr/bin/ipmitool');
  // ipmitool complains if it has no list of vendors; the real one is large.
  entries.set('usr/share/misc/enterprise-numbers.txt', file('0\n  Reserved\n'));
  addModules(entries, store.unpacked.get(kernelPackage).dir);
  addGuestFiles(entries, guestDir);
  return packCpio(entries, mtime);
}

function file(data, mode = 0o644) {
  return { type: 'file', mode, data: Buffer.from(data) };
}

function symlink(target) {
  return { type: 'symlink', mode: 0o777, data: Buffer.from(target) };
}

function addSkeleton(entries) {
  for (const dir of ['proc', 'sys', 'dev', 'run', 'mnt', 'media', 'etc', 'var/log']) {
    entries.set(dir, { type: 'directory', mode: 0o755 });
  }
  entries.set('tmp', { type: 'directory', mode: 0o1777 });
  entries.set('root', { type: 'directory', mode: 0o700 });
  entries.set('var/run', symlink('/run'));
  entries.set('etc/mtab', symlink('/proc/self/mounts'));
  // The kernel opens the console before anything could be mounted on /dev.
  entries.set('dev/console', { type: 'characterDevice', mode: 0o600, device: [5, 1] });
  entries.set('dev/null', { type: 'characterDevice', mode: 0o666, device: [1, 3] });
}

async function addBusybox(entries, store) {
  const busybox = store.find('/bin/busybox')?.file ?? store.find('/usr/bin/busybox')?.file;
  if (!busybox)
    throw new BuildError('package busybox-static has no busybox: it has changed, adapt initramfs.mjs');
  const { stdout } = await promisify(execFile)(busybox, ['--list-full']);
  for (const path of stdout.split('\n').filter(Boolean)) {
    const replaced = REPLACED_APPLETS.includes(basename(path));
    entries.set(path, symlink(replaced ? '/usr/lib/demo/halt' : '/bin/busybox'));
  }
  entries.set('bin/busybox', file(readFileSync(busybox), 0o755));
}

async function addProgram(entries, store, path) {
  const program = store.find(path);
  if (!program) throw new BuildError(`no package has ${path}: it has changed, adapt initramfs.mjs`);
  const loader = store.find(LOADER) ?? store.find(LOADER.replace('/lib64', LIBRARY_DIRS[0]));
  entries.set(path.slice(1), file(readFileSync(program.file), 0o755));
  entries.set(LOADER.slice(1), file(readFileSync(loader.file), 0o755));

  const done = new Set([basename(LOADER)]);
  const queue = [program];
  while (queue.length > 0) {
    const { file: hostPath, owner } = queue.pop();
    for (const library of neededLibraries(readFileSync(hostPath))) {
      if (done.has(library)) continue;
      done.add(library);
      const found = findLibrary(store, library) ?? (await findInDependencies(store, owner, library));
      entries.set(`lib/x86_64-linux-gnu/${library}`, file(readFileSync(found.file), 0o755));
      queue.push(found);
    }
  }
}

function findLibrary(store, library) {
  return LIBRARY_DIRS.map((dir) => store.find(`${dir}/${library}`)).find(Boolean);
}

/** A library that is not unpacked yet comes from a package its user depends on. */
async function findInDependencies(store, owner, library) {
  await store.add(store.unpacked.get(owner).depends.filter((name) => name.startsWith('lib')));
  const found = findLibrary(store, library);
  if (!found) throw new BuildError(`no package that ${owner} depends on has ${library}: adapt initramfs.mjs`);
  return found;
}

/**
 * Adds the modules in MODULES with all they depend on, and the index files
 * (modules.dep, modules.alias) by which busybox modprobe finds them.
 */
function addModules(entries, kernelDir) {
  const base = [join(kernelDir, 'lib/modules'), join(kernelDir, 'usr/lib/modules')].find((dir) =>
    statSync(dir, { throwIfNoEntry: false }),
  );
  const release = readdirSync(base)[0];
  const root = join(base, release);
  const builtIn = new Set(
    readFileSync(join(root, 'modules.builtin'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((path) => moduleName(basename(path, '.ko'))),
  );
  const available = new Map();
  for (const path of readdirSync(join(root, 'kernel'), { recursive: true })) {
    if (path.endsWith('.ko')) available.set(moduleName(basename(path, '.ko')), join('kernel', path));
  }

  /** @type {Map<string, {path: string, needs: string[], aliases: string[]}>} */
  const chosen = new Map();
  const choose = (name) => {
    if (chosen.has(name) || builtIn.has(name)) return;
    const path = available.get(name);
    if (!path)
      throw new BuildError(`the kernel package has no module ${name}: adapt MODULES in initramfs.mjs`);
    const data = readFileSync(join(root, path));
    const { depends, softBefore, aliases } = moduleInfo(data);
    const needs = [...depends, ...softBefore.filter((soft) => available.has(soft))].filter(
      (need) => !builtIn.has(need),
    );
    chosen.set(name, { path, needs, aliases });
    entries.set(`lib/modules/${release}/${path}`, file(data));
    needs.forEach(choose);
  };
  MODULES.map(moduleName).forEach(choose);

  const allNeeds = (name, seen = new Set()) => {
    for (const need of chosen.get(name).needs) {
      // A module that is needed again must move behind (load before) the others.
      seen.delete(need);
      seen.add(need);
      allNeeds(need, seen);
    }
    return seen;
  };
  const dep = [];
  const alias = [];
  for (const [name, { path, aliases }] of [...chosen].sort(([a], [b]) => (a < b ? -1 : 1))) {
    dep.push(`${path}:${[...allNeeds(name)].map((need) => ` ${chosen.get(need).path}`).join('')}`);
    for (const pattern of aliases) alias.push(`alias ${pattern} ${name}`);
  }
  entries.set(`lib/modules/${release}/modules.dep`, file(`${dep.join('\n')}\n`));
  entries.set(`lib/modules/${release}/modules.alias`, file(`${alias.join('\n')}\n`));
  entries.set(`lib/modules/${release}/modules.symbols`, file(''));
  entries.set(`lib/modules/${release}/modules.builtin`, file(readFileSync(join(root, 'modules.builtin'))));
}

function addGuestFiles(entries, guestDir) {
  for (const item of readdirSync(guestDir, { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue;
    const hostPath = join(item.parentPath ?? item.path, item.name);
    const path = relative(guestDir, hostPath);
    const data = readFileSync(hostPath);
    // Scripts are known by their first line: a checkout may have lost mode bits.
    entries.set(path, file(data, data.toString('latin1', 0, 2) === '#!' ? 0o755 : 0o644));
  }
}
