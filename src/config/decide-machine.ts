/** Decides on the machine's disks, CD-ROM, networks and extra arguments, by looking at the files they name. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Disk, HostForward, Network } from './config.ts';
import { attempt, codeOf, type Problems, show } from './problems.ts';
import type { Settings } from './schema.ts';
import { splitWords } from './words.ts';

export function decideDisks(disks: readonly string[], demo: boolean, problems: Problems): Disk[] {
  if (disks.length === 1 && disks[0] === 'none') return [];
  return disks.flatMap((text, index): Disk[] => {
    const at = `machine.disks.${index}`;
    const [, path = text, fixed] = /^(.+):(qcow2|raw)$/s.exec(text) ?? [];
    const magic = readStart(path, true, at, demo, problems);
    if (magic === undefined) return [];
    const format = fixed ?? (magic.equals(Buffer.from('QFI\xfb', 'latin1')) ? 'qcow2' : 'raw');
    return [{ path, format: format as Disk['format'] }];
  });
}

export function decideCdrom(cdrom: string, demo: boolean, problems: Problems): { cdrom?: string } {
  if (cdrom === 'none') return {};
  return readStart(cdrom, false, 'machine.cdrom', demo, problems) ? { cdrom } : {};
}

export function decideNetworks(
  networks: NonNullable<Settings['machine']['networks']>,
  demo: boolean,
  problems: Problems,
): Network[] {
  return networks.flatMap((network, index): Network[] => {
    if (network.backend === 'none') return [];
    const { tftp, mac, bootFile, restrict, hostForward } = network;
    if (tftp !== undefined && !demo && !attemptStat(tftp)) {
      problems.add(`machine.networks.${index}.tftp`, 'a directory', show(tftp));
    }
    return [
      {
        backend: 'user',
        restrict,
        hostForward: hostForward.map((text) =>
          decideForward(text, `machine.networks.${index}.hostForward`, problems),
        ),
        ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
        ...(tftp === undefined ? {} : { tftp }),
        ...(bootFile === undefined ? {} : { bootFile }),
      },
    ];
  });
}

export function decideExtraArgs(text: string, problems: Problems): string[] {
  const words = attempt(() => splitWords(text));
  if (!(words instanceof Error)) return words;
  problems.add('machine.extraArgs', 'words as in a shell', `${show(text)}: ${words.message}`);
  return [];
}

function readStart(
  path: string,
  block: boolean,
  at: string,
  demo: boolean,
  problems: Problems,
): Buffer | undefined {
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
    const hint = demo ? ': `npm run setup` makes the demo machine' : '';
    problems.add(at, expected, `${show(path)} (${codeOf(error)})${hint}`);
    return undefined;
  }
}

function decideForward(text: string, at: string, problems: Problems): HostForward {
  const [protocol, ports = ''] = text.split(':');
  const [hostPort = 0, guestPort = 0] = ports.split('-').map(Number);
  if (hostPort > 65535 || guestPort > 65535) problems.add(at, 'ports up to 65535', show(text));
  return { protocol: protocol === 'udp' ? 'udp' : 'tcp', hostPort, guestPort };
}

function attemptStat(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
