/** A disk with a program for UEFI firmware that nobody has signed. Needs dosfstools and mtools. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Why there can be no such disk; undefined where it can be made. */
export const noEfiDisk = ['mkfs.vfat', 'mmd', 'mcopy'].every(isInstalled)
  ? undefined
  : 'dosfstools or mtools are missing';

export function isInstalled(tool: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${tool}`], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @param text what the program writes to the first serial port before it waits forever @returns path of the raw image */
export function writeEfiDisk(folder: string, text: string): string {
  return diskOf(writeEfiProgram(folder, text), join(folder, 'esp.img'));
}

/** @returns path of the program alone */
export function writeEfiProgram(folder: string, text: string): string {
  const program = join(folder, 'bootx64.efi');
  writeFileSync(program, efiProgram(text));
  return program;
}

/** @returns `image`, a raw disk that boots the program */
export function diskOf(program: string, image: string): string {
  const run = (tool: string, ...args: string[]) => execFileSync(tool, args, { env, stdio: 'pipe' });
  run('mkfs.vfat', '-C', image, '4096');
  run('mmd', '-i', image, '::/EFI', '::/EFI/BOOT');
  run('mcopy', '-i', image, program, '::/EFI/BOOT/BOOTX64.EFI');
  return image;
}

/** `lea rsi,[text]; mov dx,3F8h; next: lodsb; test al,al; jz end; out dx,al; jmp next; end: hlt; jmp end` */
const code = '488d350f000000' + '66baf803' + 'ac84c07403eeebf8' + 'f4ebfd';

/** A PE32+ image of one section, which asks nothing of the firmware. */
function efiProgram(text: string): Buffer {
  const sectionAt = 0x200;
  const section = Buffer.concat([Buffer.from(code, 'hex'), Buffer.from(`${text}\r\n\0`)]);
  const image = Buffer.alloc(sectionAt + 0x200);
  section.copy(image, sectionAt);
  image.write('MZ');
  image.writeUInt32LE(0x40, 0x3c);
  image.write('PE\0\0', 0x40);
  const coff = 0x44;
  image.writeUInt16LE(0x8664, coff);
  image.writeUInt16LE(1, coff + 2);
  const optionalBytes = 240;
  image.writeUInt16LE(optionalBytes, coff + 16);
  image.writeUInt16LE(0x22, coff + 18);
  const optional = coff + 20;
  image.writeUInt16LE(0x20b, optional);
  image.writeUInt32LE(0x200, optional + 4);
  image.writeUInt32LE(0x1000, optional + 16);
  image.writeUInt32LE(0x1000, optional + 20);
  image.writeUInt32LE(0x1000, optional + 32);
  image.writeUInt32LE(0x200, optional + 36);
  image.writeUInt32LE(0x2000, optional + 56);
  image.writeUInt32LE(sectionAt, optional + 60);
  const efiApplication = 10;
  image.writeUInt16LE(efiApplication, optional + 68);
  image.writeUInt32LE(16, optional + 108);
  const header = optional + optionalBytes;
  image.write('.text', header);
  image.writeUInt32LE(section.length, header + 8);
  image.writeUInt32LE(0x1000, header + 12);
  image.writeUInt32LE(0x200, header + 16);
  image.writeUInt32LE(sectionAt, header + 20);
  image.writeUInt32LE(0x60000020, header + 36);
  return image;
}
