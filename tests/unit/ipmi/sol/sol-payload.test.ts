import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ConsoleHub, consoleRingBytes } from '../../../../src/bmc/console.ts';
import { defaultSolConfiguration, type SolConfiguration } from '../../../../src/bmc/sol-settings.ts';
import { SolPayload } from '../../../../src/ipmi/sol/sol-payload.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';
import { FakeSession } from './fake-session.ts';
import { ScriptedConsole } from './scripted-console.ts';
import { StrictClient } from './strict-client.ts';

let clock: ScriptedClock;
let host: ScriptedConsole;
let hub: ConsoleHub;
let session: FakeSession;
let settings: SolConfiguration;
let payload: SolPayload;
let endings: string[];
let badPackets: number;

async function open(mode: 'write' | 'read' = 'write', echo = false): Promise<void> {
  clock = new ScriptedClock();
  host = new ScriptedConsole(echo);
  hub = new ConsoleHub(host, clock);
  await hub.start();
  session = new FakeSession();
  settings = { ...defaultSolConfiguration };
  endings = [];
  badPackets = 0;
  payload = new SolPayload({
    instance: 1,
    session,
    attachment: hub.attach({ mode, name: 'test' }),
    protection: { encrypted: true, authenticated: true },
    settings: () => settings,
    clock,
    onEnding: (why) => endings.push(why),
    onBadPacket: () => badPackets++,
  });
  payload.begin();
}

beforeEach(() => open());

describe('output', () => {
  test('goes out at once after a silence, then gathers for the accumulate interval', () => {
    host.say('a');
    expect(session.brief()).toEqual(['1:a']);
    session.client({ ack: 1, count: 1 });
    host.say('b');
    host.say('c');
    expect(session.brief()).toEqual([]);
    clock.advance(5);
    expect(session.brief()).toEqual(['2:bc']);
  });

  test('goes out before the interval when the threshold is reached, in packets of at most 255 characters', () => {
    settings = { ...settings, accumulateMs: 500, sendThreshold: 10 };
    host.say('x');
    session.client({ ack: 1, count: 1 });
    host.say('123456789');
    expect(session.brief()).toEqual(['1:x']);
    host.say('0'.repeat(300));
    expect(session.take().map(({ data }) => data.length)).toEqual([255]);
  });

  test('threshold 0 waits for a full packet or the interval', () => {
    settings = { ...settings, accumulateMs: 500, sendThreshold: 0 };
    host.say('x');
    session.client({ ack: 1, count: 1 });
    host.say('y'.repeat(254));
    expect(session.take()).toHaveLength(1);
    host.say('z');
    expect(session.take().map(({ data }) => data.length)).toEqual([255]);
  });

  test('has one packet outstanding, and numbers from 1 to 15', () => {
    for (let i = 0; i < 16; i++) {
      host.say('q');
      const [packet] = session.take();
      expect(packet?.sequence).toBe((i % 15) + 1);
      host.say('r');
      expect(session.take()).toEqual([]);
      session.client({ ack: packet?.sequence ?? 0, count: 1 });
      clock.advance(5);
      const [second] = session.take();
      session.client({ ack: second?.sequence ?? 0, count: 1 });
      clock.advance(5);
      i++;
    }
  });

  test('is sent again until it is acknowledged, first after 100 ms, then by the measured round trip', () => {
    host.say('a');
    clock.advance(99);
    expect(session.brief()).toEqual(['1:a']);
    clock.advance(1);
    expect(session.brief()).toEqual(['1:a']);
    session.client({ ack: 1, count: 1 });
    host.say('b');
    clock.advance(3);
    session.client({ ack: 2, count: 1 });
    session.take();
    clock.advance(50);
    host.say('c');
    clock.advance(11);
    expect(session.brief()).toEqual(['3:c']);
    clock.advance(1);
    expect(session.brief()).toEqual(['3:c']);
  });

  test('an acknowledgement of another number changes nothing', () => {
    host.say('a');
    session.client({ ack: 2, count: 1 });
    session.client({ ack: 15, count: 1 });
    host.say('b');
    expect(session.brief()).toEqual(['1:a']);
  });

  test('a partly accepted packet is followed at once by the rest under a new number', () => {
    host.say('abcdef');
    session.client({ ack: 1, count: 2 });
    expect(session.brief()).toEqual(['1:abcdef', '2:cdef']);
    session.client({ ack: 2, count: 4 });
    clock.advance(1000);
    expect(session.brief()).toEqual([]);
  });

  test('a packet acknowledged with 0 characters is repeated, but not in a tight loop', () => {
    host.say('abc');
    session.client({ ack: 1, count: 0 });
    expect(session.brief()).toEqual(['1:abc']);
    clock.advance(50);
    expect(session.brief()).toEqual(['2:abc']);
  });

  test('more accepted than sent counts as all', () => {
    host.say('abc');
    session.client({ ack: 1, count: 200 });
    clock.advance(10);
    host.say('d');
    expect(session.brief()).toEqual(['1:abc', '2:d']);
  });

  test('a NACK holds output until the client resumes, or for a second', () => {
    host.say('abc');
    session.client({ ack: 1, count: 1, status: { nack: true } });
    clock.advance(900);
    expect(session.brief()).toEqual(['1:abc']);
    session.client({});
    expect(session.brief()).toEqual(['2:bc']);
    session.client({ ack: 2, count: 0, status: { nack: true } });
    clock.advance(1000);
    expect(session.brief()).toEqual(['3:bc']);
  });

  test('waits while the client drops CTS', () => {
    session.client({ status: { ctsPause: true } });
    host.say('abc');
    clock.advance(60_000);
    expect(session.brief()).toEqual([]);
    session.client({});
    expect(session.brief()).toEqual(['1:abc']);
  });

  test('is forgotten when the client flushes it', () => {
    host.say('abc');
    host.say('def');
    session.client({ status: { flushOutbound: true } });
    clock.advance(60_000);
    host.say('g');
    expect(session.brief()).toEqual(['1:abc', '2:g']);
  });

  test('is dropped after the last retry, which the next packet tells, and the payload stays', () => {
    settings = { ...settings, retryCount: 2, retryIntervalMs: 100 };
    host.say('a');
    clock.advance(299);
    expect(session.brief()).toEqual(['1:a', '1:a', '1:a']);
    clock.advance(1);
    host.say('b');
    expect(session.brief()).toEqual(['2:b overrun']);
    session.client({ ack: 2, count: 1 });
    clock.advance(10);
    host.say('c');
    expect(session.brief()).toEqual(['3:c']);
    expect(endings).toEqual([]);
    expect(payload.counters.droppedBytes).toBe(1);
  });

  test('with 0 retries is sent once', () => {
    settings = { ...settings, retryCount: 0, retryIntervalMs: 200 };
    host.say('a');
    clock.advance(199);
    host.say('b');
    expect(session.brief()).toEqual(['1:a']);
    clock.advance(1);
    expect(session.brief()).toEqual(['2:b overrun']);
  });

  test('a retry interval of 0 does not send without end', () => {
    settings = { ...settings, retryCount: 7, retryIntervalMs: 0 };
    host.say('a');
    clock.advance(10_000);
    expect(session.take().length).toBe(8);
  });

  test('a client that never answers is given up after some rounds and 15 seconds', () => {
    const speak = () => {
      host.say('x');
      clock.advance(100);
    };
    while (clock.now() < 1000 + 14_900) speak();
    expect(endings).toEqual([]);
    while (clock.now() < 1000 + 21_000) speak();
    expect(endings).toContain('the client did not answer');
  });

  test('a client that does not read costs no memory, and finds a mark where it lost output', () => {
    host.say('start');
    for (let i = 0; i < 10; i++) host.say(new Uint8Array(100_000).fill(0x2e));
    session.client({ ack: 1, count: 5 });
    const [, second] = session.take();
    const lost = 1_000_000 - consoleRingBytes;
    expect(Buffer.from(second?.data ?? []).toString('latin1')).toMatch(
      new RegExp(`^\r\n\\[console: ${lost} bytes lost\\]\r\n\\.+$`),
    );
    expect(second?.status.overrun).toBe(true);
  });
});

describe('input', () => {
  test('reaches the host and is acknowledged with a packet that has no number itself', () => {
    session.client({ sequence: 1, data: 'ls -l /etc\r' });
    expect(host.text).toBe('ls -l /etc\r');
    expect(session.brief()).toEqual(['0: ack 1/11']);
  });

  test('of a key is acknowledged along with its echo, and without it after 2 ms', () => {
    session.client({ sequence: 1, data: 'k' });
    expect(session.brief()).toEqual([]);
    clock.advance(1);
    host.say('k');
    expect(session.brief()).toEqual(['1:k ack 1/1']);
    session.client({ ack: 1, count: 1 });
    session.client({ sequence: 2, data: 's' });
    clock.advance(1);
    expect(session.brief()).toEqual([]);
    clock.advance(1);
    expect(session.brief()).toEqual(['0: ack 2/1']);
    clock.advance(50);
    expect(session.brief()).toEqual([]);
  });

  test('of a key is acknowledged at once when the client comes again, or owes an answer itself', () => {
    session.client({ sequence: 1, data: 'k' });
    session.client({ sequence: 1, data: 'k' });
    expect(session.brief()).toEqual(['0: ack 1/1']);
    host.say('x');
    session.client({ sequence: 2, data: 'k' });
    expect(session.brief()).toEqual(['1:x', '0: ack 2/1']);
  });

  test('of a key that the client does not wait for is not acknowledged to one that has started anew', () => {
    session.client({ sequence: 5, data: 'k' });
    payload.restart();
    clock.advance(10);
    expect(session.brief()).toEqual([]);
  });

  test('the acknowledgement rides on output that is ready', async () => {
    await open('write', true);
    session.client({ sequence: 1, data: 'k' });
    expect(session.brief()).toEqual(['1:k ack 1/1']);
  });

  test('an echo goes out at once, however fast the keys come', async () => {
    await open('write', true);
    for (const sequence of [1, 2, 3]) {
      session.client({ sequence, data: 'k' });
      session.client({ ack: sequence, count: 1 });
    }
    expect(session.brief()).toEqual(['1:k ack 1/1', '2:k ack 2/1', '3:k ack 3/1']);
  });

  test('a packet sent again carries no stale acknowledgement', async () => {
    await open('write', true);
    session.client({ sequence: 1, data: 'k' });
    clock.advance(100);
    expect(session.brief()).toEqual(['1:k ack 1/1', '1:k']);
  });

  test('that more than seven later packets have overtaken is not looked at: its number may have come round', () => {
    for (let sequence = 1; sequence <= 10; sequence++) session.client({ sequence, data: 'x'.repeat(9) });
    host.say('out');
    session.take();
    const typed = host.text;
    session.inbound = { ...session.inbound, overtakenBy: 8 };
    session.client({ sequence: 1, data: 'old', ack: 1, count: 3 });
    expect(host.text).toBe(typed);
    expect(payload.counters).toMatchObject({ stale: 1, sentBytes: 0 });
    session.inbound = { ...session.inbound, overtakenBy: 7 };
    session.client({ sequence: 11, data: 'late but new' });
    expect(host.text).toBe(`${typed}late but new`);
  });

  test('a duplicate is acknowledged again and not typed again', () => {
    host.room = 2;
    session.client({ sequence: 1, data: 'abc' });
    host.room = 9;
    session.client({ sequence: 1, data: 'abc' });
    expect(host.text).toBe('ab');
    expect(session.brief()).toEqual(['0: ack 1/2', '0: ack 1/2']);
  });

  test('a packet older than the latest is dropped', () => {
    session.client({ sequence: 1, data: 'a' });
    session.client({ sequence: 2, data: 'b' });
    session.client({ sequence: 1, data: 'a' });
    expect(host.text).toBe('ab');
    expect(payload.counters.stale).toBe(1);
  });

  test('numbers wrap from 15 to 1', () => {
    for (let i = 0; i < 40; i++)
      session.client({ sequence: (i % 15) + 1, data: String.fromCharCode(65 + i) });
    expect(host.text).toBe(Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + i)).join(''));
  });

  test('what the host does not take now is answered when it does', () => {
    host.room = 0;
    session.client({ sequence: 1, data: 'abc' });
    clock.advance(1900);
    expect(session.brief()).toEqual([]);
    host.drain(2);
    expect(session.brief()).toEqual(['0: ack 1/2']);
    session.client({ sequence: 2, data: 'c' });
    host.drain();
    expect(session.brief()).toEqual(['0: ack 2/1']);
    expect(host.text).toBe('abc');
  });

  test('a client that sends the same under a new number meanwhile does not type twice', () => {
    host.room = 0;
    session.client({ sequence: 1, data: 'abc' });
    clock.advance(1000);
    session.client({ sequence: 2, data: 'abc' });
    host.drain();
    expect(host.text).toBe('abc');
    expect(session.brief()).toEqual(['0: ack 2/3']);
  });

  test('a host that stays busy leads to a NACK, and to a resume when it reads again', () => {
    host.room = 0;
    session.client({ sequence: 1, data: 'abc' });
    clock.advance(2000);
    expect(session.brief()).toEqual(['0: ack 1/0 nack']);
    host.drain();
    expect(session.brief()).toEqual(['0: ack 1/0']);
    session.client({ sequence: 2, data: 'abc' });
    expect(host.text).toBe('abc');
  });

  test('characters for a machine that is off are refused as unavailable, at most four times a second', () => {
    host.connected = false;
    expect(session.brief()).toEqual(['0: unavailable']);
    session.client({ sequence: 1, data: 'a' });
    expect(session.brief()).toEqual(['0: ack 1/0 nack unavailable']);
    session.client({ sequence: 2, data: 'a' });
    expect(session.brief()).toEqual([]);
    clock.advance(250);
    expect(session.brief()).toEqual(['0: ack 2/0 nack unavailable']);
    host.connected = true;
    expect(session.brief()).toEqual(['0:', '0: ack 2/0']);
    session.client({ sequence: 3, data: 'a' });
    expect(host.text).toBe('a');
    expect(endings).toEqual([]);
  });

  test('a break reaches the host once', () => {
    session.client({ sequence: 1, status: { break: true } });
    session.client({ sequence: 1, status: { break: true } });
    expect(host.breaks).toBe(1);
    expect(session.brief()).toEqual(['0: ack 1/0', '0: ack 1/0']);
  });

  test.each([
    ['a break', { break: true }],
    ['a keep-alive', {}],
  ])('%s is answered by itself: ipmitool throws away characters in that packet', (_, status) => {
    host.say('a');
    host.say('b');
    clock.advance(10);
    expect(session.brief()).toEqual(['1:a']);
    session.client({ ack: 1, count: 1, sequence: 1, status });
    expect(session.brief()).toEqual(['0: ack 1/0', '2:b']);
  });

  test('flushing input forgets what the host has not taken', () => {
    host.room = 0;
    session.client({ sequence: 1, data: 'abc' });
    session.client({ sequence: 2, data: 'd', status: { flushInbound: true } });
    host.drain();
    expect(host.text).toBe('d');
  });

  test('more than 255 characters are taken as far as they can be acknowledged', () => {
    session.client({ sequence: 1, data: 'x'.repeat(300) });
    expect(session.brief()).toEqual(['0: ack 1/255']);
  });

  test('short packets are counted and dropped', () => {
    session.deliver(Uint8Array.of(1, 0, 0));
    session.deliver(new Uint8Array());
    expect(badPackets).toBe(2);
    expect(session.brief()).toEqual([]);
  });

  test('a client that activates again may count from anywhere', () => {
    for (const [i, data] of ['a', 'b', 'c'].entries()) session.client({ sequence: i + 1, data });
    payload.restart();
    session.client({ sequence: 1, data: 'd' });
    expect(host.text).toBe('abcd');
  });
});

describe('a viewer', () => {
  beforeEach(() => open('read'));

  test('sees output, and is refused what it types', () => {
    host.say('hello');
    session.client({ ack: 1, count: 5, sequence: 1, data: 'x', status: { break: true } });
    expect(session.brief()).toEqual(['1:hello', '0: ack 1/0 nack unavailable']);
    expect(host.text).toBe('');
    expect(host.breaks).toBe(0);
  });
});

describe('the end', () => {
  test('is told by the deactivating bit and in words, and nothing follows', () => {
    host.say('a');
    payload.end('\r\n[gone]\r\n');
    expect(session.brief()).toEqual(['1:a', '2:\r\n[gone]\r\n deactivating']);
    host.say('b');
    clock.advance(60_000);
    expect(session.brief()).toEqual([]);
    expect(hub.writer).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test('comes when another writer takes the console over', () => {
    hub.attach({ mode: 'write', name: 'web', takeOver: true });
    expect(endings).toEqual(['another user took the console over']);
  });

  test('comes when the BMC stops', () => {
    hub.stop();
    expect(endings).toEqual(['the BMC stops']);
  });
});

describe('over a link that drops, duplicates and reorders', () => {
  /** A seeded link: each packet is dropped, doubled or held back behind later ones. */
  function lossy(seed: number, percent: number, deliver: (packet: Uint8Array) => void) {
    let state = seed | 1;
    const chance = () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32 < percent / 100;
    };
    return (packet: Uint8Array) => {
      const copy = packet.slice();
      if (chance()) return;
      const delayMs = 1 + (chance() ? 7 : 0);
      clock.after(delayMs, () => deliver(copy));
      if (chance()) clock.after(delayMs + 3, () => deliver(copy));
    };
  }

  test.each([1, 2, 3])('seed %i: 64 KiB arrive whole and in order both ways at 30/30/30 percent', (seed) => {
    const size = 65_536;
    const bytesOf = (salt: number) =>
      Uint8Array.from({ length: size }, (_, i) => (Math.imul(i + salt, 2654435761) >>> 13) & 0xff);
    const [spoken, typed] = [bytesOf(seed), bytesOf(seed + 7)];
    const toClient = lossy(seed * 7919, 30, (packet) => client.receive(packet));
    const client = new StrictClient(
      lossy(seed * 104729, 30, (packet) => session.deliver(packet)),
      clock,
      { maxAccept: () => (clock.now() % 3 < 1 ? 17 : 255) },
    );
    session.wire = toClient;
    let drainIn = 0;
    host.room = 1000;
    host.say(spoken);
    client.type(typed);
    const endAt = clock.now() + 600_000;
    while ((client.shown.length < size || host.taken.length < size) && clock.now() < endAt) {
      clock.advance(5);
      if (host.room === 0 && ++drainIn % 5 === 0) host.drain(1000);
    }
    expect(Buffer.compare(Buffer.from(client.shown), Buffer.from(spoken))).toBe(0);
    expect(Buffer.compare(Buffer.from(host.taken), Buffer.from(typed))).toBe(0);
    expect(payload.counters.droppedBytes).toBe(0);
    expect(endings).toEqual([]);
  });

  test('any client packets leave it working', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (packets) => {
        for (const packet of packets) {
          session.deliver(packet);
          host.say('x');
          clock.advance(3);
        }
        for (const { data } of session.take()) expect(data.length).toBeLessThanOrEqual(255);
      }),
    );
  });
});
