/**
 * Each command of the table × {no session, each level} × {IPMI 2.0, 1.5, system interface} × {empty, short, too long
 * a body}, and wrong LUN.
 */
import { describe, expect, test } from 'vitest';
import { atLeast, type PrivilegeLevel } from '../../../../src/bmc/actor.ts';
import { BmcError } from '../../../../src/bmc/errors.ts';
import { hostAccessPolicies } from '../../../../src/bmc/host-access.ts';
import { command } from '../../../../src/ipmi/commands/command.ts';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import { CommandRegistry } from '../../../../src/ipmi/commands/registry.ts';
import { permits } from '../../../../src/ipmi/in-band/policy.ts';
import { CompletionError } from '../../../../src/ipmi/message/completion-code.ts';
import { bits8, empty, struct, u8 } from '../../../../src/lib/codec.ts';
import { InBandBench } from '../../../support/in-band-bench.ts';
import { ipmiRequest, plainPacket, readReply, v15Packet } from '../../../support/ipmi-client.ts';
import { V15Client } from '../../../support/ipmi-v15-client.ts';
import { LanBench, ownCommands } from '../../../support/lan-bench.ts';

const logins = {
  callback: { user: 'caller', password: 'c', openLevel: 0, role: 0x10 },
  user: { user: 'user', password: 'u', openLevel: 0, role: 0x10 },
  operator: { user: 'oper', password: 'operator-20-bytes-xy', openLevel: 0, role: 0x10 },
  administrator: { user: 'admin', password: 'password', openLevel: 0, role: 0x10 },
} as const;
/** What a body of 60 bytes A5h is refused with, where a value in it is found wrong before its length. */
const longBodyCode: Readonly<Record<string, number>> = {
  'Set Channel Access': 0xcc,
  'Set Channel Security Keys': 0xcc,
};
const levelNumber = { callback: 1, user: 2, operator: 3, administrator: 4 } as const;

describe.each(ownCommands.map((definition) => [definition.name, definition] as const))(
  '%s',
  (_name, definition) => {
    const { netFn, cmd, privilege } = definition;

    test('outside a session runs only if it is one of the few', () => {
      const bench = new LanBench();
      const answered = privilege === 'none' ? 1 : 0;
      expect(bench.from()(plainPacket(0, ipmiRequest(netFn, cmd, [])))).toHaveLength(answered);
      expect(bench.from()(v15Packet(ipmiRequest(netFn, cmd, [])))).toHaveLength(answered);
    });

    test.each(Object.keys(logins) as PrivilegeLevel[])('for %s is allowed or D4h', (level) => {
      const bench = new LanBench();
      for (const body of [[], Array(60).fill(0xa5)]) {
        const client = bench.loggedIn(logins[level], levelNumber[level]);
        const code = client.command(netFn, cmd, body)?.completionCode;
        if (privilege !== 'none' && !atLeast(level, privilege)) expect(code).toBe(0xd4);
        else if (body.length > 0) expect(code).toBe(longBodyCode[definition.name] ?? 0xc7);
        else expect([0x00, 0xc7]).toContain(code);
      }
    });

    test('on another LUN is C2h', () => {
      const client = new LanBench().loggedIn({}, 4);
      const [reply] = client.exchange(client.seal(ipmiRequest(netFn, cmd, [], 50, 1)));
      expect(reply && client.unseal(reply).payload[6]).toBe(0xc2);
    });
  },
);

/** A remote console of either protocol, logged in at a level, and its bench. */
const protocols = {
  '2.0': (level: PrivilegeLevel) => {
    const bench = new LanBench({ commands: ipmiCommands.definitions });
    const client = bench.loggedIn(logins[level], levelNumber[level]);
    const late = (datagram: Uint8Array) => client.unseal(datagram).payload;
    return { bench, client, late };
  },
  '1.5': (level: PrivilegeLevel) => {
    const users = Object.entries(logins).map(([limit, { user }]) => ({
      name: user,
      password: 'fits in 1.5',
      limit: limit as PrivilegeLevel,
    }));
    const bench = new LanBench({ commands: ipmiCommands.definitions, ipmi15: true, users });
    const number = levelNumber[level];
    const client = new V15Client(bench.from(), {
      user: logins[level].user,
      password: 'fits in 1.5',
      level: number,
    }).login();
    client.command(0x06, 0x3b, [number]);
    const late = (datagram: Uint8Array) => client.open(datagram).message;
    return { bench, client, late };
  },
} as const;

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe.each(ipmiCommands.definitions.map((definition) => [definition.name, definition] as const))(
  'in the whole table, %s',
  (name, { netFn, cmd, group, privilege, systemInterfaceOnly }) => {
    const bodies = [[], [0], [1, 2, 3], Array(60).fill(0xa5)].map((body) =>
      group === undefined ? body : [group, ...body],
    );

    test.each(Object.keys(protocols) as (keyof typeof protocols)[])(
      'over IPMI %s runs in sessions of enough privilege only, and has an answer to any body',
      async (protocol) => {
        for (const level of Object.keys(logins) as PrivilegeLevel[]) {
          for (const body of bodies) {
            const { bench, client, late } = protocols[protocol](level);
            const bugs: unknown[] = [];
            bench.bmc.log.error = (...args: unknown[]) => void bugs.push(args);
            for (const packet of [plainPacket, (_: number, message: Buffer) => v15Packet(message)]) {
              const answers = bench.from()(packet(0, ipmiRequest(netFn, cmd, body)));
              expect(answers).toHaveLength(privilege === 'none' ? 1 : 0);
            }
            let reply = client.command(netFn, cmd, body);
            if (!reply) {
              await tick();
              const [sent] = bench.sent;
              reply = sent && readReply(late(sent.datagram));
            }
            const allowed = privilege === 'none' || atLeast(level, privilege);
            if (allowed && !systemInterfaceOnly) expect(reply?.completionCode).not.toBe(undefined);
            else
              expect(reply).toEqual({
                completionCode: 0xd4,
                data: Buffer.from(group === undefined ? [] : [group]),
              });
            expect(bugs).toEqual([]);
          }
        }
      },
    );

    test.each(hostAccessPolicies.filter((policy) => policy !== 'off'))(
      'over the system interface obeys the policy %s, and has an answer to any body',
      async (policy) => {
        const definition = ipmiCommands.definitions.find((each) => each.name === name);
        for (const body of bodies) {
          const bench = await InBandBench.started({ policy });
          const bugs: unknown[] = [];
          bench.bmc.log.error = (...args: unknown[]) => void bugs.push(args);
          const [code] = await bench.guest.slowCommand(netFn, cmd, ...body);
          if (definition && permits(policy, definition)) expect(code).not.toBe(undefined);
          else expect(code).toBe(0xd4);
          expect(bugs).toEqual([]);
        }
      },
    );
  },
);

test('the table holds just six commands for everybody', () => {
  const open = ipmiCommands.definitions.filter((definition) => definition.privilege === 'none');
  expect(open.map((definition) => [definition.netFn, definition.cmd]).sort()).toEqual([
    // PET Acknowledge: trap receivers have no session.
    [4, 0x17],
    [6, 0x37],
    [6, 0x38],
    [6, 0x39],
    [6, 0x3a],
    [6, 0x54],
  ]);
});

test.each([
  ['HPM.2 capabilities', 0x2c, 0x3e, [0]],
  ['DCMI', 0x2c, 0x01, [0xdc]],
  ['an empty group extension', 0x2c, 0x00, []],
  ['OEM', 0x2e, 0x01, [1, 2, 3]],
  ['an OEM NetFn', 0x30, 0x01, []],
  ['an application command that is not there', 0x06, 0xee, []],
])('unknown: %s is C1h', (_name, netFn, cmd, data) => {
  expect(new LanBench().loggedIn({}, 4).command(netFn, cmd, data)).toEqual({
    completionCode: 0xc1,
    // A group extension's defining body stands in every reply.
    data: Buffer.from(netFn === 0x2c ? data.slice(0, 1) : []),
  });
});

describe('the registry', () => {
  const base = {
    netFn: 0x30,
    cmd: 1,
    privilege: 'user',
    spec: 'test',
    request: empty,
    response: empty,
  } as const;

  test('refuses two definitions of one command, and group extensions without a group', () => {
    const a = command({ ...base, name: 'A', handle: () => ({}) });
    expect(() => new CommandRegistry([a, { ...a, name: 'B' }])).toThrow('B and A have the same numbers');
    expect(() => new CommandRegistry([{ ...a, netFn: 0x2c }])).toThrow('group');
    expect(() => new CommandRegistry([{ ...a, group: 0xdc }])).toThrow('group');
  });

  test('takes the group byte off the request and puts it before the response', () => {
    const echo = command({
      ...base,
      name: 'Echo',
      netFn: 0x2c,
      group: 0xdc,
      request: struct({ value: u8 }),
      response: struct({ value: u8 }),
      handle: ({ value }) => ({ value }),
    });
    const client = new LanBench({ commands: [...ownCommands, echo] }).loggedIn();
    expect(client.command(0x2c, 1, [0xdc, 7])).toEqual({ completionCode: 0, data: Buffer.of(0xdc, 7) });
    expect(client.command(0x2c, 1, [0x00, 7])?.completionCode).toBe(0xc1);
    expect(client.command(0x2c, 1, [0xdc])?.completionCode).toBe(0xc7);
  });

  test.each([
    ['a BmcError', () => new BmcError('wrong-state', 'no'), [0xd5]],
    ['a CompletionError with data', () => new CompletionError(0x80, 'no', Uint8Array.of(1, 2)), [0x80, 1, 2]],
  ])('turns %s into its code, thrown or rejected', async (_name, error, expected) => {
    const commands = [
      command({
        ...base,
        name: 'Throw',
        handle: () => {
          throw error();
        },
      }),
      command({ ...base, name: 'Reject', cmd: 2, handle: () => Promise.reject(error()) }),
    ];
    const bench = new LanBench({ commands: [...ownCommands, ...commands] });
    const client = bench.loggedIn();
    const thrown = client.command(0x30, 1);
    expect([thrown?.completionCode, ...(thrown?.data ?? [])]).toEqual(expected);
    client.command(0x30, 2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.unseal(bench.sent[0]?.datagram ?? new Uint8Array()).payload[6]).toBe(expected[0]);
  });

  test('turns a bug into FFh and logs it whole', () => {
    const bug = new TypeError('a bug');
    const bench = new LanBench({
      commands: [
        ...ownCommands,
        command({
          ...base,
          name: 'Bug',
          handle: () => {
            throw bug;
          },
        }),
      ],
    });
    const logged: unknown[] = [];
    bench.bmc.log.error = (...args: unknown[]) => void logged.push(args[0]);
    expect(bench.loggedIn().command(0x30, 1)?.completionCode).toBe(0xff);
    expect(logged).toEqual([{ err: bug, netFn: 0x30, cmd: 1 }]);
  });

  test('says CCh for a value that is none of a field', () => {
    const choice = command({
      ...base,
      name: 'Choice',
      request: bits8(['_reserved', 6], ['choice', 2, { a: 0, b: 1 }]),
      handle: () => ({}),
    });
    const client = new LanBench({ commands: [...ownCommands, choice] }).loggedIn();
    expect([0, 1, 2].map((value) => client.command(0x30, 1, [value])?.completionCode)).toEqual([0, 0, 0xcc]);
  });
});
