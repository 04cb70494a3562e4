/**
 * A second opinion on the table of commands: the specifications' own list, typed apart from it. Every difference
 * stands here with its reason; one that is not here fails.
 */
import { describe, expect, test } from 'vitest';
import type { CommandDefinition } from '../../../../src/ipmi/commands/command.ts';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import { type AssignedLevel, appendixG, dcmiAssignments } from '../../../support/appendix-g.ts';

const [groupExtension, dcmi] = [0x2c, 0xdc];

const assigned = [
  ...appendixG.map(([netFn, cmd, level, name]) => ({ key: keyOf(netFn, cmd), level, name })),
  ...dcmiAssignments.map(([cmd, level, name]) => ({ key: keyOf(groupExtension, cmd, dcmi), level, name })),
];

/** A command that the specification gives to one, and we to another. */
const deliberate: Readonly<Record<string, { readonly ours: AssignedLevel; readonly reason: string }>> = {
  'Activate Payload': {
    ours: 'U',
    reason:
      'the level set for SOL (parameter 2) and the payload access of the user decide, in the command itself',
  },
  'Deactivate Payload': {
    ours: 'U',
    reason: 'one’s own instances everybody may end, another user’s Administrators, in the command itself',
  },
};

/** Optional commands that do not exist here: C1h. */
const leftOut: Readonly<Record<string, string>> = {
  'Manufacturing Test On': 'there is no factory',
  'Get NetFn Support': 'no firmware firewall, and with it none of its discovery',
  'Get Command Support': 'as above',
  'Get Command Sub-function Support': 'as above',
  'Get Configurable Commands': 'as above',
  'Get Configurable Command Sub-functions': 'as above',
  'Set Command Enables': 'as above',
  'Get Command Enables': 'as above',
  'Set Command Sub-function Enables': 'as above',
  'Get Command Sub-function Enables': 'as above',
  'Get OEM NetFn IANA Support': 'as above; there are no OEM commands',
  'Get BT Interface Capabilities': 'the system interface is a KCS',
  'Get AuthCode':
    'for scripts that sign packets with a password they do not know: a risk, and used by nobody',
  'Get Channel OEM Payload Info': 'there are no OEM payloads',
  'Master Write-Read': 'there is no I2C bus',
  'Chassis Reset': 'replaced by Chassis Control in IPMI 1.5',
  'Get Device SDR Info':
    'the SDR Repository holds all records; the device ID says that there are no device SDRs',
  'Get Device SDR': 'as above',
  'Reserve Device SDR Repository': 'as above',
  'Enter SDR Repository Update Mode': 'the repository can be changed at any time, as its information says',
  'Exit SDR Repository Update Mode': 'as above',
  'Get Auxiliary Log Status': 'there is no machine check log',
  'Set Auxiliary Log Status': 'as above',
  'Set Thermal Limit': 'nothing here can get too hot',
  'Get Thermal Limit': 'as above',
};

describe('the specifications’ own list of privileges', () => {
  test('has every command of our table, under its name', () => {
    const names = new Map(assigned.map(({ key, name }) => [key, name]));
    for (const { netFn, cmd, group, name } of ipmiCommands.definitions) {
      expect(names.get(keyOf(netFn, cmd, group))).toBe(name);
    }
  });

  test('has no command that is neither in our table nor left out on purpose', () => {
    const ours = new Set(ipmiCommands.definitions.map(({ netFn, cmd, group }) => keyOf(netFn, cmd, group)));
    const missing = assigned.filter(({ key }) => !ours.has(key)).map(({ name }) => name);
    expect(missing.sort()).toEqual(Object.keys(leftOut).sort());
  });

  test.each(assigned.filter(({ name }) => !(name in leftOut)))(
    'gives $name to $level',
    ({ key, level, name }) => {
      const definition = ipmiCommands.definitions.find(
        ({ netFn, cmd, group }) => keyOf(netFn, cmd, group) === key,
      );
      if (!definition) throw new Error(`no ${name}`);
      const difference = deliberate[name];
      expect(levelIn(definition)).toBe(difference?.ours ?? level);
      expect(difference?.ours).not.toBe(level);
    },
  );
});

const letters = { none: 'p', callback: 'C', user: 'U', operator: 'O', administrator: 'A' } as const;

function levelIn({ privilege, systemInterfaceOnly }: CommandDefinition): AssignedLevel {
  return systemInterfaceOnly ? 'S' : letters[privilege];
}

function keyOf(netFn: number, cmd: number, group?: number): string {
  return [netFn, group, cmd].map((part) => part?.toString(16) ?? '').join('/');
}
