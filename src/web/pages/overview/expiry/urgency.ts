/** How loudly is said that something runs out. */

export const certificateUri = '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates/1';

/** `calm`: there is time; `urgent`: within three days; `over`: it is too late. */
export type Urgency = 'calm' | 'urgent' | 'over';

const dayMs = 86_400_000;
const urgentDays = 3;

/** @param leftMs until it runs out @param days from when on it is said @returns undefined before that */
export function urgency(leftMs: number, days: number): Urgency | undefined {
  if (leftMs > days * dayMs) return undefined;
  if (leftMs <= 0) return 'over';
  return leftMs <= urgentDays * dayMs ? 'urgent' : 'calm';
}
