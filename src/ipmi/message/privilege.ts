/** Privilege levels as numbers. IPMI 2.0 §6.8, Table 22-18. */
import { type PrivilegeLevel, privilegeLevels } from '../../bmc/actor.ts';

export const PrivilegeNumber = {
  callback: 1,
  user: 2,
  operator: 3,
  administrator: 4,
  /** Belongs to OEM commands; nobody here has it. */
  oem: 5,
  noAccess: 0x0f,
} as const;

/** @returns undefined for a number that is none of ours */
export function levelOf(number: number): PrivilegeLevel | undefined {
  return privilegeLevels[number - 1];
}
