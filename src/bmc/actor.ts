/** Who asks: carried with every request into the core, for rights and for the record. */

/** Privilege levels in rising order. IPMI 2.0 §6.8; Redfish roles map onto them. */
export const privilegeLevels = ['callback', 'user', 'operator', 'administrator'] as const;
export type PrivilegeLevel = (typeof privilegeLevels)[number];

export function atLeast(have: PrivilegeLevel, need: PrivilegeLevel): boolean {
  return privilegeLevels.indexOf(have) >= privilegeLevels.indexOf(need);
}

export function lowerOf(a: PrivilegeLevel, b: PrivilegeLevel): PrivilegeLevel {
  return atLeast(a, b) ? b : a;
}

export interface Actor {
  /** User name, or a part of the appliance such as `restore policy`. */
  readonly name: string;
  readonly face: 'ipmi' | 'redfish' | 'bmc';
  /** Where the request came from, as text for the record. */
  readonly from?: string;
}

/** For the record: `admin (192.0.2.1:40000)`. */
export function actorText({ name, from }: Actor): string {
  return from === undefined ? name : `${name} (${from})`;
}
