/** What the policy of `bmc/host-access.ts` means for the commands of the system interface. */
import type { HostAccessPolicy } from '../../bmc/host-access.ts';
import type { CommandDefinition } from '../commands/command.ts';
import { NetFn } from '../message/net-fn.ts';

/** Set Channel Access, User Access, User Name, User Password, User Payload Access, Channel Security Keys. */
const accessCommands: readonly number[] = [0x40, 0x43, 0x45, 0x47, 0x4c, 0x56];

/** Commands that only tell are named so throughout the specification. */
const telling = /^(Get|Read|Reserve) /;

export function permits(policy: HostAccessPolicy, definition: CommandDefinition): boolean {
  const { name, netFn, cmd, privilege, systemInterfaceOnly } = definition;
  switch (policy) {
    case 'full':
      return true;
    case 'no-users':
      return netFn !== NetFn.app || !accessCommands.includes(cmd);
    case 'read-only':
      return privilege === 'none' || systemInterfaceOnly === true || telling.test(name);
    case 'off':
      return false;
  }
}
