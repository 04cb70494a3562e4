/** What is written on the server's parts, as FRU 0 has it for ipmitool and as SMBIOS has it for the guest. */
import { expect } from 'vitest';
import type { Appliance } from './appliance.ts';
import { leave, login } from './demo-boots.ts';

/** Where Linux shows each text of FRU 0 as ipmitool names it. */
const places = {
  'Chassis Serial': 'chassis_serial',
  'Board Mfg': 'board_vendor',
  'Board Product': 'board_name',
  'Board Serial': 'board_serial',
  'Board Part Number': 'board_version',
  'Product Manufacturer': 'sys_vendor',
  'Product Name': 'product_name',
  'Product Version': 'product_version',
  'Product Serial': 'product_serial',
  'Product Part Number': 'product_sku',
  'Product Asset Tag': 'chassis_asset_tag',
} as const;

/** Compares both, of a demo guest that is ready. @returns what the guest sees, by Linux's names */
export async function expectOneIdentity(appliance: Appliance): Promise<Readonly<Record<string, string>>> {
  const [written, seen] = [await fru(appliance), await seenByGuest(appliance)];
  for (const [field, place] of Object.entries(places)) {
    expect([field, seen[place] ?? '']).toEqual([field, written.get(field) ?? '']);
  }
  return seen;
}

async function fru(appliance: Appliance): Promise<ReadonlyMap<string, string>> {
  const lines = (await appliance.ipmi('fru', 'print', '0')).split('\n');
  return new Map(
    lines.flatMap((line) => [...line.matchAll(/^ ([\w ]+?)\s+: (.*)$/g)].map(([, a = '', b = '']) => [a, b])),
  );
}

async function seenByGuest(appliance: Appliance): Promise<Readonly<Record<string, string>>> {
  const terminal = appliance.sol();
  try {
    await login(terminal);
    terminal.type(
      'cd /sys/class/dmi/id; for f in *_* ; do [ -f $f ] && echo "<$f=$(cat $f)>"; done; echo en""d\r',
    );
    const [text] = await terminal.expect(/[\s\S]*\nend/, 30_000);
    terminal.type('exit\r');
    await leave(terminal);
    return Object.fromEntries([...text.matchAll(/<(\w+)=([^>]*)>/g)].map(([, a = '', b = '']) => [a, b]));
  } finally {
    terminal.kill();
  }
}
