/** Who asks: carried with every request into the core, for rights and for the record. */

/** Privilege levels in rising order. IPMI 2.0 §6.8; Redfish roles map onto them. */
export const privilegeLevels = ['callback', 'user', 'operator', 'administrator'] as const;
export type PrivilegeLevel = (typeof privilegeLevels)[number];

const rank = { callback: 0, user: 1, operator: 2, administrator: 3 } as const satisfies Record<
  PrivilegeLevel,
  number
>;

export function atLeast(have: PrivilegeLevel, need: PrivilegeLevel): boolean {
  return rank[have] >= rank[need];
}

export function lowerOf(a: PrivilegeLevel, b: PrivilegeLevel): PrivilegeLevel {
  return atLeast(a, b) ? b : a;
}

/**
 * By which door: a session of IPMI over LAN; the host's own system interface; Redfish; the socket for testers; `bmc` for
 * what the BMC does of itself.
 */
export type Face = 'ipmi' | 'in-band' | 'redfish' | 'admin' | 'bmc';

export interface Actor {
  /** User name, or a part of the appliance such as `restore policy`. */
  readonly name: string;
  readonly face: Face;
  /** Where the request came from, as text for the record: an address and port, where there is one. */
  readonly from?: string;
}

/** For the record: `admin (192.0.2.1:40000)`. */
export function actorText({ name, from }: Actor): string {
  return from === undefined ? name : `${name} (${from})`;
}
