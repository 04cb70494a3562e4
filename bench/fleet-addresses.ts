/** What both sides of a fleet know: where its BMCs are, and who may log in. */

export const fleetUser = 'admin';
export const fleetPassword = 'bench-password';

/** Addresses of the loopback network that nothing else uses. @param index from 0, below 65,000 */
export function fleetAddress(index: number): string {
  return `127.77.${(index >> 8) & 0xff}.${index & 0xff}`;
}
