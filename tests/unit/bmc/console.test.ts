import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ConsoleHub, consoleRingBytes } from '../../../src/bmc/console.ts';
import type { ConsoleAttachment } from '../../../src/bmc/console-attachment.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';
import { ScriptedConsole } from '../ipmi/sol/scripted-console.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('the console hub', () => {
  let host: ScriptedConsole;
  let hub: ConsoleHub;

  beforeEach(async () => {
    host = new ScriptedConsole();
    host.past = Buffer.from('before ');
    hub = new ConsoleHub(host, new ScriptedClock());
    await hub.start();
  });

  test('a writer that stays reading loses its place and nothing of the stream, and may ask for the place back', () => {
    const web = hub.attach({ mode: 'write', name: 'web', userName: 'a', staysReading: true });
    const told: string[] = [];
    web.onMode((mode, by) => told.push(`${mode} by ${by}`));
    host.say('one ');
    const sol = hub.attach({ mode: 'write', name: 'sol', userName: 'b', takeOver: true });
    host.say('two');
    expect(told).toEqual(['read by sol']);
    expect(web.attached).toBe(true);
    expect(text(web.read(99))).toBe('one two');
    expect(() => web.write(Buffer.from('x'))).toThrow('may only read');
    expect(() => web.claim({ takeOver: false })).toThrow('in use by sol');
    const ended: string[] = [];
    sol.onDetached((reason) => ended.push(reason));
    web.claim({ takeOver: true });
    expect(ended).toEqual(['taken-over']);
    expect([web.mode, hub.writer]).toEqual(['write', 'web']);
    web.yield();
    expect([web.mode, hub.writer]).toEqual(['read', undefined]);
  });

  test('users who are attached are listed with who types, and others hear of each change; the BMC’s own are not', () => {
    let changes = 0;
    hub.onChange(() => changes++);
    hub.attach({ mode: 'read', name: 'boot progress' });
    const web = hub.attach({ mode: 'write', name: 'web', userName: 'a', staysReading: true });
    expect(hub.attendees.map(({ name, mode }) => [name, mode])).toEqual([['web', 'write']]);
    hub.freeWriter('somebody');
    expect(hub.attendees.map(({ mode }) => mode)).toEqual(['read']);
    const before = changes;
    web.detach();
    expect(changes).toBe(before + 1);
    expect(hub.attendees).toEqual([]);
  });

  test('a reader gets what is said after it attached, and earlier output when it asks for it', () => {
    host.say('early ');
    const plain = hub.attach({ mode: 'read', name: 'a' });
    const replayed = hub.attach({ mode: 'read', name: 'b', replayBytes: 9 });
    host.say('late');
    expect(text(plain.read(99))).toBe('late');
    expect(text(replayed.read(99))).toBe('re early late');
    expect(text(hub.history(99))).toBe('before early late');
  });

  test('output that arrives while the history is fetched comes behind the history', async () => {
    const slow = new ScriptedConsole();
    slow.past = Buffer.from('first ');
    const other = new ConsoleHub(slow, new ScriptedClock());
    const started = other.start();
    const [early, curious] = [
      other.attach({ mode: 'read', name: 'early' }),
      other.attach({ mode: 'read', name: 'curious', replayBytes: 3 }),
    ];
    slow.say('second');
    await started;
    expect(text(early.read(99))).toBe('second');
    expect(text(curious.read(99))).toBe('st second');
    expect(text(other.history(99))).toBe('first second');
  });

  test('what was looked at stays until it is consumed, however much the host says', () => {
    const reader = hub.attach({ mode: 'read', name: 'a' });
    host.say('abcdef');
    expect(text(reader.peek(4))).toBe('abcd');
    host.say(new Uint8Array(consoleRingBytes).fill(0x2e));
    expect(text(reader.peek(4))).toBe('abcd');
    reader.consume(3);
    expect(text(reader.peek(2))).toBe('d\r');
    expect(() => reader.consume(9)).toThrow(RangeError);
  });

  test('what was shown once is never written to again, whatever is shown after it', () => {
    const reader = hub.attach({ mode: 'read', name: 'a' });
    const shown: Uint8Array[] = [];
    let said = '';
    for (let n = 0; n < 200; n++) {
      const line = `line ${n} of some length\r\n`;
      said += line;
      host.say(line);
      // More than is taken, as a console does that prepares its next packet.
      reader.peek(99);
      shown.push(reader.read(n % 2 === 0 ? 20 : 99));
    }
    expect(said.length).toBeGreaterThan(4096);
    expect(shown.map(text).join('')).toBe(said);
  });

  test('a reader left behind finds a mark where bytes are missing, and they are counted', () => {
    const reader = hub.attach({ mode: 'read', name: 'a' });
    host.say(new Uint8Array(consoleRingBytes + 5).fill(0x2e));
    expect(reader.lostBytes).toBe(5);
    const mark = '\r\n[console: 5 bytes lost]\r\n';
    expect(reader.available).toBe(consoleRingBytes + mark.length);
    const all = text(reader.read(1_000_000));
    expect(all.startsWith(mark)).toBe(true);
    expect(all.length).toBe(consoleRingBytes + mark.length);
    expect(reader.lostBytes).toBe(5);
  });

  test('one that says by itself what it has lost finds no mark, and the same count', () => {
    const reader = hub.attach({ mode: 'read', name: 'a', marksLosses: false });
    host.say(new Uint8Array(consoleRingBytes + 5).fill(0x2e));
    expect(reader.available).toBe(consoleRingBytes);
    expect(text(reader.read(1_000_000))).toBe('.'.repeat(consoleRingBytes));
    expect(reader.lostBytes).toBe(5);
  });

  test('a reader is told once, and again only after it has looked', () => {
    const reader = hub.attach({ mode: 'read', name: 'a' });
    let told = 0;
    reader.onReadable(() => told++);
    host.say('a');
    host.say('b');
    expect(told).toBe(1);
    reader.read(9);
    host.say('c');
    expect(told).toBe(2);
  });

  test('a second writer is refused by the name of the first, or takes over', () => {
    const first = hub.attach({ mode: 'write', name: 'anna' });
    const ends: string[] = [];
    first.onDetached((reason) => ends.push(reason));
    expect(() => hub.attach({ mode: 'write', name: 'bert' })).toThrow(
      expect.objectContaining({ kind: 'busy', message: expect.stringContaining('anna') }),
    );
    const second = hub.attach({ mode: 'write', name: 'bert', takeOver: true });
    expect(ends).toEqual(['taken-over']);
    expect(first.write(Buffer.from('x'))).toBe(0);
    expect(second.write(Buffer.from('y'))).toBe(1);
    expect(host.text).toBe('y');
    second.detach();
    expect(hub.writer).toBeUndefined();
    hub.attach({ mode: 'write', name: 'carl' });
  });

  test('a reader cannot type', () => {
    const reader = hub.attach({ mode: 'read', name: 'a' });
    expect(() => reader.write(Buffer.from('x'))).toThrow(expect.objectContaining({ kind: 'not-permitted' }));
    expect(() => reader.sendBreak()).toThrow(expect.objectContaining({ kind: 'not-permitted' }));
  });

  test('a writer types as much as the host takes, and is told when it takes more', () => {
    const writer = hub.attach({ mode: 'write', name: 'a' });
    let told = 0;
    writer.onWritable(() => told++);
    host.room = 2;
    expect(writer.write(Buffer.from('abc'))).toBe(2);
    host.drain();
    expect(told).toBe(1);
    writer.sendBreak();
    expect(host.breaks).toBe(1);
  });

  test('attachments learn when the machine goes off and on, and type nothing into an off machine', () => {
    const writer = hub.attach({ mode: 'write', name: 'a' });
    const seen: boolean[] = [];
    writer.onConnection((connected) => seen.push(connected));
    host.connected = false;
    expect(writer.write(Buffer.from('x'))).toBe(0);
    host.connected = true;
    expect(seen).toEqual([false, true]);
    expect(writer.attached).toBe(true);
  });

  test('stopping detaches everybody with the reason', () => {
    const ends: string[] = [];
    hub.attach({ mode: 'write', name: 'a' }).onDetached((reason) => ends.push(reason));
    hub.attach({ mode: 'read', name: 'b' }).onDetached((reason) => ends.push(reason));
    hub.stop();
    expect(ends).toEqual(['stopped', 'stopped']);
  });

  test('skipping forgets what is unread without calling it lost', () => {
    const reader = hub.attach({ mode: 'read', name: 'a' });
    host.say('abc');
    reader.peek(1);
    reader.skip();
    host.say('d');
    expect(text(reader.read(9))).toBe('d');
    expect(reader.lostBytes).toBe(0);
  });

  test('an attachment follows the stream like a simple list of all bytes would', () => {
    type Action = { say: number } | { peek: number } | { consume: number };
    const action: fc.Arbitrary<Action> = fc.oneof(
      fc.record({ say: fc.oneof(fc.nat(300), fc.nat(2 * consoleRingBytes)) }),
      fc.record({ peek: fc.oneof(fc.nat(300), fc.nat(consoleRingBytes)) }),
      fc.record({ consume: fc.nat(1000) }),
    );
    return fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const spoken = new ScriptedConsole();
        const plain = new ConsoleHub(spoken, new ScriptedClock());
        await plain.start();
        agrees(plain.attach({ mode: 'read', name: 'm' }), spoken, actions);
      }),
      { numRuns: 150 },
    );
  });
});

/** Holds an attachment against a model that keeps the ring as a plain array, and its marks with it. */
function agrees(
  reader: ConsoleAttachment,
  host: ScriptedConsole,
  actions: readonly ({ say: number } | { peek: number } | { consume: number })[],
): void {
  let unread = Buffer.alloc(0);
  let held = Buffer.alloc(0);
  let total = 0;
  let lost = 0;
  let pendingLoss = 0;
  let mark = Buffer.alloc(0);
  for (const step of actions) {
    if ('say' in step) {
      const bytes = Buffer.alloc(step.say);
      for (let i = 0; i < bytes.length; i++) bytes[i] = ((total + i) * 31 + ((total + i) >> 8)) & 0xff;
      total += bytes.length;
      host.say(bytes);
      unread = Buffer.concat([unread, bytes]);
      const over = Math.max(0, unread.length - consoleRingBytes);
      pendingLoss += over;
      lost += over;
      unread = unread.subarray(over);
    } else if ('peek' in step) {
      if (step.peek > held.length) {
        const earlier = mark;
        let rest = earlier;
        if (step.peek - held.length > earlier.length && pendingLoss > 0) {
          rest = Buffer.concat([earlier, Buffer.from(`\r\n[console: ${pendingLoss} bytes lost]\r\n`)]);
          pendingLoss = 0;
        }
        const marked = rest.subarray(0, step.peek - held.length);
        mark = rest.subarray(marked.length);
        const more = mark.length > 0 ? 0 : step.peek - held.length - marked.length;
        held = Buffer.concat([held, marked, unread.subarray(0, more)]);
        unread = unread.subarray(Math.min(more, unread.length));
      }
      expect(Buffer.compare(Buffer.from(reader.peek(step.peek)), held.subarray(0, step.peek))).toBe(0);
    } else {
      const count = Math.min(step.consume, held.length);
      reader.consume(count);
      held = held.subarray(count);
    }
    const markLength = pendingLoss > 0 ? `\r\n[console: ${pendingLoss} bytes lost]\r\n`.length : 0;
    expect(reader.available).toBe(held.length + mark.length + markLength + unread.length);
    expect(reader.lostBytes).toBe(lost);
  }
}
