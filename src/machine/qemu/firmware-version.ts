/** The versions of the firmware that this host has: of the Debian packages that its files come from. */
import { readFileSync } from 'node:fs';
import type { Firmware } from '../../bmc/boot.ts';

const packages: Readonly<Record<Firmware, { readonly name: string; readonly title: string }>> = {
  bios: { name: 'seabios', title: 'SeaBIOS' },
  uefi: { name: 'ovmf', title: 'OVMF' },
};

/** @param status text of dpkg's status file @returns `SeaBIOS 1.16.2-1`; undefined where the package is not installed */
export function firmwareVersionIn(status: string, firmware: Firmware): string | undefined {
  const { name, title } = packages[firmware];
  const head = `Package: ${name}\n`;
  // Not taken apart: it may have megabytes, and clients wait meanwhile.
  const before = status.indexOf(`\n\n${head}`);
  const begin = before < 0 ? 0 : before + 2;
  if (!status.startsWith(head, begin)) return undefined;
  const end = status.indexOf('\n\n', begin);
  const paragraph = status.slice(begin, end < 0 ? undefined : end);
  if (!/^Status: .* installed$/m.test(paragraph)) return undefined;
  const [, version] = /^Version: (.+)$/m.exec(paragraph) ?? [];
  return version && `${title} ${version}`;
}

let known: Readonly<Record<Firmware, string | undefined>> | undefined;

/** Read once: the firmware's files are replaced together with us. @returns undefined when it cannot be told */
export function firmwareVersion(firmware: Firmware): string | undefined {
  known ??= readAll();
  return known[firmware];
}

function readAll(): Readonly<Record<Firmware, string | undefined>> {
  let status: string;
  try {
    status = readFileSync('/var/lib/dpkg/status', 'utf8');
  } catch {
    return { bios: undefined, uefi: undefined };
  }
  return { bios: firmwareVersionIn(status, 'bios'), uefi: firmwareVersionIn(status, 'uefi') };
}
