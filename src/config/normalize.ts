/** Writes out what users may abbreviate: the classic boot letters, and relative paths. */
import { resolve } from 'node:path';
import { type Origins, originOf } from './origins.ts';
import type { Settings } from './schema.ts';
import { isTree, type Tree } from './tree.ts';

/** Writes out the classic letters: `cdn`, or `c`, `d` and `n` one by one. */
export function spellBoot(tree: Tree): void {
  const machine = tree.machine;
  if (!isTree(machine)) return;
  const given = machine.boot;
  const list = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list)) return;
  machine.boot = list.flatMap((item: unknown) =>
    typeof item === 'string' && /^[cdn]+$/.test(item)
      ? [...item].map((letter) => bootLetters[letter])
      : [item],
  );
}

/** From the directory of the file they stand in, or from the working directory for variables. */
export function absolutePaths(settings: Settings, fileDir: string, cwd: string, origins: Origins): void {
  const base = (path: string) => {
    const origin = originOf(origins, path);
    return origin === undefined || origin === 'file' ? fileDir : cwd;
  };
  const fix = (holder: object | undefined, key: string, path: string) => {
    const tree = holder as Tree | undefined;
    const text = tree?.[key];
    if (tree && typeof text === 'string' && text !== 'none') tree[key] = resolve(base(path), text);
  };
  fix(settings.bmc, 'stateDir', 'bmc.stateDir');
  fix(settings.bmc, 'runDir', 'bmc.runDir');
  fix(settings.redfish, 'tlsCert', 'redfish.tlsCert');
  fix(settings.redfish, 'tlsKey', 'redfish.tlsKey');
  fix(settings.machine, 'cdrom', 'machine.cdrom');
  settings.ipmi.users.forEach((user, index) => {
    fix(user, 'passwordFile', `ipmi.users.${index}.passwordFile`);
  });
  settings.machine.networks?.forEach((network, index) => {
    fix(network, 'tftp', `machine.networks.${index}.tftp`);
  });
  settings.machine.disks?.forEach((_, index) => {
    fix(settings.machine.disks, String(index), `machine.disks.${index}`);
  });
}

const bootLetters: Readonly<Record<string, string>> = { c: 'disk', d: 'cdrom', n: 'pxe' };
