// Ways to start the demo machine: a disk and a CD that boot under BIOS and UEFI
// alike, and an iPXE script for the network. All made without root or loop devices.
import { copyFile, mkdir, open, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError, run } from './commands.mjs';

const SECTOR = 512;
const MIB = 1024 * 1024;
/** First sector of the partition; the gap before it holds GRUB's core for BIOS. */
const PARTITION_START = 2048;
const PARTITION_TYPE_EFI_SYSTEM = 0xef;
const MIN_DISK_MIB = 32;
const GRUB_BIOS_DIR = '/usr/lib/grub/i386-pc';
/** An empty file by which GRUB under UEFI tells our disk from our CD. */
const MARKER = { disk: '/boot/demo-disk', cdrom: '/boot/demo-cdrom' };

/**
 * Kernel command line of the demo machine.
 * - `unknown_nmi_panic=1 panic=0`: a diagnostic interrupt shows a panic, which stays on the screen.
 * - `no_timer_check`: on a busy host an emulated processor may stand still while the kernel counts timer interrupts,
 *   which then gives up with a panic ("IO-APIC + timer doesn't work").
 * - `mitigations=off lsm=capability cryptomgr.notests edd=off`: what a demo can do without
 *   and what costs seconds of boot time where there is no KVM.
 * @param {'disk' | 'cdrom' | 'pxe' | 'direct'} boot told to the guest as `demo.boot`
 * @returns {string}
 */
export function kernelCommandLine(boot) {
  return [
    'console=tty0 console=ttyS0,115200 loglevel=6',
    'unknown_nmi_panic=1 panic=0 no_timer_check',
    'mitigations=off lsm=capability cryptomgr.notests edd=off',
    `demo.boot=${boot}`,
  ].join(' ');
}

/** GRUB commands that load the kernel, with more parameters for it if given. */
function grubLoad(boot, more = '') {
  const options = `${kernelCommandLine(boot)}${more}`;
  const load = `linux /boot/vmlinuz ${options}\n\tinitrd /boot/initrd.img`;
  if (boot !== 'disk') return load;
  // GRUB's own loader runs out of memory under UEFI with 256 MB. The kernel can
  // start itself there, and read its initrd from a file system the firmware knows.
  return `if [ "$grub_platform" = efi ]; then
		chainloader /boot/vmlinuz initrd=/boot/initrd.img ${options}
	else
		linux /boot/vmlinuz ${options}
		initrd /boot/initrd.img
	fi`;
}

function grubConfig(boot) {
  // One output only: firmware forwards its own screen to the serial port, so
  // GRUB on both would show every line twice there.
  return `set timeout=0
set default=0
set gfxpayload=keep
terminal_input console
terminal_output console

menuentry "qemu-bmc demo machine (${boot})" {
	echo "demo: GRUB boots from ${boot}"
	${grubLoad(boot)}
}
menuentry "qemu-bmc demo machine (${boot}), power button ignored" {
	${grubLoad(boot, ' demo.ignore_power_button')}
}
`;
}

/**
 * Script for iPXE, to be served by TFTP or HTTP beside `vmlinuz` and `initrd.img`.
 * @returns {string}
 */
export function ipxeScript() {
  return `#!ipxe
echo demo: iPXE boots from the network
kernel vmlinuz initrd=initrd.img ${kernelCommandLine('pxe')}
initrd initrd.img
boot
`;
}

const GRUB_COMMON_MODULES = [
  'normal',
  'linux',
  'echo',
  'search',
  'search_fs_file',
  'configfile',
  'test',
  'sleep',
];
const GRUB_CONTROL_MODULES = ['halt', 'reboot'];

/**
 * GRUB for one kind of firmware and medium as a single file.
 * @param {{format: string, prefix: string, modules: string[], config?: string, workDir: string, name: string}} options
 * @returns {Promise<string>} path of the image
 */
async function grubImage({ format, prefix, modules, config, workDir, name }) {
  const output = join(workDir, name);
  const args = ['-O', format, '-p', prefix, '-o', output];
  if (config) {
    const early = join(workDir, `${name}.cfg`);
    await writeFile(early, config);
    args.push('-c', early);
  }
  await run('grub-mkimage', [...args, ...GRUB_COMMON_MODULES, ...GRUB_CONTROL_MODULES, ...modules]);
  return output;
}

/** GRUB for UEFI: finds its medium by the marker file, since it may sit on another file system. */
function grubForEfi(boot, workDir) {
  return grubImage({
    format: 'x86_64-efi',
    prefix: '/boot/grub',
    modules: ['part_msdos', 'fat', 'iso9660', 'efi_gop', 'all_video', 'chain'],
    config: `search --file --set=root ${MARKER[boot]}\nset prefix=($root)/boot/grub\n`,
    workDir,
    name: `grub-efi-${boot}.efi`,
  });
}

/**
 * Lays out the files of a boot medium in a directory, all with the same time stamp.
 * @returns {Promise<string[]>} paths relative to `dir`, parents first
 */
async function stage(dir, files, mtime) {
  const dirs = new Set();
  for (const [path, source] of Object.entries(files)) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) dirs.add(parts.slice(0, depth).join('/'));
    await mkdir(join(dir, ...parts.slice(0, -1)), { recursive: true });
    if (source.file) await copyFile(source.file, join(dir, path));
    else await writeFile(join(dir, path), source.text);
  }
  const all = [...dirs, ...Object.keys(files)].sort();
  for (const path of [...all].reverse()) await utimes(join(dir, path), mtime, mtime);
  await utimes(dir, mtime, mtime);
  return all;
}

function bootFiles({ boot, kernel, initrd }) {
  return {
    [MARKER[boot].slice(1)]: { text: '' },
    'boot/vmlinuz': { file: kernel },
    'boot/initrd.img': { file: initrd },
    'boot/grub/grub.cfg': { text: grubConfig(boot) },
  };
}

/** Makes a FAT file system at an offset of a file and copies a directory's contents into it. */
async function fillFat({ image, offset, sectors, hidden, label, stageDir, topLevel, mtime }) {
  const env = { MTOOLS_SKIP_CHECK: '1', SOURCE_DATE_EPOCH: String(mtime) };
  const target = `${image}@@${offset}`;
  await run(
    'mformat',
    [
      '-i',
      target,
      '-T',
      String(sectors),
      '-h',
      '255',
      '-s',
      '63',
      '-H',
      String(hidden),
      '-c',
      '8',
      '-N',
      '51454d55',
      '-v',
      label,
      '::',
    ],
    { env },
  );
  await run(
    'mcopy',
    ['-i', target, '-s', '-m', '-Q', ...topLevel.map((name) => join(stageDir, name)), '::/'],
    { env },
  );
}

/**
 * Makes the disk: MBR partition table, GRUB for BIOS before the partition, one
 * FAT partition that is also the EFI system partition.
 * @param {{output: string, workDir: string, kernel: string, initrd: string, mtime: number}} options paths; mtime in seconds
 * @returns {Promise<void>}
 * @throws {BuildError} if GRUB does not fit before the partition or a tool fails
 */
export async function buildDisk({ output, workDir, kernel, initrd, mtime }) {
  const stageDir = join(workDir, 'disk');
  const efi = await grubForEfi('disk', workDir);
  const core = await readFile(
    await grubImage({
      format: 'i386-pc',
      prefix: '(,msdos1)/boot/grub',
      modules: ['biosdisk', 'part_msdos', 'fat'],
      workDir,
      name: 'grub-bios-disk.img',
    }),
  );
  if (core.length > (PARTITION_START - 1) * SECTOR)
    throw new BuildError('GRUB for BIOS is too large for the gap before the partition');

  const files = { ...bootFiles({ boot: 'disk', kernel, initrd }), 'EFI/BOOT/BOOTX64.EFI': { file: efi } };
  await stage(stageDir, files, mtime);
  const content = (await Promise.all([kernel, initrd, efi].map((path) => readFile(path)))).reduce(
    (sum, data) => sum + data.length,
    0,
  );
  // Room for notes and experiments in the guest, and a whole number of 8 MiB.
  const sizeMib = Math.max(MIN_DISK_MIB, Math.ceil((content / MIB + 8) / 8) * 8);
  const sectors = (sizeMib * MIB) / SECTOR - PARTITION_START;

  const raw = join(workDir, 'demo.raw');
  const handle = await open(raw, 'w');
  try {
    await handle.truncate(sizeMib * MIB);
    await handle.write(bootSector(await readFile(join(GRUB_BIOS_DIR, 'boot.img')), sectors), 0, SECTOR, 0);
    // boot.img loads sector 1, which by default finds the rest of GRUB behind it.
    await handle.write(core, 0, core.length, SECTOR);
  } finally {
    await handle.close();
  }
  await fillFat({
    image: raw,
    offset: PARTITION_START * SECTOR,
    sectors,
    hidden: PARTITION_START,
    label: 'DEMO',
    stageDir,
    topLevel: ['EFI', 'boot'],
    mtime,
  });
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, output]);
  await rm(raw);
}

/** GRUB's boot code and a partition table with one active partition. */
function bootSector(bootImage, sectors) {
  const sector = Buffer.alloc(SECTOR);
  bootImage.copy(sector, 0, 0, 440);
  sector.writeUInt32LE(0x51454d55, 440); // disk signature
  const entry = 446;
  sector[entry] = 0x80; // active: some BIOSes insist
  sector.set([0xfe, 0xff, 0xff], entry + 1); // no CHS addresses, use LBA
  sector[entry + 4] = PARTITION_TYPE_EFI_SYSTEM;
  sector.set([0xfe, 0xff, 0xff], entry + 5);
  sector.writeUInt32LE(PARTITION_START, entry + 8);
  sector.writeUInt32LE(sectors, entry + 12);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/**
 * Makes the CD: El Torito entries for BIOS and for UEFI.
 * @param {{output: string, workDir: string, kernel: string, initrd: string, mtime: number}} options paths; mtime in seconds
 * @returns {Promise<void>}
 * @throws {BuildError} if a tool fails
 */
export async function buildCd({ output, workDir, kernel, initrd, mtime }) {
  const stageDir = join(workDir, 'cd');
  const bios = await grubImage({
    format: 'i386-pc-eltorito',
    prefix: '/boot/grub',
    modules: ['biosdisk', 'iso9660'],
    workDir,
    name: 'grub-bios-cd.img',
  });

  // UEFI starts BOOTX64.EFI from a small FAT image on the CD.
  const efiStage = join(workDir, 'cd-efi');
  const efiImage = join(workDir, 'efi.img');
  const efi = await grubForEfi('cdrom', workDir);
  await stage(efiStage, { 'EFI/BOOT/BOOTX64.EFI': { file: efi } }, mtime);
  const efiBytes = Math.ceil(((await readFile(efi)).length + 256 * 1024) / MIB) * MIB;
  const handle = await open(efiImage, 'w');
  await handle.truncate(efiBytes);
  await handle.close();
  await fillFat({
    image: efiImage,
    offset: 0,
    sectors: efiBytes / SECTOR,
    hidden: 0,
    label: 'DEMOEFI',
    stageDir: efiStage,
    topLevel: ['EFI'],
    mtime,
  });

  const files = {
    ...bootFiles({ boot: 'cdrom', kernel, initrd }),
    'boot/grub/bios.img': { file: bios },
    'boot/grub/efi.img': { file: efiImage },
  };
  await stage(stageDir, files, mtime);
  const args = ['-as', 'mkisofs', '-quiet', '-r', '-J', '-V', 'QEMU_BMC_DEMO', '-o', output];
  args.push(
    '-c',
    'boot/boot.cat',
    '-b',
    'boot/grub/bios.img',
    '-no-emul-boot',
    '-boot-load-size',
    '4',
    '-boot-info-table',
    '--grub2-boot-info',
  );
  args.push('-eltorito-alt-boot', '-e', 'boot/grub/efi.img', '-no-emul-boot', stageDir);
  await run('xorriso', args, { env: { SOURCE_DATE_EPOCH: String(mtime) } });
}
