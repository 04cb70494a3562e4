/**
 * How far the software in the host is trusted: the system interface has no login, so whoever is root there may do what
 * this says.
 */
import type { CommandDefinition } from '../commands/command.ts';
import { NetFn } from '../message/net-fn.ts';

/**
 * `full`: everything. `no-users`: users, passwords, keys and who may come in over the LAN are out of reach.
 * `read-only`: nothing is changed but the interface itself. `off`: the machine has no such interface.
 */
export const kcsPolicies = ['full', 'no-users', 'read-only', 'off'] as const;
export type KcsPolicy = (typeof kcsPolicies)[number];

/** Set Channel Access, User Access, User Name, User Password, User Payload Access, Channel Security Keys. */
const accessCommands: readonly number[] = [0x40, 0x43, 0x45, 0x47, 0x4c, 0x56];

/** Commands that only tell are named so throughout the specification. */
const telling = /^(Get|Read|Reserve) /;

export function permits(policy: KcsPolicy, definition: CommandDefinition): boolean {
  const { name, netFn, cmd, privilege, systemInterfaceOnly } = definition;
  switch (policy) {
    case 'full':
      return true;
    case 'no-users':
      return netFn !== NetFn.app || !accessCommands.includes(cmd);
    case 'read-only':
      // Get Channel Security Keys' other half and the like ride on one command: by number, not by name.
      if (netFn === NetFn.app && accessCommands.includes(cmd)) return false;
      return privilege === 'none' || systemInterfaceOnly === true || telling.test(name);
    case 'off':
      return false;
  }
}
