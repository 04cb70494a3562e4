/**
 * Who may run what: each command of the table, in each state that a session can be in. What must come out is said by
 * the specifications' own list (appendix-g.ts), not by our table. Whether a command ran is seen from inside: each one
 * is replaced by a counter.
 */
import { describe, expect, test } from 'vitest';
import type { PrivilegeLevel } from '../../../../src/bmc/actor.ts';
import type { CommandDefinition } from '../../../../src/ipmi/commands/command.ts';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import { rest } from '../../../../src/lib/codec.ts';
import { appendixG, dcmiAssignments } from '../../../support/appendix-g.ts';
import { ipmiRequest, plainPacket, v15Packet } from '../../../support/ipmi-client.ts';
import { V15Client } from '../../../support/ipmi-v15-client.ts';
import { bench as actor, type BenchOptions, LanBench } from '../../../support/lan-bench.ts';

const levels = ['callback', 'user', 'operator', 'administrator'] as const;
const rankOf = (level: PrivilegeLevel) => levels.indexOf(level) + 1;
const [operatorRank, administratorRank, nobody] = [3, 4, 9];

/** Least rank that may run a command over LAN; 0 without a session. */
const neededRank = new Map<string, number>([
  ...appendixG.map(([netFn, cmd, level]) => [keyOf(netFn, cmd), rankIn(level)] as const),
  ...dcmiAssignments.map(([cmd, level]) => [keyOf(0x2c, cmd, 0xdc), rankIn(level)] as const),
  // The payload's own settings decide, in the command itself: appendix-g.test.ts has the reason.
  [keyOf(0x06, 0x48), 2],
  [keyOf(0x06, 0x49), 2],
]);

function rankIn(level: string): number {
  return { p: 0, C: 1, U: 2, O: operatorRank, A: administratorRank, S: nobody }[level] ?? Number.NaN;
}

function keyOf(netFn: number, cmd: number, group?: number): string {
  return [netFn, cmd, group].join('/');
}

/** Stays what it is: sessions get their level by it. Whether it ran is told by its code. */
const setSessionPrivilege = keyOf(0x06, 0x3b);
/** These end or make the session under test. */
const ofTheLogin = [keyOf(0x06, 0x39), keyOf(0x06, 0x3a)];

interface Counted {
  readonly bench: LanBench;
  readonly runs: () => number;
}

function counted(options: BenchOptions = {}): Counted {
  let runs = 0;
  const commands: CommandDefinition[] = ipmiCommands.definitions.map((definition) => {
    const key = keyOf(definition.netFn, definition.cmd, definition.group);
    if (key === setSessionPrivilege || ofTheLogin.includes(key)) return definition;
    const handle = () => {
      runs++;
      return new Uint8Array();
    };
    return { ...definition, request: rest, response: rest, handle };
  });
  return { bench: new LanBench({ ...options, commands, ipmi15: true, users }), runs: () => runs };
}

const password = 'fits in 1.5';
const users = levels.map((limit) => ({ name: limit, password, limit }));

interface Asker {
  command(netFn: number, cmd: number, data?: readonly number[]): { completionCode: number } | undefined;
}

const protocols: Readonly<Record<string, (bench: LanBench, user: PrivilegeLevel) => Asker>> = {
  'IPMI 2.0': (bench, user) => bench.loggedIn({ user, password, openLevel: 0, role: 0x10 }),
  'IPMI 1.5': (bench, user) => new V15Client(bench.from(), { user, password, level: rankOf(user) }).login(),
};

/** Runs each command once. @returns the cells that are not as they must be */
function holes({ bench, runs }: Counted, client: Asker, rank: number): string[] {
  return ipmiCommands.definitions.flatMap(({ name, netFn, cmd, group }) => {
    const key = keyOf(netFn, cmd, group);
    if (ofTheLogin.includes(key)) return [];
    const before = runs();
    const body = key === setSessionPrivilege ? [0] : group === undefined ? [] : [group];
    const code = client.command(netFn, cmd, body)?.completionCode;
    const ran = key === setSessionPrivilege ? code === 0 : runs() > before;
    const may = rank >= (neededRank.get(key) ?? Number.NaN);
    const right = ran === may && code === (may ? 0 : 0xd4) && bench.face.sessions().length === 1;
    return right ? [] : [`${name}: ran ${ran}, code ${code}, may ${may}`];
  });
}

describe.each(Object.keys(protocols))('over %s, exactly what the level allows runs', (protocol) => {
  const login = protocols[protocol];
  if (!login) throw new Error(protocol);

  test.each(levels)('for a user with the limit %s, at each level that the session may ask for', (limit) => {
    // A session begins as User, or as Callback where that is the limit. IPMI 2.0 §22.18
    const first = counted();
    const client = login(first.bench, limit);
    expect(holes(first, client, Math.min(2, rankOf(limit)))).toEqual([]);
    for (const level of levels.slice(1)) {
      const made = counted();
      const asker = login(made.bench, limit);
      const raised = asker.command(0x06, 0x3b, [rankOf(level)]);
      const possible = rankOf(level) <= rankOf(limit);
      if (limit !== 'callback') expect(raised?.completionCode).toBe(possible ? 0 : 0x81);
      const rank = possible ? rankOf(level) : Math.min(2, rankOf(limit));
      expect(holes(made, asker, rank)).toEqual([]);
    }
  });

  test('for an Administrator’s session whose user or channel gets another limit meanwhile', () => {
    for (const user of levels) {
      for (const channel of levels) {
        const made = counted();
        const asker = login(made.bench, 'administrator');
        expect(asker.command(0x06, 0x3b, [administratorRank])?.completionCode).toBe(0);
        const found = made.bench.bmc.users.findByName('administrator');
        if (!found) throw new Error('no administrator');
        made.bench.bmc.users.update(found.id, { limit: user }, actor);
        made.bench.bmc.lan.setAccess({ limit: channel }, actor);
        const rank = Math.min(rankOf(user), rankOf(channel));
        expect(holes(made, asker, rank), `${user}, ${channel}`).toEqual([]);
      }
    }
  });

  test('the OEM level and those that do not exist are refused, and change nothing', () => {
    const made = counted();
    const asker = login(made.bench, 'administrator');
    for (const number of [1, 5, 6, 15]) {
      expect(asker.command(0x06, 0x3b, [number])?.completionCode).not.toBe(0);
    }
    expect(holes(made, asker, 2)).toEqual([]);
  });
});

test('without a session exactly the commands run that need none, in packets of either protocol', () => {
  const { bench, runs } = counted();
  for (const { name, netFn, cmd, group } of ipmiCommands.definitions) {
    const key = keyOf(netFn, cmd, group);
    for (const lun of [0, 1, 2, 3]) {
      const message = ipmiRequest(netFn, cmd, group === undefined ? [] : [group], 1, lun);
      for (const datagram of [plainPacket(0, message), v15Packet(message)]) {
        const before = runs();
        const answers = bench.from()(datagram);
        const open = neededRank.get(key) === 0;
        expect(answers, name).toHaveLength(open ? 1 : 0);
        expect(runs() - before, name).toBe(open && lun === 0 && !ofTheLogin.includes(key) ? 1 : 0);
      }
    }
  }
});
