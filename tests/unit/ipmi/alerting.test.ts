/** Alerts on their way: policies, repeats, acknowledges. */
import { createSocket } from 'node:dgram';
import { describe, expect, test } from 'vitest';
import type { AlertDestination } from '../../../src/bmc/lan-settings.ts';
import type { AlertPolicy } from '../../../src/bmc/pef-settings.ts';
import { udpTrapSender } from '../../../src/ipmi/alerting.ts';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { tester } from '../../support/actors.ts';
import { alertAlways } from '../../support/event-filters.ts';
import { ipmiRequest, readReply, v15Packet } from '../../support/ipmi-client.ts';
import { LanBench } from '../../support/lan-bench.ts';
import { hasIpv6Loopback, withoutIpv6 } from '../../support/processes.ts';

const actor = { name: 'admin', face: 'ipmi' } as const;
const unused: AlertDestination = {
  acknowledged: false,
  retryIntervalS: 3,
  retries: 0,
  address: '0.0.0.0',
  backupGateway: false,
  mac: '00:00:00:00:00:00',
};
const policy: AlertPolicy = {
  enabled: true,
  policyNumber: 1,
  rule: 'always',
  channel: 1,
  destination: 1,
  eventSpecificString: false,
  stringSelector: 0,
};
const event = [0x04, 0x01, 0x30, 0x01, 0x59, 0x5b, 0x5a];

/** What a trap receiver sees of a trap: the variable begins after its length. */
function variableOf(trap: Uint8Array): Buffer {
  const bytes = Buffer.from(trap);
  const oid = Buffer.from('060a2b06010401986f01010104', 'hex');
  return bytes.subarray(bytes.indexOf(oid) + oid.length + 1);
}

function setUp(policies: readonly AlertPolicy[], destinations: readonly Partial<AlertDestination>[]) {
  const sent: { readonly to: string; readonly trap: Uint8Array }[] = [];
  const unreachable = new Set<string>();
  const bench = new LanBench({
    commands: ipmiCommands.definitions,
    sendTrap: async (trap, to) => {
      if (unreachable.has(to)) throw new Error('no route to host');
      sent.push({ to, trap });
    },
  });
  const { pef, lan } = bench.bmc;
  pef.update({ filters: [alertAlways], policies }, tester);
  for (const [index, destination] of destinations.entries()) {
    lan.setDestination(index + 1, { ...unused, ...destination }, actor);
  }
  const client = bench.loggedIn({}, 4);
  return {
    bench,
    client,
    sent,
    unreachable,
    to: () => sent.map(({ to }) => to),
    async happen() {
      client.command(0x04, 0x02, event);
      await settle();
    },
    async pass(ms: number) {
      await bench.clock.advanceAsync(ms, 100);
    },
  };
}

/** Lets promises settle while the clock stands. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A PET Acknowledge for what a trap says of itself. */
function acknowledgeOf(trap: Uint8Array): number[] {
  const variable = variableOf(trap);
  const reversed = (start: number, end: number) => [...variable.subarray(start, end)].reverse();
  const [sensorDevice = 0, sensorNumber = 0] = variable.subarray(27, 29);
  return [
    ...reversed(16, 18),
    ...reversed(18, 22),
    0x20,
    sensorDevice,
    sensorNumber,
    ...variable.subarray(31, 34),
  ];
}

describe('an alert', () => {
  test('is a trap of the event, for the destination of its policy', async () => {
    const { bench, sent, happen } = setUp([policy], [{ address: '192.0.2.9' }]);
    bench.bmc.lan.update({ community: 'secret' }, actor);
    await happen();
    expect(sent.map(({ to }) => to)).toEqual(['192.0.2.9']);
    const trap = Buffer.from(sent[0]?.trap ?? []);
    expect(trap.includes(Buffer.from('0406736563726574', 'hex'))).toBe(true);
    const since1998 = (Date.UTC(2026, 0, 1) - Date.UTC(1998, 0, 1)) / 1000;
    expect(variableOf(trap).toString('hex')).toBe(
      `123456789abc4def8123456789abcdef0001${since1998.toString(16).padStart(8, '0')}ffff` +
        '20201081300000595b5a0000000000ff000fffff0001c1',
    );
  });

  test('names what a sensor of ours is about', async () => {
    const { bench, sent } = setUp([policy], [{ address: '192.0.2.9' }]);
    bench.bmc.sensors.analog('cpuTemp').override(86);
    await settle();
    const variable = variableOf(sent[0]?.trap ?? new Uint8Array());
    // Severity, sensor device and number, processor 1, reading and threshold.
    expect(variable.subarray(26, 34).toString('hex')).toBe('10202003015756' + '55');
  });

  test('tells local time where the zone is known, and another GUID and a text where they are set', async () => {
    const { bench, sent, happen } = setUp([{ ...policy, stringSelector: 1 }], [{ address: '192.0.2.9' }]);
    bench.bmc.sel.setUtcOffset(60, tester);
    bench.bmc.pef.update({ alertGuidHex: 'ab'.repeat(16), strings: ['call Ann'] }, tester);
    await happen();
    const variable = variableOf(sent[0]?.trap ?? new Uint8Array());
    const since1998 = (Date.UTC(2026, 0, 1, 1) - Date.UTC(1998, 0, 1)) / 1000;
    expect(variable.subarray(0, 16).toString('hex')).toBe('ab'.repeat(16));
    expect([variable.readUInt32BE(18), variable.readInt16BE(22)]).toEqual([since1998, 60]);
    expect(variable.subarray(46).toString('latin1')).toBe('\xc8call Ann\xc1');
  });

  test.each([
    ['that is switched off', { enabled: false }],
    ['of another number', { policyNumber: 2 }],
    ['for another channel', { channel: 2 }],
    ['for a destination without an address', { destination: 2 }],
    ['for a destination that is not there', { destination: 9 }],
  ])('does not follow a policy %s', async (_what, change) => {
    const { happen, sent } = setUp([{ ...policy, ...change }], [{ address: '192.0.2.9' }]);
    await happen();
    expect(sent).toEqual([]);
  });

  test('does not leave when alerting is off for the channel', async () => {
    const { bench, happen, sent } = setUp([policy], [{ address: '192.0.2.9' }]);
    bench.bmc.lan.setAccess({ alerting: false }, actor);
    await happen();
    expect(sent).toEqual([]);
  });

  const three = [{ address: '192.0.2.1' }, { address: '192.0.2.2' }, { address: '192.0.2.3' }];
  test.each<[AlertPolicy['rule'], boolean, string[]]>([
    ['always', true, ['192.0.2.1', '192.0.2.2', '192.0.2.3']],
    ['unless-sent', true, ['192.0.2.1', '192.0.2.3']],
    ['unless-sent', false, ['192.0.2.2', '192.0.2.3']],
    ['stop-if-sent', true, ['192.0.2.1']],
    ['stop-if-sent', false, ['192.0.2.2', '192.0.2.3']],
  ])('goes by the rule %s when the first was sent: %s', async (rule, reachable, expected) => {
    const { happen, to, unreachable } = setUp(
      [policy, { ...policy, rule, destination: 2 }, { ...policy, destination: 3 }],
      three,
    );
    if (!reachable) unreachable.add('192.0.2.1');
    await happen();
    expect(to()).toEqual(expected);
  });

  test('that nobody acknowledges is repeated as often as said', async () => {
    const { happen, pass, sent } = setUp([policy], [{ address: '192.0.2.9', retries: 2, retryIntervalS: 3 }]);
    await happen();
    expect(sent).toHaveLength(1);
    await pass(3000);
    expect(sent).toHaveLength(2);
    await pass(60_000);
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map(({ trap }) => Buffer.from(trap).toString('hex'))).size).toBe(1);
  });

  test('that is to be acknowledged is repeated until it was, and the policy waits', async () => {
    const { happen, pass, to, sent, bench } = setUp(
      [policy, { ...policy, rule: 'unless-sent', destination: 2 }],
      [{ address: '192.0.2.1', acknowledged: true, retries: 5 }, { address: '192.0.2.2' }],
    );
    await happen();
    await pass(3500);
    expect(to()).toEqual(['192.0.2.1', '192.0.2.1']);
    // A wrong one first, then the right one, from outside any session, as trap receivers do.
    const trap = sent[0]?.trap ?? new Uint8Array();
    const right = acknowledgeOf(trap);
    for (const [wrong, expected] of [
      [right.with(0, (right[0] ?? 0) ^ 1), 3],
      [right, 3],
    ] as const) {
      const [reply] = bench.from()(v15Packet(ipmiRequest(0x04, 0x17, wrong)));
      expect(readReply(Buffer.from(reply ?? []).subarray(14)).completionCode).toBe(0);
      await pass(3000);
      expect(sent).toHaveLength(expected);
    }
    await pass(60_000);
    expect(to()).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1']);
  });

  test('that is never acknowledged goes on to the next entry', async () => {
    const { happen, pass, to } = setUp(
      [policy, { ...policy, rule: 'unless-sent', destination: 2 }],
      [{ address: '192.0.2.1', acknowledged: true, retries: 1 }, { address: '192.0.2.2' }],
    );
    await happen();
    await pass(10_000);
    expect(to()).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.2']);
  });
});

describe('an alert by command', () => {
  const send = [0x01, 0x01, 0x00];
  const status = [0x01, 0x41, 0x00];
  const clear = [0x01, 0x81, 0x00];

  test('is sent to the destination, and its fate can be asked', async () => {
    const { client, sent, pass } = setUp([], [{ address: '192.0.2.9', acknowledged: true, retries: 0 }]);
    const ask = () => [...(client.command(0x04, 0x16, status)?.data ?? [])];
    expect(ask()).toEqual([0]);
    expect(client.command(0x04, 0x16, [...send, 0x20, ...event])?.completionCode).toBe(0);
    await settle();
    expect(ask()).toEqual([0xff]);
    expect(client.command(0x04, 0x16, send)?.completionCode).toBe(0x81);
    expect(
      variableOf(sent[0]?.trap ?? new Uint8Array())
        .subarray(27, 34)
        .toString('hex'),
    ).toBe('20301d01595b5a');
    await pass(5000);
    expect(ask()).toEqual([3]);
    expect(client.command(0x04, 0x16, clear)?.completionCode).toBe(0);
    expect(ask()).toEqual([0]);
  });

  test('carries a string if wanted', async () => {
    const { bench, client, sent } = setUp([], [{ address: '192.0.2.9' }]);
    bench.bmc.pef.setVolatileString('test', tester);
    expect(client.command(0x04, 0x16, [0x0e, 0x01, 0x80])?.completionCode).toBe(0);
    await settle();
    expect(
      variableOf(sent[0]?.trap ?? new Uint8Array())
        .subarray(46)
        .toString('latin1'),
    ).toBe('\xc4test\xc1');
    expect([...(client.command(0x04, 0x16, status)?.data ?? [])]).toEqual([1]);
  });

  test('that cannot leave says so', async () => {
    const { client, unreachable } = setUp([], [{ address: '192.0.2.9' }]);
    unreachable.add('192.0.2.9');
    client.command(0x04, 0x16, send);
    await settle();
    expect([...(client.command(0x04, 0x16, status)?.data ?? [])]).toEqual([2]);
  });

  test('for nowhere is refused', () => {
    const { client } = setUp([], []);
    expect(client.command(0x04, 0x16, send)?.completionCode).toBe(0xc9);
    expect(client.command(0x04, 0x16, [0x02, 0x01, 0x00])?.completionCode).toBe(0xc9);
  });
});

describe('the UDP sender', () => {
  async function receiving(type: 'udp4' | 'udp6', address: string) {
    const socket = createSocket(type);
    const heard = new Promise<string>((resolve) => {
      socket.on('message', (trap, remote) => resolve(`${trap.toString()} from ${remote.address}`));
    });
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    return { heard, port: socket.address().port, close: () => socket.close() };
  }

  async function arrives(type: 'udp4' | 'udp6', to: string, from: string, expected: string) {
    const receiver = await receiving(type, to);
    const send = udpTrapSender({ port: receiver.port, from });
    await send(Buffer.from('trap'), to);
    expect(await receiver.heard).toBe(`trap from ${expected}`);
    send.close();
    receiver.close();
  }

  test.each([
    ['127.0.0.2', '127.0.0.2'],
    ['0.0.0.0', '127.0.0.1'],
  ])('sends from the address it was given, %s', (from, expected) =>
    arrives('udp4', '127.0.0.1', from, expected),
  );

  test.skipIf(!hasIpv6Loopback)(`sends to IPv6 from what there is${withoutIpv6}`, () =>
    arrives('udp6', '::1', '127.0.0.2', '::1'),
  );

  test('says when it has no such address, each time', async () => {
    const send = udpTrapSender({ port: 9, from: '192.0.2.1' });
    for (let i = 0; i < 2; i++) {
      await expect(send(Buffer.from('trap'), '127.0.0.1')).rejects.toThrow('EADDRNOTAVAIL');
    }
    send.close();
  });
});
