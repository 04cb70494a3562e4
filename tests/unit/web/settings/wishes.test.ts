import { describe, expect, it } from 'vitest';
import { urgency } from '../../../../src/web/pages/overview/expiry/urgency.ts';
import {
  accountBody,
  dayOf,
  ipmiAccount,
  isName,
  timeOfDay,
} from '../../../../src/web/pages/settings/account.ts';
import { backupName } from '../../../../src/web/pages/settings/backup.ts';
import { signingRequest, validity } from '../../../../src/web/pages/settings/certificate-facts.ts';
import { changesOf } from '../../../../src/web/pages/settings/draft.ts';
import {
  isUnused,
  numberOrNull,
  offsetsOf,
} from '../../../../src/web/pages/settings/filtering/filter-wish.ts';
import { lockoutBody } from '../../../../src/web/pages/settings/lockout.ts';
import {
  ipmiNetwork,
  networkBody,
  networkPointers,
  networkWish,
} from '../../../../src/web/pages/settings/network-wish.ts';
import { isUsable, judgePassword } from '../../../../src/web/pages/settings/password.ts';

describe('a password', () => {
  const limits = { least: 8, most: 20 };
  it.each([
    ['', 'empty'],
    ['short', 'too-short'],
    ['sixteen-bytes-ok', 'good'],
    ['seventeen-bytes-x', 'long'],
    ['twenty-bytes-exactly', 'long'],
    ['twenty-one-bytes-here', 'too-long'],
    // Seven characters of three bytes each.
    ['パスワードです', 'too-long'],
    ['abcdefgh\0', 'bad-character'],
  ] as const)('%j is judged as IPMI takes it: %s', (password, verdict) => {
    expect(judgePassword(password, limits)).toBe(verdict);
  });

  it('of 17 to 20 bytes can be used', () => {
    expect(isUsable(judgePassword('seventeen-bytes-x', limits))).toBe(true);
  });
});

describe('an account', () => {
  it('has a name as IPMI wants it', () => {
    expect(isName('night-operator')).toBe(true);
    expect(isName('two words')).toBe(false);
    expect(isName('seventeen-letters')).toBe(false);
    expect(isName('名前')).toBe(false);
  });

  it('is one line of ipmitool where one thing changes, and none where more do', () => {
    expect(ipmiAccount('3', { Enabled: false })).toEqual(['user', 'disable', '3']);
    expect(ipmiAccount('3', { RoleId: 'Operator' })).toEqual(['user', 'priv', '3', '3', '1']);
    expect(ipmiAccount('3', { Enabled: false, RoleId: 'Operator' })).toBeUndefined();
    expect(ipmiAccount('3', { PasswordChangeRequired: true })).toBeUndefined();
  });

  it('is sent with its password', () => {
    const wish = {
      UserName: 'x',
      RoleId: 'Operator',
      Enabled: true,
      AccountTypes: ['IPMI'],
      PasswordChangeRequired: false,
    } as const;
    expect(accountBody({ ...wish, PasswordExpiration: null }, 'secret')).toEqual({
      ...wish,
      Password: 'secret',
    });
  });
});

describe('a draft', () => {
  it('is only what is another than at present', () => {
    expect(changesOf({ a: 1, b: [1], c: 'x' }, { a: 1, b: [1], c: 'y' })).toEqual({ c: 'y' });
  });
});

describe('the lock-out policy', () => {
  it('says null for a lock that an administrator ends', () => {
    expect(lockoutBody({ duration: '0', threshold: '5' })).toEqual({
      AccountLockoutThreshold: 5,
      AccountLockoutDuration: null,
    });
  });
});

describe('the management network', () => {
  const nic = {
    '@odata.id': '/x',
    Id: '1',
    Name: 'x',
    DHCPv4: { DHCPEnabled: false },
    IPv4StaticAddresses: [{ Address: '192.0.2.5', SubnetMask: '255.255.255.0', Gateway: '0.0.0.0' }],
    IPv6StaticAddresses: [{ Address: '2001:db8::5', PrefixLength: 64 }, null],
    IPv6DefaultGateway: null,
    VLAN: { VLANEnable: false, VLANId: 0, VLANPriority: 0 },
  } as const;
  const present = networkWish(nic);

  it('shows what is not set as empty', () => {
    expect(present).toMatchObject({
      source: 'static',
      gateway: '',
      gateway6: '',
      address6: '2001:db8::5/64',
    });
  });

  it('sends only what has changed', () => {
    expect(networkBody({ mask: '255.255.0.0' }, present)).toEqual({
      IPv4StaticAddresses: [{ SubnetMask: '255.255.0.0' }],
    });
  });

  it('sends no address by hand with a change to DHCP', () => {
    const change = { source: 'dhcp', address: '192.0.2.9' } as const;
    expect(networkBody(change, { ...present, ...change })).toEqual({ DHCPv4: { DHCPEnabled: true } });
  });

  it('sends each text where errors about it point to', () => {
    const change = {
      ...{ address: '192.0.2.9', mask: '255.255.0.0', gateway: '192.0.2.1' },
      ...{ address6: '2001:db8::9/64', gateway6: 'fe80::9' },
    };
    const body = networkBody(change, { ...present, ...change, source: 'static' });
    const found = Object.entries(networkPointers).map(([name, pointer]) => {
      const at = pointer.split('/').reduce<unknown>((whole, key) => Reflect.get(Object(whole), key), body);
      return [name, at];
    });
    expect(Object.fromEntries(found)).toEqual({ ...change, address6: '2001:db8::9' });
  });

  it('takes an IPv6 address away by null', () => {
    expect(networkBody({ address6: '', gateway6: '' }, present)).toEqual({
      IPv6StaticAddresses: [null],
      IPv6StaticDefaultGateways: [null],
    });
  });

  it('is one line of ipmitool where one thing changes', () => {
    expect(ipmiNetwork({ mask: '255.255.0.0' })).toEqual(['lan', 'set', '1', 'netmask', '255.255.0.0']);
    expect(ipmiNetwork({ mask: '255.255.0.0', gateway: '192.0.2.1' })).toBeUndefined();
  });
});

describe('a certificate', () => {
  const at = (day: string) => Date.parse(`${day}T00:00:00Z`);
  it.each([
    ['2026-01-01', 'early', 31],
    ['2026-03-01', 'good', 92],
    ['2026-05-12', 'soon', 20],
    ['2026-06-11', 'over', 10],
  ] as const)('on %s is %s, by %i days', (day, state, days) => {
    expect(validity('2026-02-01T00:00:00Z', '2026-06-01T00:00:00Z', at(day))).toEqual({ state, days });
  });

  it('is asked for with what was filled in alone', () => {
    const wish = {
      commonName: 'bmc.example',
      names: 'bmc.example, 192.0.2.5',
      organization: 'Example',
      unit: ' ',
      city: '',
      state: '',
      country: '',
      key: 'RSA-3072',
    };
    expect(signingRequest(wish)).toEqual({
      CertificateCollection: { '@odata.id': '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates' },
      CommonName: 'bmc.example',
      AlternativeNames: ['bmc.example', '192.0.2.5'],
      Organization: 'Example',
      KeyPairAlgorithm: 'TPM_ALG_RSASSA',
      KeyBitLength: 3072,
    });
    expect(signingRequest({ ...wish, key: 'P-384' })).toMatchObject({
      KeyPairAlgorithm: 'TPM_ALG_ECDSA',
      KeyCurveId: 'TPM_ECC_NIST_P384',
    });
  });
});

it('names a backup after the machine and the day', () => {
  expect(backupName('bmc 1', new Date('2026-05-01T12:00:00Z'))).toBe('bmc-1_configuration_2026-05-01.json');
});

describe('the day on which a password expires', () => {
  it('is as the calendar here has it, there and back', () => {
    for (const day of ['2031-05-04', '2032-02-29', '2030-12-31']) expect(dayOf(timeOfDay(day))).toBe(day);
    expect([timeOfDay(''), dayOf(null), dayOf(undefined)]).toEqual([null, '', '']);
  });

  it('is left to the policy of the BMC for a new account without one', () => {
    const wish = {
      UserName: 'clara',
      RoleId: 'ReadOnly',
      Enabled: true,
      AccountTypes: ['Redfish'],
      PasswordChangeRequired: false,
    } as const;
    expect(accountBody({ ...wish, PasswordExpiration: null }, 'p')).not.toHaveProperty('PasswordExpiration');
    expect(accountBody({ ...wish, PasswordExpiration: '2031-05-04T00:00:00Z' }, 'p')).toMatchObject({
      PasswordExpiration: '2031-05-04T00:00:00Z',
    });
    expect(lockoutBody({ passwordDays: '' })).toEqual({ PasswordExpirationDays: null });
    expect(lockoutBody({ passwordDays: '90' })).toEqual({ PasswordExpirationDays: 90 });
  });

  it('is said louder the nearer it is, and not at all before its time', () => {
    const days = (left: number) => urgency(left * 86_400_000, 14);
    expect([days(15), days(14), days(4), days(3), days(0.1), days(0), days(-5)]).toEqual([
      ...[undefined, 'calm', 'calm', 'urgent', 'urgent', 'over', 'over'],
    ]);
  });
});

describe('an event filter', () => {
  it('has offsets in order, each once, whatever stands between', () => {
    expect(offsetsOf('9, 2,4 2、0')).toEqual([0, 2, 4, 9]);
    expect(offsetsOf('')).toEqual([]);
    for (const wrong of ['16', '-1', '1.5', 'two', '2;4']) expect(offsetsOf(wrong)).toBeUndefined();
  });

  it('takes an empty field for any', () => {
    expect([numberOrNull(''), numberOrNull(' '), numberOrNull('0'), numberOrNull('7')]).toEqual([
      null,
      null,
      0,
      7,
    ]);
  });

  it('is unused when it is neither enabled nor does anything', () => {
    const filter = { Enabled: false, FilterActions: [] } as unknown as Parameters<typeof isUnused>[0];
    expect(isUnused(filter)).toBe(true);
    expect(isUnused({ ...filter, Enabled: true })).toBe(false);
    expect(isUnused({ ...filter, FilterActions: ['Alert'] })).toBe(false);
  });
});
