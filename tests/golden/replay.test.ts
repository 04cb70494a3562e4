/** Our replies to real clients, recorded once, stay the same byte for byte. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  encodePcap,
  type Frame,
  type GoldenSetup,
  type Recording,
  readRecordings,
  replay,
} from '../support/golden.ts';
import { observe } from './observer.ts';

interface Expected {
  /** In order, as `user suite outcome`. */
  readonly logins?: readonly string[];
  /** Replies in sessions that succeeded. */
  readonly ok?: number;
  /** Replies that must be among the successful ones, as `NetFn command`, so often. */
  readonly among?: Readonly<Record<string, number>>;
  /** Replies in sessions that did not succeed, as `NetFn command code`, so often. */
  readonly failed?: Readonly<Record<string, number>>;
  /** Answers outside sessions. */
  readonly outside?: readonly string[];
  readonly console?: string;
}

const authCapabilities = '06 38 00';
const admin17 = 'admin 17 ok';
const admin3 = 'admin 3 ok';
/** What ipmitool 1.8.19 asks first in every session, in vain: is it PICMG, is it VITA? */
const probes = (sessions: number) => ({ '2c 3e c1': sessions, '2c 00 c1': 2 * sessions });
/** Set Session Privilege Level, Get Device ID, Close Session. */
const ipmitoolFrame = 3;
/** Set Session Privilege Level, Close Session. */
const freeipmiFrame = 2;
/** System info parameters, and the eleven of twelve channels that are not there. */
const bmcInfoFailed = { '06 42 cc': 10 };

const ipmitool = (ok: number, among: Expected['among']): Expected => ({
  logins: [admin17],
  ok: ok + ipmitoolFrame,
  among: { ...among },
  failed: probes(1),
  outside: [authCapabilities],
});

const recordings = readRecordings();

const expectations: Readonly<Record<string, Expected>> = {
  'freeipmi-bmc-info-17': {
    logins: [admin17],
    ok: 12 + freeipmiFrame,
    among: { '06 01': 1, '06 08': 1, '06 37': 1, '06 42': 2, '06 59': 7 },
    failed: bmcInfoFailed,
    outside: [authCapabilities],
  },
  'freeipmi-bmc-info-3': {
    logins: [admin3],
    ok: 12 + freeipmiFrame,
    among: { '06 01': 1, '06 08': 1, '06 37': 1, '06 42': 2, '06 59': 7 },
    failed: bmcInfoFailed,
    outside: [authCapabilities],
  },
  'freeipmi-ipmi-chassis': {
    logins: [admin3],
    ok: 1 + freeipmiFrame,
    among: { '00 01': 1 },
    outside: [authCapabilities],
  },
  'freeipmi-ipmiping': { outside: [authCapabilities, authCapabilities] },
  'freeipmi-ipmipower': {
    logins: Array(5).fill(admin3),
    ok: 5 * (1 + freeipmiFrame),
    among: { '00 01': 3, '00 02': 2 },
    outside: Array(5).fill(authCapabilities),
  },
  'freeipmi-rmcpping': { outside: ['pong', 'pong'] },
  'freeipmi-two-key-login': {
    logins: [admin17],
    ok: 1 + freeipmiFrame,
    among: { '06 01': 1 },
    outside: [authCapabilities],
  },
  'freeipmi-wrong-password': { outside: [authCapabilities] },
  'ipmitool-bootdev': {
    logins: [admin17, admin17],
    ok: 6 + 2 * ipmitoolFrame,
    among: { '00 08': 5, '00 09': 1 },
    failed: probes(2),
    outside: [authCapabilities, authCapabilities],
  },
  'ipmitool-channel-getciphers': ipmitool(1, { '06 54': 1 }),
  'ipmitool-chassis-status-3': { ...ipmitool(1, { '00 01': 1 }), logins: [admin3] },
  'ipmitool-mc-info-17': ipmitool(1, { '06 01': 2 }),
  'ipmitool-power': {
    logins: Array(9).fill(admin17),
    ok: 9 * (1 + ipmitoolFrame),
    among: { '00 01': 3, '00 02': 6 },
    failed: probes(9),
    outside: Array(9).fill(authCapabilities),
  },
  'ipmitool-session-info': ipmitool(1, { '06 3d': 1 }),
  'ipmitool-sol-info': ipmitool(9, { '0c 22': 9 }),
  'ipmitool-sol-session': {
    logins: [admin17, admin17],
    ok: 3 + 2 * ipmitoolFrame,
    among: { '00 02': 1, '06 48': 1, '06 49': 1 },
    failed: probes(2),
    outside: [authCapabilities, authCapabilities],
    console: '\r\nfake login: root\r\nWelcome, root. There is no machine here, but you may type help.\r\n# ',
  },
  // The BMC cannot tell that the second client has another key: the client sees it, in RAKP 4, and leaves.
  'ipmitool-two-key-login': {
    ...ipmitool(1, { '06 37': 1 }),
    logins: [admin17, admin17],
    outside: [authCapabilities, authCapabilities],
  },
  'ipmitool-unknown-user': { logins: ['nobody 17 refused at RAKP 2: 13'], outside: [authCapabilities] },
  // At level USER there is no Set Session Privilege Level.
  'ipmitool-user-level': {
    ...ipmitool(1, { '00 01': 1 }),
    logins: ['reader 17 ok'],
    ok: 1 + ipmitoolFrame - 1,
  },
  'ipmitool-user-level-refused': {
    logins: ['reader 17 ok'],
    ok: ipmitoolFrame - 1,
    failed: { ...probes(1), '00 02 d4': 1 },
    outside: [authCapabilities],
  },
  'ipmitool-user-list': ipmitool(32, { '06 44': 16, '06 46': 16 }),
  'ipmitool-v15': { outside: ['pong', authCapabilities] },
  'ipmitool-without-suite': {
    ...ipmitool(1, { '06 37': 1 }),
    outside: [authCapabilities, '06 54 00'],
  },
  // The client sees in RAKP 2 that the password is another, and leaves without a word.
  'ipmitool-wrong-password': { outside: [authCapabilities] },
};

function counted(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** The same BMC, but every user's password differs in the lowest bit of its first character. */
function withOtherPasswords({ users, ...rest }: GoldenSetup): GoldenSetup {
  const flipped = (text: string) => String.fromCharCode(text.charCodeAt(0) ^ 1) + text.slice(1);
  return { ...rest, users: users.map((user) => ({ ...user, password: flipped(user.password) })) };
}

test('Every recording is expected, and every one that is expected is there', () => {
  expect(recordings.map(({ name }) => name).sort()).toEqual(Object.keys(expectations).sort());
});

describe.each(recordings.map((recording): [string, Recording] => [recording.name, recording]))(
  '%s',
  (name, recording) => {
    test('replays byte for byte', async () => {
      const { packets, random } = recording;
      expect(await replay(recording)).toEqual({ packets, random });
    });

    test('is what it says: an independent reader finds the commands and their success', () => {
      const expected = expectations[name] ?? {};
      const { logins, replies, outside, console } = observe(recording.packets, recording.bmc);
      const ok = replies.filter((reply) => reply.endsWith(' 00'));
      expect(logins).toEqual(expected.logins ?? []);
      expect(ok).toHaveLength(expected.ok ?? 0);
      expect(counted(ok.map((reply) => reply.slice(0, 5)))).toMatchObject(expected.among ?? {});
      expect(counted(replies.filter((reply) => !reply.endsWith(' 00')))).toEqual(expected.failed ?? {});
      expect(outside).toEqual(expected.outside ?? []);
      expect(console).toBe(expected.console ?? '');
    });

    const rakp2 = recording.packets.findIndex(({ hex }) => /^0600ff070613.{22}00/.test(hex));
    // Without a challenge no password plays a part.
    if (rakp2 < 0) return;
    test('differs from RAKP 2 on with one bit of the password', async () => {
      const { packets } = await replay(recording, withOtherPasswords(recording.bmc));
      const differs = packets.findIndex((packet, index) => packet.hex !== recording.packets[index]?.hex);
      expect(differs).toBe(rakp2);
    });
  },
);

const wireshark = spawnSync('tshark', ['--version']).status === 0;

describe(`Wireshark${wireshark ? '' : ' (skipped: there is no tshark here)'}`, { skip: !wireshark }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'golden-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Fields of the frames that pass a filter. */
  function tshark(frames: readonly Frame[], filter: string, ...fields: string[]): string[][] {
    const file = join(folder, 'golden.pcap');
    writeFileSync(file, encodePcap(frames));
    // Without that preference the messages stay bytes.
    const preference = ['-o', 'ipmi.dissect_bus_commands:TRUE'];
    const columns = fields.flatMap((field) => ['-e', field]);
    const args = ['-n', ...preference, '-r', file, '-Y', filter, '-T', 'fields', ...columns];
    const { status, stdout, stderr } = spawnSync('tshark', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error(stderr);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  }

  const bad = '_ws.malformed || _ws.expert.severity == "Error"';
  /** Frames of all recordings, with or without the sessions' protection. */
  const framesOf = (clear: boolean): (Frame & { name: string })[] =>
    recordings.flatMap(({ name, packets, bmc }, exchange) => {
      const opened = clear ? observe(packets, bmc).clear : [];
      return packets.map(({ direction, peer, hex }, index) => ({
        name,
        direction,
        exchange,
        port: Number(peer.split(':')[1]),
        datagram: opened[index] ?? Buffer.from(hex, 'hex'),
      }));
    });

  test.each([
    ['as recorded', false],
    ['without the protection of their sessions', true],
  ])(
    'finds nothing malformed in the packets %s',
    (_how, clear) => {
      const frames = framesOf(clear);
      const found = tshark(frames, bad, 'frame.number', '_ws.expert.message');
      expect(found.map(([number, why]) => `${frames[Number(number) - 1]?.name} ${number}: ${why}`)).toEqual(
        [],
      );
      expect(tshark(frames, 'rmcp', 'frame.number')).toHaveLength(frames.length);
    },
    60_000,
  );

  test('reads the same completion codes as we do', () => {
    const frames = framesOf(true);
    const seen = tshark(frames, 'ipmi.header.completion', 'ipmi.header.completion');
    const ours = recordings.flatMap(({ packets, bmc }) => {
      const { outside, replies } = observe(packets, bmc);
      return [...outside, ...replies].filter((reply) => reply !== 'pong').map((reply) => reply.slice(6));
    });
    expect(counted(seen.map(([code]) => Number(code).toString(16).padStart(2, '0')))).toEqual(counted(ours));
  }, 60_000);

  test('would find a packet that is cut short', () => {
    const frames = framesOf(false).slice(0, 4);
    const cut = frames.map((frame) => ({ ...frame, datagram: frame.datagram.subarray(0, -5) }));
    expect(tshark(cut, bad, 'frame.number').length).toBeGreaterThan(0);
  }, 60_000);
});
