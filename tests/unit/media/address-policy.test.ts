/** Which addresses images are fetched from. */
import { describe, expect, it } from 'vitest';
import { AddressPolicy } from '../../../src/media/address-policy.ts';

const own = ['192.0.2.2', '2001:db8::2', 'fe80::2%eth0'];
const usual = new AddressPolicy({ allow: [], deny: [], ownAddresses: () => own });

describe('without further settings', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['169.254.169.254', 'link-local'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'reserved or broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', 'link-local'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['2002:7f00:1::', 'loopback'],
    ['192.0.2.2', 'our own'],
    ['::ffff:192.0.2.2', 'our own'],
    ['2001:db8::2', 'our own'],
    ['example.com', 'not an address'],
    ['', 'not an address'],
  ])('%s is refused: %s', (address, reason) => {
    expect(usual.refusal(address)).toBe(reason);
  });

  it.each([
    '192.0.2.3',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.0.1',
    '2001:db8::3',
    'fd00::1',
    '::ffff:192.0.2.3',
  ])('%s is permitted', (address) => {
    expect(usual.refusal(address)).toBeUndefined();
  });
});

describe('settings', () => {
  it('permit what is refused otherwise, and nothing beside it', () => {
    const policy = new AddressPolicy({ allow: ['127.0.0.0/30', '::1'], deny: [], ownAddresses: () => own });
    expect(policy.refusal('127.0.0.1')).toBeUndefined();
    expect(policy.refusal('::ffff:127.0.0.1')).toBeUndefined();
    expect(policy.refusal('::1')).toBeUndefined();
    expect(policy.refusal('127.0.0.4')).toBe('loopback');
  });

  it('refuse what is permitted otherwise, but for what is permitted by name', () => {
    const policy = new AddressPolicy({
      allow: ['10.1.0.0/16'],
      deny: ['0.0.0.0/0', '::/0'],
      ownAddresses: () => own,
    });
    expect(policy.refusal('10.1.2.3')).toBeUndefined();
    expect(policy.refusal('10.2.2.3')).toBe('refused by the configuration');
    expect(policy.refusal('2001:db8::3')).toBe('refused by the configuration');
  });

  it('that are no networks are refused at once', () => {
    for (const cidr of ['10.0.0.0/33', 'example.com', '10.0.0.0/8/8', '::/129', '']) {
      expect(() => new AddressPolicy({ allow: [cidr], deny: [] }), cidr).toThrow(RangeError);
    }
  });
});
