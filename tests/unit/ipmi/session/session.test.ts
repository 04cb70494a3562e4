import { describe, expect, it } from 'vitest';
import type { PrivilegeLevel } from '../../../../src/bmc/actor.ts';
import { EventLog } from '../../../../src/bmc/event-log.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import type { User } from '../../../../src/bmc/user.ts';
import { Users } from '../../../../src/bmc/users.ts';
import { cipherSuite } from '../../../../src/ipmi/crypto/cipher-suites.ts';
import { PayloadType } from '../../../../src/ipmi/payload.ts';
import type { RemoteAddress } from '../../../../src/ipmi/session/link.ts';
import { decodePacket, encodePacket } from '../../../../src/ipmi/session/packet.ts';
import { RmcpPlusSession } from '../../../../src/ipmi/session/rmcp-plus-session.ts';
import { idleTimeoutMs, payloadIdleTimeoutMs } from '../../../../src/ipmi/session/session.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'bmc' } as const;
const remote = { address: '192.0.2.1', port: 40_000 };
const keys = { k1: new Uint8Array(32).fill(1), k2: new Uint8Array(32).fill(2) };

interface Options {
  readonly suite?: number;
  readonly level?: PrivilegeLevel;
}

function bench({ suite = 17, level = 'administrator' }: Options = {}) {
  const clock = new ScriptedClock();
  const random = systemRandom();
  const events = new EventLog(clock, memoryStore(), silentLogger);
  const specs = [{ name: 'admin', password: 'password', limit: 'administrator' }] as const;
  const users = new Users({ specs, store: memoryStore(), events, clock, random });
  const sent: { datagram: Uint8Array; remote: RemoteAddress }[] = [];
  const link = {
    localPort: 623,
    send: (datagram: Uint8Array, to: RemoteAddress) => void sent.push({ datagram, remote: to }),
  };
  let channelLimit: PrivilegeLevel = 'administrator';
  let isThere = true;
  const user = users.get(2) as User;
  const session = new RmcpPlusSession(
    {
      ...{ id: 0xb0, handle: 1, channel: 1, link, remote, clock, level },
      user,
      channelLimit: () => channelLimit,
      findUser: (id) => (isThere ? users.get(id) : undefined),
    },
    {
      phase: 'active',
      opened: {
        suite: cipherSuite(suite),
        remoteConsoleSessionId: 0xc0,
        managedSystemSessionId: 0xb0,
        openLevel: level,
      },
      user,
      level,
      ...keys,
    },
    random,
  );
  /** What the session makes of a packet that is made like this. */
  const unseal = (bits: number, payload: readonly number[], payloadType: number = PayloadType.ipmi) => {
    const head = encodePacket({
      payloadType,
      sessionId: 0xb0,
      sequence: 1,
      payload: Uint8Array.from(payload),
    }).subarray(4);
    head[1] = payloadType | bits;
    return session.unseal(head, decodePacket(head), remote, link, clock.now());
  };
  return {
    ...{ clock, users, session, sent, unseal },
    limitChannel: (limit: PrivilegeLevel) => {
      channelLimit = limit;
    },
    loseUser: () => {
      isThere = false;
    },
  };
}

describe('the level of a session', () => {
  it('is User at first, or below where less is allowed, and rises to what login, channel and user allow', () => {
    expect(bench().session.privilege).toBe('user');
    expect(bench({ level: 'callback' }).session.privilege).toBe('callback');
    const { session, users, limitChannel } = bench({ level: 'operator' });
    expect([session.setPrivilege('administrator'), session.privilege]).toEqual([false, 'user']);
    expect([session.setPrivilege('operator'), session.privilege]).toEqual([true, 'operator']);
    limitChannel('user');
    expect([session.limit, session.privilege]).toEqual(['user', 'user']);
    limitChannel('administrator');
    users.update(2, { callbackOnly: true }, actor);
    expect([session.limit, session.privilege]).toEqual(['callback', 'callback']);
  });

  it('is Callback for a user without any level, and that of the login for one who is gone, until the session ends', () => {
    const { session, users } = bench();
    users.update(2, { limit: 'no-access' }, actor);
    expect(session.limit).toBe('callback');
    const other = bench();
    other.loseUser();
    expect([other.session.limit, other.session.check(other.clock.now()), other.session.closeReason]).toEqual([
      'administrator',
      false,
      'user changed',
    ]);
  });
});

describe('a session', () => {
  it('ends once, for the first reason, tells so once, and at once to who asks afterwards', () => {
    const { session } = bench();
    const told: string[] = [];
    session.onClose(() => told.push('before'));
    session.onPayload(PayloadType.sol, () => told.push('payload'));
    session.close('idle');
    session.close('closed by the console');
    session.onClose(() => told.push('after'));
    expect([session.open, session.closeReason, told]).toEqual([false, 'idle', ['before', 'after']]);
    expect(
      session.deliver(PayloadType.sol, new Uint8Array(), {
        encrypted: true,
        authenticated: true,
        overtakenBy: 0,
      }),
    ).toBe(false);
    expect([session.check(0), session.closeReason]).toEqual([false, 'idle']);
  });

  it('sends nothing when it has ended but its farewell', () => {
    const { session, sent } = bench();
    session.sendProtected(PayloadType.ipmi, Uint8Array.of(1));
    session.close('closed by the console');
    session.sendProtected(PayloadType.ipmi, Uint8Array.of(1));
    expect(sent).toHaveLength(1);
    session.repeatFarewell(Uint8Array.of(1));
    expect(sent).toHaveLength(2);
  });

  it('ends after a reply only when that was asked for', () => {
    const { session } = bench();
    session.replied();
    expect(session.open).toBe(true);
    session.closeAfterReply();
    expect(session.open).toBe(true);
    session.replied();
    expect([session.open, session.closeReason]).toEqual([false, 'closed by the console']);
  });

  it('outlives a password that it has changed itself, and none that another has', () => {
    const { session, users, clock } = bench();
    users.update(2, { password: Buffer.from('another') }, actor);
    session.passwordChanged();
    expect(session.check(clock.now())).toBe(true);
    users.update(2, { password: Buffer.from('a third') }, actor);
    expect([session.check(clock.now()), session.closeReason]).toEqual([false, 'user changed']);
    const gone = bench();
    gone.loseUser();
    gone.session.passwordChanged();
    expect(gone.session.check(gone.clock.now())).toBe(false);
  });

  it('outlives what does not matter to the login, and ends with name, right or enablement of its user', () => {
    const changes = [
      { change: { sol: false }, stays: true },
      { change: { limit: 'user' }, stays: true },
      { change: { limit: 'no-access' }, stays: false },
      { change: { name: 'other' }, stays: false },
      { change: { messaging: false }, stays: false },
      { change: { enabled: false }, stays: false },
      { change: { passwordChangeRequired: true }, stays: false },
    ] as const;
    for (const { change, stays } of changes) {
      const { session, users, clock } = bench();
      users.update(2, change, actor);
      expect(session.check(clock.now()), JSON.stringify(change)).toBe(stays);
    }
  });

  it('is idle after a minute, and after three with a payload that keeps it alive', () => {
    expect([idleTimeoutMs, payloadIdleTimeoutMs]).toEqual([60_000, 180_000]);
    const ends = (keepAlive: boolean | undefined) => {
      const { session, clock } = bench();
      if (keepAlive !== undefined) session.onPayload(PayloadType.sol, () => undefined, { keepAlive });
      const at = clock.now();
      return [59_999, 60_000, 179_999, 180_000].map((ms) => session.check(at + ms));
    };
    expect(ends(undefined)).toEqual([true, false, false, false]);
    expect(ends(false)).toEqual([true, false, false, false]);
    expect(ends(true)).toEqual([true, true, true, false]);
  });
});

describe('a packet of a session', () => {
  const [encrypted, authenticated] = [0x80, 0x40];

  it('without integrity is none with a code', () => {
    const { unseal, session } = bench({ suite: 1 });
    expect([session.canAuthenticate, session.canEncrypt]).toEqual([false, false]);
    expect(unseal(authenticated, [1, 2, 3])).toBe('badAuthCode');
    expect(unseal(0, [1, 2, 3])).toEqual(Buffer.of(1, 2, 3));
  });

  it('without confidentiality is none that is encrypted, whatever it carries', () => {
    const { unseal } = bench({ suite: 1 });
    expect(unseal(encrypted, [1, 2, 3])).toBe('undecryptable');
    expect(unseal(encrypted, [1, 2, 3], PayloadType.sol)).toBe('undecryptable');
    // Its number was not used up.
    expect(unseal(0, [1])).toEqual(Buffer.of(1));
  });

  it('is sent with as much protection as is asked for, and as there is', () => {
    const { session, sent } = bench();
    for (const protection of [
      { encrypted: true, authenticated: true },
      { encrypted: false, authenticated: true },
      { encrypted: false, authenticated: false },
    ]) {
      session.sendPayload(PayloadType.sol, Uint8Array.of(1, 2), protection);
      const packet = decodePacket((sent.pop()?.datagram ?? new Uint8Array()).subarray(4));
      expect(packet).toMatchObject({ ...protection, sessionId: 0xc0 });
      expect(packet.payload.length).toBe(protection.encrypted ? 32 : 2);
    }
    const bare = bench({ suite: 1 });
    bare.session.sendProtected(PayloadType.ipmi, Uint8Array.of(1, 2));
    const packet = decodePacket((bare.sent[0]?.datagram ?? new Uint8Array()).subarray(4));
    expect(packet).toMatchObject({ encrypted: false, authenticated: false });
  });
});
