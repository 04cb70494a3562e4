import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultRoutes4 } from '../../../src/network/host-network.ts';
import { reservedLinks } from '../../../src/network/reserved-links.ts';

test('the machine gets neither the interface with the BMC’s address, nor its own, nor a default route', async () => {
  const reserved = await reservedLinks('127.0.0.1', 'eth0');
  expect(reserved.get('lo')).toContain('127.0.0.1');
  expect(reserved.get('eth0')).toContain('own');
  for (const { name } of defaultRoutes4(readFileSync('/proc/net/route', 'utf8'))) {
    expect([...reserved.keys()]).toContain(name);
  }
  expect((await reservedLinks('0.0.0.0', undefined)).has('lo')).toBe(false);
});
