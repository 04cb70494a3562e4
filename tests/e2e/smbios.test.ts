/** What is written on the server's parts is one story: DCMI, FRU, and what the guest reads in SMBIOS. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { until } from '../support/processes.ts';

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

let appliance: Appliance;
/** Of the guest, so far. */
let boots = 0;

beforeAll(async () => {
  appliance = await Appliance.start();
}, 60_000);

afterAll(async () => {
  await appliance?.stop();
  appliance?.clean();
});

async function fru(): Promise<ReadonlyMap<string, string>> {
  const lines = (await appliance.ipmi('fru', 'print', '0')).split('\n');
  return new Map(
    lines.flatMap((line) => [...line.matchAll(/^ ([\w ]+?)\s+: (.*)$/g)].map(([, a = '', b = '']) => [a, b])),
  );
}

/** The next boot's view. */
async function seenByGuest(): Promise<Readonly<Record<string, string>>> {
  const boot = ++boots;
  const said = () => appliance.serialLog().split('] Linux version ')[boot] ?? '';
  await until('the guest is ready', () => said().includes('demo login: '), 90_000, 100);
  const terminal = appliance.sol();
  try {
    await terminal.expect('SOL Session operational');
    await terminal.typeUntil('\r', 'demo login: ');
    terminal.type('root\r');
    await terminal.expect('root@demo:~# ');
    terminal.type(
      'cd /sys/class/dmi/id; for f in *_* ; do [ -f $f ] && echo "<$f=$(cat $f)>"; done; echo en""d\r',
    );
    const [text] = await terminal.expect(/[\s\S]*\nend/, 30_000);
    terminal.type('\r~.');
    await terminal.exited();
    return Object.fromEntries([...text.matchAll(/<(\w+)=([^>]*)>/g)].map(([, a = '', b = '']) => [a, b]));
  } finally {
    terminal.kill();
  }
}

test('as delivered, and after a client has written the FRU and the asset tag, from the next power-on on', async () => {
  const compare = async () => {
    const [written, seen] = [await fru(), await seenByGuest()];
    for (const [field, place] of Object.entries(places)) {
      expect([field, seen[place] ?? '']).toEqual([field, written.get(field) ?? '']);
    }
    return seen;
  };
  const delivered = await compare();
  expect(delivered.product_serial).toMatch(/^QB/);
  expect(delivered.chassis_asset_tag ?? '').toBe('');

  await appliance.ipmi('dcmi', 'set_asset_tag', 'rack 7, slot 12');
  for (const change of [
    ['b', '1', 'Blade, rev. 2'],
    ['p', '4', 'SN=12,34'],
  ]) {
    // ipmitool 1.8.19 ends with 1 when all went well.
    expect((await appliance.ipmitool('fru', 'edit', '0', 'field', ...change)).stdout).toContain('Done.');
  }
  await appliance.ipmi('power', 'cycle');
  const changed = await compare();
  expect(changed).toMatchObject({
    chassis_asset_tag: 'rack 7, slot 12',
    board_name: 'Blade, rev. 2',
    product_serial: 'SN=12,34',
  });
}, 300_000);
