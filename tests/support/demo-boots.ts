/** The demo guest's boots, as its serial line tells of them, and a login on it by Serial-over-LAN. */
import type { Appliance } from './appliance.ts';
import { until } from './processes.ts';
import type { Terminal } from './terminal.ts';

/** The times the guest has reported itself ready: where it booted from, by which firmware. */
export function boots(log: string): RegExpExecArray[] {
  return [...log.matchAll(/demo: ready boot=(\w+) firmware=(\w+)/g)];
}

/** Waits for the guest to be ready for the `count`th time. @returns see {@link boots} */
export function ready(appliance: Appliance, count: number): Promise<RegExpExecArray> {
  return waitFor(appliance, `the guest is ready for the ${count}. time`, () =>
    boots(appliance.serialLog()).at(count - 1),
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what a terminal's sequences begin with
const cursorMoves = /\x1b\[[0-9;]*H/g;

/** What a boot has come to when its boot loader speaks: that is what firmware decides. */
export interface Loaded {
  readonly from: string;
  readonly firmware: 'bios' | 'uefi';
}

/** The boots of which the boot loader has spoken: GRUB, or for the network the card's own iPXE. */
function loads(log: string): Loaded[] {
  // SeaBIOS puts the cursor where it belongs in the middle of a word, too.
  const plain = log.replaceAll(cursorMoves, '');
  const pieces = plain.split(/demo: (GRUB boots from (?:disk|cdrom)|iPXE boots from the network)/);
  return pieces.flatMap((said, index) => {
    if (index % 2 === 0) return [];
    const firmware = /BdsDxe/.test(pieces[index - 1] ?? '') ? 'uefi' : 'bios';
    return [{ from: said.startsWith('iPXE') ? 'pxe' : (said.split(' ').at(-1) ?? ''), firmware }];
  });
}

/** Waits for the boot loader to speak for the `count`th time. */
export function loaded(appliance: Appliance, count: number): Promise<Loaded> {
  return waitFor(appliance, `the boot loader speaks for the ${count}. time`, () =>
    loads(appliance.serialLog()).at(count - 1),
  );
}

async function waitFor<T>(appliance: Appliance, what: string, probe: () => T | undefined): Promise<T> {
  try {
    return await until(what, probe, 90_000, 100);
  } catch (error) {
    const [console, output] = [appliance.serialLog(), appliance.output].map((text) => text.slice(-1500));
    throw new Error(`the console ends in ${JSON.stringify(console)}, the appliance said ${output}`, {
      cause: error,
    });
  }
}

/** Logs in as root, on a guest that is ready. */
export async function login(terminal: Terminal): Promise<void> {
  await terminal.expect('SOL Session operational');
  await terminal.typeUntil('\r', 'demo login: ');
  terminal.type('root\r');
  await terminal.expect('root@demo:~# ');
}

/** Leaves the console as a user does. */
export async function leave(terminal: Terminal): Promise<void> {
  terminal.type('\r~.');
  await terminal.expect('terminated ipmitool');
  await terminal.exited();
}
