import { describe, expect, it } from 'vitest';
import { Channel, type CommandContext, command } from '../../../../src/ipmi/commands/command.ts';
import { CommandRegistry } from '../../../../src/ipmi/commands/registry.ts';
import { empty, rest } from '../../../../src/lib/codec.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

const quick = command({
  ...{ name: 'Quick', netFn: 0x30, cmd: 1, privilege: 'operator', spec: 'test' },
  ...{ request: rest, response: rest },
  handle: (data) => data,
});
const slow = command({
  ...{ name: 'Slow', netFn: 0x30, cmd: 2, privilege: 'none', spec: 'test' },
  ...{ request: empty, response: empty },
  handle: async () => ({}),
});
const broken = command({
  ...{ name: 'Broken', netFn: 0x30, cmd: 3, privilege: 'none', spec: 'test' },
  ...{ request: empty, response: empty },
  handle: async () => {
    throw new Error('a bug');
  },
});

interface Options {
  readonly debug?: boolean;
  /** Completion codes of injected faults, by the command's name. */
  readonly refusals?: Readonly<Record<string, number>>;
  readonly channel?: number;
}

function bench({ debug = false, refusals = {}, channel = Channel.lan }: Options = {}) {
  const said: { readonly fields: Readonly<Record<string, unknown>>; readonly text: string }[] = [];
  const log = {
    isLevelEnabled: () => debug,
    debug: (fields: Readonly<Record<string, unknown>>, text: string) => void said.push({ fields, text }),
    error: () => undefined,
  };
  const context = {
    bmc: { log, clock: new ScriptedClock(), faults: { current: { refusals } } },
    actor: { name: 'admin', face: 'ipmi' },
    channel,
    session: { id: 77 },
  } as unknown as CommandContext;
  const registry = new CommandRegistry([quick, slow, broken]);
  return { registry, context, said };
}
const request = (cmd: number, ...data: number[]) => ({
  netFn: 0x30,
  rsLun: 0,
  cmd,
  data: Uint8Array.from(data),
});

describe('the command table', () => {
  it('runs a command from its level on, and for nobody without a session', () => {
    const { registry, context } = bench();
    const codes = (['callback', 'user', 'operator', 'administrator', undefined] as const).map(
      (level) => (registry.dispatch(request(1, 9), context, level) as Uint8Array)[0],
    );
    expect(codes).toEqual([0xd4, 0xd4, 0, 0, 0xd4]);
  });

  it('refuses what it does not have, with the body that a group extension was asked for, and nothing else', () => {
    const { registry, context } = bench();
    expect(registry.dispatch(request(9, 0xab), context, 'administrator')).toEqual(Uint8Array.of(0xc1));
    const ofGroup = { ...request(9, 0xdc, 0xab), netFn: 0x2c };
    expect(registry.dispatch(ofGroup, context, 'administrator')).toEqual(Uint8Array.of(0xc1, 0xdc));
  });

  it('logs each command with its outcome and its session, and never its data, when it is asked to', async () => {
    const { registry, context, said } = bench({ debug: true });
    expect(registry.dispatch(request(1, 0xab), context, 'operator')).toEqual(Uint8Array.of(0, 0xab));
    expect(await registry.dispatch(request(2), context, undefined)).toEqual(Uint8Array.of(0));
    expect(registry.dispatch(request(1), context, 'user')).toEqual(Uint8Array.of(0xd4));
    expect(
      said.map(({ fields: { cmd, completionCode, user, sessionId }, text }) => [
        text,
        cmd,
        completionCode,
        user,
        sessionId,
      ]),
    ).toEqual([
      ['Quick', 1, 0, 'admin', 77],
      ['Slow', 2, 0, 'admin', 77],
      ['Quick', 1, 0xd4, 'admin', 77],
    ]);
    expect(JSON.stringify(said)).not.toContain('171');
  });

  it('makes a completion code of a fault, also of one that comes later', async () => {
    const { registry, context } = bench();
    expect(await registry.dispatch(request(3), context, undefined)).toEqual(Uint8Array.of(0xff));
    expect(registry.dispatch(request(9), context, 'administrator')).toEqual(Uint8Array.of(0xc1));
  });

  it('runs what belongs to the system interface there alone, what has a fault never, and nothing for another LUN', () => {
    const inside = { ...quick, name: 'Inside', cmd: 7, systemInterfaceOnly: true };
    const registry = new CommandRegistry([quick, inside]);
    const code = (options: Options, cmd: number, rsLun = 0) => {
      const { context } = bench(options);
      return (registry.dispatch({ ...request(cmd), rsLun }, context, 'administrator') as Uint8Array)[0];
    };
    expect([code({}, 7), code({ channel: Channel.systemInterface }, 7)]).toEqual([0xd4, 0]);
    expect([code({ refusals: { Quick: 0xc3 } }, 1), code({ refusals: { Inside: 0xc3 } }, 1)]).toEqual([
      0xc3, 0,
    ]);
    expect([code({}, 1, 1), code({}, 1, 3)]).toEqual([0xc2, 0xc2]);
  });

  it('is refused with two commands of the same numbers, and with a group where none belongs', () => {
    expect(() => new CommandRegistry([quick, { ...slow, cmd: 1 }])).toThrow(
      'Slow and Quick have the same numbers',
    );
    expect(() => new CommandRegistry([{ ...quick, group: 0xdc }])).toThrow('a group goes with NetFn 2Ch');
    expect(() => new CommandRegistry([{ ...quick, netFn: 0x2c }])).toThrow('a group goes with NetFn 2Ch');
  });
});
