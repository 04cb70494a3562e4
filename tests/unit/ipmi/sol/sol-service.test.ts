import { beforeEach, describe, expect, test } from 'vitest';
import { ConsoleHub } from '../../../../src/bmc/console.ts';
import { EventLog } from '../../../../src/bmc/event-log.ts';
import { SolSettings } from '../../../../src/bmc/sol-settings.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { Users } from '../../../../src/bmc/users.ts';
import { decodeMessage } from '../../../../src/ipmi/message/message.ts';
import { SolService } from '../../../../src/ipmi/sol/sol-service.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { eventLog, tester } from '../../../support/actors.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';
import { FakeSession } from './fake-session.ts';
import { ScriptedConsole } from './scripted-console.ts';

const safe = { encrypted: true, authenticated: true };
const withCode = (code: number) => expect.objectContaining({ code });
const afterReply = () => new Promise((resolve) => setImmediate(resolve));

let host: ScriptedConsole;
let hub: ConsoleHub;
let settings: SolSettings;
let events: EventLog;
let service: SolService;
let clock: ScriptedClock;
let users: Users;

function serve(replayBytes = 0): SolService {
  users = new Users({
    specs: [
      { name: 'admin', password: 'password', limit: 'administrator' },
      { name: 'nosol', password: 'password', limit: 'administrator', sol: false },
      { name: 'other', password: 'password', limit: 'operator' },
    ],
    store: memoryStore(),
    events,
    clock,
    random: systemRandom(),
  });
  const log = silentLogger;
  return new SolService({ console: hub, settings, events, users, clock, log, replayBytes });
}

beforeEach(async () => {
  clock = new ScriptedClock();
  host = new ScriptedConsole();
  hub = new ConsoleHub(host, clock);
  await hub.start();
  const store = memoryStore();
  settings = new SolSettings({ store, events: eventLog() });
  events = new EventLog(clock, store, silentLogger);
  service = serve();
});

describe('activation', () => {
  test('gives instance 1 the console and shows in the instances and the record', () => {
    const session = new FakeSession();
    service.activate(session, 1, safe);
    expect(service.instances()).toEqual([{ instance: 1, sessionId: session.id, userId: 2, viewer: false }]);
    expect(events.list().at(-1)).toMatchObject({
      kind: 'sol-activated',
      text: 'SOL 1 opened by admin (127.0.0.1:40000)',
    });
    host.say('hi');
    session.client({ sequence: 1, data: 'x' });
    expect(host.text).toBe('x');
    expect(session.protections[0]).toEqual(safe);
  });

  test('with encryption takes no packet that comes without it', () => {
    const session = new FakeSession();
    service.activate(session, 1, safe);
    session.inbound = { encrypted: false, authenticated: true, overtakenBy: 0 };
    session.client({ sequence: 1, data: 'forged' });
    expect(host.text).toBe('');
    session.inbound = { ...safe, overtakenBy: 0 };
    session.client({ sequence: 1, data: 'x' });
    expect(host.text).toBe('x');
  });

  test('ends when its user loses the right to it, and no other does', () => {
    const [mine, other] = [new FakeSession(), new FakeSession('other', 4)];
    service.activate(mine, 1, safe);
    service.activate(other, 2, safe);
    users.update(2, { sol: false }, { name: 'root', face: 'bmc' });
    expect(service.instances().map(({ instance }) => instance)).toEqual([2]);
    expect(() => service.activate(mine, 1, safe)).toThrow(withCode(0xd4));
  });

  test('without encryption takes both', () => {
    settings.update({ forceEncryption: false }, tester);
    const session = new FakeSession();
    service.activate(session, 1, { encrypted: false, authenticated: true });
    session.inbound = { encrypted: false, authenticated: true, overtakenBy: 0 };
    session.client({ sequence: 1, data: 'x' });
    expect(host.text).toBe('x');
  });

  test('of an instance in use elsewhere is refused with 80h', () => {
    service.activate(new FakeSession(), 1, safe);
    expect(() => service.activate(new FakeSession(), 1, safe)).toThrow(withCode(0x80));
  });

  test('is refused with 80h when the console is held by another part of the appliance', () => {
    hub.attach({ mode: 'write', name: 'web terminal' });
    expect(() => service.activate(new FakeSession(), 1, safe)).toThrow(withCode(0x80));
  });

  test('in the same session again succeeds, as a new beginning', () => {
    const session = new FakeSession();
    service.activate(session, 1, safe);
    session.client({ sequence: 1, data: 'a' });
    service.activate(session, 1, safe);
    session.client({ sequence: 1, data: 'b' });
    expect(host.text).toBe('ab');
    expect(service.instances()).toHaveLength(1);
  });

  test('is refused with 81h when disabled, 82h beyond the capacity or for a second instance in one session', () => {
    const session = new FakeSession();
    expect(() => service.activate(session, 5, safe)).toThrow(withCode(0x82));
    expect(() => service.activate(session, 0, safe)).toThrow(withCode(0x82));
    service.activate(session, 1, safe);
    expect(() => service.activate(session, 2, safe)).toThrow(withCode(0x82));
    settings.update({ enabled: false }, tester);
    expect(() => service.activate(new FakeSession(), 2, safe)).toThrow(withCode(0x81));
  });

  test('needs the right and the level', () => {
    expect(() => service.activate(new FakeSession('nosol', 3), 1, safe)).toThrow(withCode(0xd4));
    const low = new FakeSession();
    low.privilege = 'user';
    expect(() => service.activate(low, 1, safe)).toThrow(withCode(0xd4));
    low.privilege = 'operator';
    service.activate(low, 1, safe);
  });

  test('answers 83h to encryption the session cannot do, 84h to none where it is a must', () => {
    const plain = new FakeSession();
    plain.canEncrypt = false;
    expect(() => service.activate(plain, 1, safe)).toThrow(withCode(0x83));
    expect(() => service.activate(plain, 1, { ...safe, encrypted: false })).toThrow(withCode(0x84));
    settings.update({ forceEncryption: false }, tester);
    service.activate(plain, 1, { ...safe, encrypted: false });
    host.say('x');
    expect(plain.protections).toEqual([{ encrypted: false, authenticated: true }]);
    const bare = new FakeSession();
    bare.canAuthenticate = false;
    expect(() => service.activate(bare, 2, { ...safe, authenticated: false })).toThrow(withCode(0xd5));
  });
});

describe('viewers', () => {
  test('see what the writer sees, begin with the past, and cannot type', async () => {
    host.say('past');
    const [writer, viewer] = [new FakeSession(), new FakeSession('other', 4)];
    service.activate(writer, 1, safe);
    service.activate(viewer, 2, safe);
    await afterReply();
    expect(viewer.brief()).toEqual(['1:past']);
    viewer.client({ ack: 1, count: 4 });
    clock.advance(10);
    host.say('now');
    expect(viewer.brief()).toEqual(['2:now']);
    expect(writer.brief()).toEqual(['1:now']);
    viewer.client({ sequence: 1, data: 'rm' });
    expect(host.text).toBe('');
  });

  test('a writer gets the past when so configured', async () => {
    host.say('0123456789');
    service = serve(4);
    const session = new FakeSession();
    service.activate(session, 1, safe);
    expect(session.brief()).toEqual([]);
    await afterReply();
    expect(session.brief()).toEqual(['1:6789']);
  });
});

describe('deactivation', () => {
  test('by its own session is silent', () => {
    const session = new FakeSession();
    service.activate(session, 1, safe);
    service.deactivate(session, 1);
    expect(service.instances()).toEqual([]);
    expect(session.brief()).toEqual([]);
    expect(session.messages).toEqual([]);
    expect(() => service.deactivate(session, 1)).toThrow(withCode(0x80));
    service.activate(new FakeSession(), 1, safe);
  });

  test('by an administrator tells the other client, who is told again when it goes on typing', () => {
    const [victim, admin] = [new FakeSession('other', 4), new FakeSession()];
    service.activate(victim, 1, safe);
    service.deactivate(admin, 1);
    expect(victim.brief()).toEqual([
      '1:\r\n[SOL deactivated: closed by admin (127.0.0.1:40000)]\r\n deactivating',
    ]);
    expect(decodeMessage(victim.messages[0] as Uint8Array)).toMatchObject({ netFn: 7, cmd: 0x49 });
    victim.client({ ack: 1, count: 60 });
    expect(victim.brief()).toEqual([]);
    victim.client({ sequence: 1, data: 'x' });
    victim.deliver(new Uint8Array(2));
    expect(victim.brief()).toEqual(['0: unavailable deactivating']);
    expect(host.text).toBe('');
    service.activate(admin, 1, safe);
  });

  test("of another user's instance needs the administrator level", () => {
    service.activate(new FakeSession(), 1, safe);
    const operator = new FakeSession('other', 4);
    operator.privilege = 'operator';
    expect(() => service.deactivate(operator, 1)).toThrow(withCode(0xd4));
    const same = new FakeSession('admin', 2);
    same.privilege = 'operator';
    service.deactivate(same, 1);
    expect(service.instances()).toEqual([]);
  });

  test('comes with the end of the session that carries it, and of no other', () => {
    const [first, second, idle] = [new FakeSession(), new FakeSession(), new FakeSession()];
    service.activate(first, 1, safe);
    service.activate(second, 2, safe);
    idle.close();
    second.close();
    expect(service.instances().map(({ instance }) => instance)).toEqual([1]);
    first.close();
    expect(service.instances()).toEqual([]);
    expect(hub.writer).toBeUndefined();
    expect(events.list().map(({ kind }) => kind)).toEqual([
      'sol-activated',
      'sol-activated',
      'sol-deactivated',
      'sol-deactivated',
    ]);
  });

  test('comes when the console is taken over, when the client is dead and when the BMC stops', () => {
    const session = new FakeSession();
    service.activate(session, 1, safe);
    const web = hub.attach({ mode: 'write', name: 'web', takeOver: true });
    expect(session.brief()).toEqual([
      '1:\r\n[SOL deactivated: another user took the console over]\r\n unavailable deactivating',
    ]);
    web.detach();
    const dead = new FakeSession();
    service.activate(dead, 1, safe);
    for (let i = 0; i < 300; i++) {
      host.say('x');
      clock.advance(100);
    }
    expect(service.instances()).toEqual([]);
    const last = new FakeSession();
    service.activate(last, 1, safe);
    service.stop();
    expect(last.brief()).toEqual(['1:\r\n[SOL deactivated: the BMC stops]\r\n deactivating']);
    expect(clock.pending).toBe(0);
  });

  test('does not come with the machine going off and on', () => {
    const session = new FakeSession();
    service.activate(session, 1, safe);
    host.connected = false;
    host.connected = true;
    clock.advance(60_000);
    host.say('x');
    expect(session.brief()).toEqual(['0: unavailable', '0:', '1:x']);
  });
});

test('encryption can be suspended and resumed where it is not a must', () => {
  const [session, other] = [new FakeSession(), new FakeSession()];
  service.activate(session, 1, safe);
  expect(() => service.encrypt(session, 1, false)).toThrow(withCode(0x81));
  expect(() => service.encrypt(other, 1, true)).toThrow(withCode(0x83));
  settings.update({ forceEncryption: false }, tester);
  service.encrypt(session, 1, false);
  host.say('x');
  expect(session.protections.at(-1)).toEqual({ encrypted: false, authenticated: true });
  session.canEncrypt = false;
  expect(() => service.encrypt(session, 1, true)).toThrow(withCode(0x82));
});
