import { describe, expect, it } from 'vitest';
import { ipv6FromHex, shortIpv6 } from '../../../src/lib/ipv6.ts';

describe('the one text of an IPv6 address', () => {
  it.each([
    ['fd00:0000:0000:0000:0000:0000:0000:0001', 'fd00::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
  ])('%s is %s', (written, wanted) => {
    expect(shortIpv6(written)).toBe(wanted);
    expect(shortIpv6(wanted)).toBe(wanted);
  });

  it('leaves alone what is none', () => {
    for (const text of ['', '192.0.2.1', 'fe80::1%eth0', 'router', 'fd00:::1'])
      expect(shortIpv6(text)).toBe(text);
  });

  it('is made of 32 digits', () => {
    expect(ipv6FromHex('fe8000000000000000000000000000fe')).toBe('fe80::fe');
  });
});
