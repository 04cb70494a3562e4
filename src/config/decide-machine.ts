/** Decides on the machine's disks, CD-ROM and extra arguments, by looking at the files they name. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Disk } from './config.ts';
import { demoDir } from './package-paths.ts';
import { attempt, codeOf, type Problems, show } from './problems.ts';
import { splitWords } from './words.ts';

export function decideDisks(disks: readonly string[], problems: Problems): Disk[] {
  if (disks.length === 1 && disks[0] === 'none') return [];
  return disks.flatMap((text, index): Disk[] => {
    const at = `machine.disks.${index}`;
    const [, path = text, fixed] = /^(.+):(qcow2|raw)$/s.exec(text) ?? [];
    const magic = readStart(path, true, at, problems);
    if (magic === undefined) return [];
    const format = fixed ?? (magic.equals(Buffer.from('QFI\xfb', 'latin1')) ? 'qcow2' : 'raw');
    return [{ path, format: format as Disk['format'] }];
  });
}

export function decideCdrom(cdrom: string, problems: Problems): { cdrom?: string } {
  if (cdrom === 'none') return {};
  return readStart(cdrom, false, 'machine.cdrom', problems) ? { cdrom } : {};
}

export function decideExtraArgs(text: string, problems: Problems): string[] {
  const words = attempt(() => splitWords(text));
  if (!(words instanceof Error)) return words;
  problems.add('machine.extraArgs', 'words as in a shell', `${show(text)}: ${words.message}`);
  return [];
}

function readStart(path: string, block: boolean, at: string, problems: Problems): Buffer | undefined {
  const expected = block ? 'a disk image or block device' : 'an image file';
  try {
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isBlockDevice()) {
      problems.add(at, expected, `${show(path)}, which is something else`);
      return undefined;
    }
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(4);
      return start.subarray(0, readSync(file, start, 0, 4, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const hint = dirname(path) === demoDir ? ': `npm run setup` makes the demo machine' : '';
    problems.add(at, expected, `${show(path)} (${codeOf(error)})${hint}`);
    return undefined;
  }
}
