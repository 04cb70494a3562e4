import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  NetworkControl,
  NetworkSettings,
  NetworkState,
} from '../../../../src/bmc/management-network.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { lanCommands } from '../../../../src/ipmi/commands/lan.ts';
import { ipv4, ipv6, mac } from '../../../../src/ipmi/lan-fields.ts';
import { decode, encode } from '../../../../src/lib/codec.ts';
import { ipmiRequest, readReply } from '../../../support/ipmi-client.ts';
import { type BenchOptions, LanBench, ownCommands } from '../../../support/lan-bench.ts';

const v4 = { address: '192.0.2.10', mask: '255.255.255.0', source: 'dhcp' } as const;
const network: NetworkState = {
  v4,
  v6: [
    { address: '2001:db8::10', prefixLength: 64, source: 'static', status: 'active' },
    { address: 'fe80::1', prefixLength: 64, source: 'slaac', status: 'active' },
  ],
  mac: '52:54:00:12:34:56',
  gateway4: { address: '192.0.2.1', mac: '52:54:00:00:00:01' },
  gateway6: { address: 'fe80::fe' },
  vlan: { id: 5, enabled: true, priority: 3 },
  hopLimit4: 64,
  hopLimit6: 64,
};

function setUp(options: BenchOptions = {}) {
  const commands = [...ownCommands, ...lanCommands];
  const bench = new LanBench({ commands, ipmi15: true, network: async () => network, ...options });
  const client = bench.loggedIn({}, 4);
  const ask = async (cmd: number, ...data: number[]) => {
    client.rqSeq = (client.rqSeq + 1) % 64;
    const [now] = client.exchange(client.seal(ipmiRequest(0x0c, cmd, data, client.rqSeq)));
    if (!now) await new Promise((resolve) => setImmediate(resolve));
    const datagram = now ?? bench.sent.splice(0)[0]?.datagram;
    if (!datagram) throw new Error('no reply');
    const reply = readReply(client.unseal(datagram).payload);
    return reply.completionCode === 0 ? reply.data.toString('hex') : reply.completionCode;
  };
  const get = (selector: number, set = 0) => ask(2, 1, selector, set, 0);
  const put = (selector: number, hex: string) => ask(1, 1, selector, ...Buffer.from(hex, 'hex'));
  return { bench, ask, get, put };
}
const everyParameter = [
  ...Array(27).keys(),
  ...[50, 51, 52, 53, 54, 55, 56, 57, 59, 60, 62, 64, 65, 66, 67, 68],
];

describe('LAN configuration parameters', () => {
  test.each([
    [1, 0, '04'],
    [2, 0, '0404040400'],
    [3, 0, 'c000020a'],
    [4, 0, '02'],
    [5, 0, '525400123456'],
    [6, 0, 'ffffff00'],
    [7, 0, '404000'],
    [8, 0, '6f02'],
    [10, 0, '02'],
    [12, 0, 'c0000201'],
    [13, 0, '525400000001'],
    [16, 0, `${Buffer.from('public').toString('hex')}${'00'.repeat(12)}`],
    [17, 0, '04'],
    [18, 3, '03000000'],
    [19, 3, `030000${'00'.repeat(10)}`],
    [20, 0, '0580'],
    [21, 0, '03'],
    [22, 0, '02'],
    [23, 0, `00${'1103'}${'00'.repeat(14)}`],
    [24, 0, '000040000000000000'],
    [26, 0, '000000000000'],
    [51, 0, '02'],
    [56, 0, `0080${'20010db8000000000000000000000010'}4000`],
    [59, 0, `0001${'fe800000000000000000000000000001'}4000`],
    [65, 0, 'fe8000000000000000000000000000fe'],
  ])('%i, set %i, is read as %s', async (selector, set, expected) => {
    expect(await setUp().get(selector, set)).toBe(`11${expected}`);
  });

  test('are all there, with zeros where the host has no network to show', async () => {
    const { get } = setUp({
      network: async () => ({ v6: [], mac: '00:00:00:00:00:00', hopLimit4: 0, hopLimit6: 0 }),
    });
    for (const selector of everyParameter) expect(await get(selector)).toMatch(/^11(..)+$/);
    expect(await get(3)).toBe('1100000000');
    for (const selector of [27, 49, 58, 69, 192, 255]) expect(await get(selector)).toBe(0x80);
  });

  test('are told by revision alone when asked so', async () => {
    expect(await setUp().ask(2, 0x81, 3, 0, 0)).toBe('11');
    expect(await setUp().ask(2, 0x82, 3, 0, 0)).toBe(0xcc);
  });

  test('that are the host’s can be written back, but not changed', async () => {
    const { get, put } = setUp();
    for (const selector of [3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 20, 21, 51, 52, 53, 54, 56, 59, 64, 65]) {
      const value = String(await get(selector)).slice(2);
      expect([selector, await put(selector, value)]).toEqual([selector, '']);
      const other = Buffer.from(value, 'hex');
      const last = other.length - 1;
      other[last] = (other[last] ?? 0) ^ (selector === 51 ? 3 : 1);
      if (selector === 20) other[0] = 6;
      const outcome = await put(selector, other.toString('hex'));
      expect([selector, outcome]).toEqual([selector, 0x82]);
      expect(String(await get(selector)).slice(2)).toBe(value);
    }
    for (const selector of [1, 8, 17, 22, 23, 50]) expect(await put(selector, '00')).toBe(0x82);
    expect(await put(99, '00')).toBe(0x80);
    expect(await put(3, '0102')).toBe(0xc7);
  });

  test('of the alerts are kept, but for destination 0', async () => {
    const store = memoryStore();
    const { bench, get, put } = setUp({ store });
    expect(await put(16, `${Buffer.from('secret-community-x').toString('hex')}`)).toBe('');
    for (const number of ['00', '02']) {
      expect(await put(18, `${number}800503`)).toBe('');
      expect(await put(19, `${number}0001c6336407525400aabbcc`)).toBe('');
    }
    expect(await put(19, '031020010db8000000000000000000000001')).toBe('');
    expect(bench.bmc.lan.destinations[2]).toEqual({
      acknowledged: true,
      retryIntervalS: 5,
      retries: 3,
      address: '198.51.100.7',
      backupGateway: true,
      mac: '52:54:00:aa:bb:cc',
    });
    expect(await get(19, 3)).toBe('11031020010db8000000000000000000000001');
    expect([await put(18, '05000000'), await get(19, 9)]).toEqual([0xc9, 0xc9]);
    expect([await put(18, '02060000'), await put(19, '0220')]).toEqual([0xcc, 0xcc]);
    expect([await put(25, '02000000'), await put(25, '02100500')]).toEqual(['', 0xcc]);
    const next = setUp({ store });
    expect(next.bench.bmc.lan.configuration.community).toBe('secret-community-x');
    expect(await next.get(19, 2)).toBe('11020001c6336407525400aabbcc');
    expect(await next.get(18, 0)).toBe('1100000000');
  });

  test('limit cipher suites, by their IDs', async () => {
    const { bench, get, put } = setUp({ cipherSuites: [17, 3, 8] });
    expect(await get(24)).toBe('11000040000004000000');
    expect(await put(24, '000030000000000000')).toBe('');
    expect(await get(24)).toBe('11000030000000000000');
    expect(bench.client({ suite: 3 }).login()).toBe('open: 10');
    expect(bench.client({ suite: 3, openLevel: 3, role: 0x13 }).login()).toBe('ok');
    expect(bench.client({ suite: 8 }).login()).toBe('open: 17');
    expect(bench.client({ suite: 17 }).login()).toBe('ok');
    const suites = bench.loggedIn().command(6, 0x54, [1, 0, 0x80])?.data;
    expect([...(suites ?? [])].filter((_, i) => i % 5 === 2)).toEqual([17, 3]);
    expect(await put(24, '000060000000000000')).toBe(0xcc);
  });

  test('keep the limits of cipher suites that are not on offer as they were written', async () => {
    const { bench, get, put } = setUp({ cipherSuites: [17, 3] });
    expect(await put(24, '004044444444444444')).toBe('');
    expect(await get(24)).toBe('11004044444444444444');
    expect(bench.client({ suite: 8 }).login()).toBe('open: 17');
    expect(await put(24, '000040000000000000')).toBe('');
    expect(await get(24)).toBe('11000040000000000000');
  });

  test('enable MD5 by level, and nothing else', async () => {
    const { get, put } = setUp();
    expect(await put(2, '0004040000')).toBe('');
    expect(await get(2)).toBe('110004040000');
    for (const bad of ['0104040000', '0010040000', '0002040000', '0004040004']) {
      expect(await put(2, bad)).toBe(0xcc);
    }
    const off = setUp({ ipmi15: false });
    expect([await off.get(1), await off.get(2)]).toEqual(['1100', '110000000000']);
    expect([await off.put(2, '0000000000'), await off.put(2, '0000040000')]).toEqual(['', 0xcc]);
  });

  test('hold a policy against bad passwords', async () => {
    const { bench, get, put } = setUp();
    expect(await put(26, '010306000300')).toBe('');
    expect(bench.bmc.lan.configuration.badPasswords).toEqual({
      threshold: 3,
      event: true,
      forgetAfterS: 60,
      lockoutS: 30,
    });
    expect(await get(26)).toBe('11010306000300');
  });

  test('are set by one client at a time that says so', async () => {
    const { bench, get, put } = setUp();
    expect([await put(0, '01'), await get(0), await put(0, '01')]).toEqual(['', '1101', '']);
    const other = bench.loggedIn({}, 4, bench.from('192.0.2.2'));
    expect(other.command(0x0c, 1, [1, 0, 1])?.completionCode).toBe(0x81);
    bench.face.sessions()[0]?.close('idle');
    expect(other.command(0x0c, 1, [1, 0, 1])?.completionCode).toBe(0);
    expect(other.command(0x0c, 1, [1, 0, 3])?.completionCode).toBe(0xcc);
    expect(other.command(0x0c, 1, [1, 0, 0])?.completionCode).toBe(0);
  });
});

describe('an interface that is the BMC’s', () => {
  const now: NetworkSettings = {
    source: 'static',
    address: '192.0.2.10',
    mask: '255.255.255.0',
    gateway: '192.0.2.1',
    vlan: { id: 0, enabled: false, priority: 0 },
    static6: [{ address: '2001:db8::10', prefixLength: 64 }, null, null, null],
    router6: '::',
  };
  const managed = ({ ipv6 = true, dhcp = true } = {}) => {
    const told: NetworkSettings[] = [];
    const networkControl: NetworkControl = {
      ipv6,
      dhcp,
      settings: async () => now,
      apply: async (settings) => void told.push(settings),
      stop: async () => undefined,
    };
    const { vlan: _vlan, ...untagged } = network;
    const made = setUp({
      networkControl,
      network: async () => ({ ...untagged, v4: { ...v4, source: 'static' } }),
    });
    return { ...made, told, pass: () => made.bench.clock.advanceAsync(1000, 500) };
  };

  test.each([
    [3, 'c0000263', { address: '192.0.2.99' }],
    [6, 'ffff0000', { mask: '255.255.0.0' }],
    [12, 'c00002fe', { gateway: '192.0.2.254' }],
    [4, '02', { source: 'dhcp' }],
    [20, '0780', { vlan: { id: 7, enabled: true, priority: 0 } }],
    [20, '0700', { vlan: { id: 7, enabled: false, priority: 0 } }],
    [21, '05', { vlan: { id: 0, enabled: false, priority: 5 } }],
    [65, '20010db8000000000000000000000001', { router6: '2001:db8::1' }],
  ] as const)('takes parameter %i, %s', async (selector, hex, expected) => {
    const { told, put, get, pass } = managed();
    expect(await put(selector, hex)).toBe('');
    expect(await get(selector)).toBe(`11${hex}`);
    expect(told).toEqual([]);
    await pass();
    expect(told).toEqual([{ ...now, ...expected }]);
  });

  test('takes IPv6 addresses into places of their own, and empties them', async () => {
    const { told, put, get, pass } = managed();
    expect(await get(55)).toBe('11040103');
    expect(await put(56, `0280${'20010db8000000000000000000000020'}4000`)).toBe('');
    // In its place, while the kernel has not got it yet.
    expect(await get(56, 2)).toBe(`110280${'20010db8000000000000000000000020'}4002`);
    expect(await get(56, 1)).toBe(`110100${'00'.repeat(17)}01`);
    expect(await put(56, `0000${'00'.repeat(18)}`)).toBe('');
    await pass();
    expect(told.map(({ static6 }) => static6)).toEqual([
      [null, null, { address: '2001:db8::20', prefixLength: 64 }, null],
    ]);
    expect(await put(56, `0480${'20010db8000000000000000000000020'}4000`)).toBe(0xc9);
  });

  test('refuses by C9h what makes no sense, by D5h what does not go now, by 82h what is never changed', async () => {
    const { told, put, pass } = managed({ dhcp: false });
    for (const [selector, hex] of [
      [3, 'e0000001'],
      [6, 'ff00ff00'],
      [12, 'ffffffff'],
      [4, '03'],
      [20, '0080'],
    ] as const) {
      expect([selector, await put(selector, hex)]).toEqual([selector, 0xc9]);
    }
    expect(await put(4, '02')).toBe(0xd5);
    for (const [selector, hex] of [
      [5, '525400000009'],
      [7, '200000'],
      [10, '00'],
      [13, '525400000009'],
      [14, 'c0000202'],
      [51, '00'],
      [53, '01'],
      [64, '01'],
      [66, '525400000009'],
    ] as const) {
      expect([selector, await put(selector, hex)]).toEqual([selector, 0x82]);
    }
    await pass();
    expect(told).toEqual([]);
  });

  test('keeps its IPv6 side where the BMC has none', async () => {
    const { put } = managed({ ipv6: false });
    expect(await put(65, '20010db8000000000000000000000001')).toBe(0x82);
    expect(await put(56, `0080${'20010db8000000000000000000000020'}4000`)).toBe(0x82);
  });
});

test('statistics count what came and went, until they are cleared', async () => {
  const { bench, ask } = setUp();
  bench.from()(Uint8Array.of(1, 2, 3));
  const words = async (clear: number) => {
    const raw = Buffer.from(String(await ask(4, 1, clear)), 'hex');
    return [...new Uint16Array(new Uint8Array(raw).buffer)];
  };
  const { received, sent } = bench.face.counters;
  const [total, replies] = [received + 1, sent];
  expect(await words(1)).toEqual([total, 0, 0, 0, replies, total, total - 1, 0, 0]);
  expect(await words(0)).toEqual([1, 0, 0, 0, 1, 1, 1, 0, 0]);
});

test('ARP goes on whatever is asked', async () => {
  const { ask } = setUp();
  expect(await ask(3, 1, 0)).toBe('02');
  expect(await ask(3, 1, 1)).toBe('02');
  expect(await ask(3, 1, 2)).toBe(0xd5);
});

test('addresses survive a round trip', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (raw) => {
      expect(encode(ipv6, decode(ipv6, raw, 'test'))).toEqual(raw);
      expect(encode(ipv4, decode(ipv4, raw.subarray(0, 4), 'test'))).toEqual(raw.slice(0, 4));
      expect(encode(mac, decode(mac, raw.subarray(0, 6), 'test'))).toEqual(raw.slice(0, 6));
    }),
  );
  fc.assert(fc.property(fc.ipV6(), (text) => encode(ipv6, text).length === 16));
  expect(decode(ipv6, encode(ipv6, 'fe80::1%eth0'), 'test')).toBe('fe80::1');
});
