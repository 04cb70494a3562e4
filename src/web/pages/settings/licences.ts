/** Of others' work that this appliance is made with: the build gathers it beside the browser's code. */

export interface Licence {
  readonly name: string;
  readonly version: string;
  /** SPDX, as the package says. */
  readonly licence: string;
  /** `browser`: part of what the browser loads; `server`: of the appliance; `both`. */
  readonly where: 'browser' | 'server' | 'both';
  /** Whole; empty where the package brings none. */
  readonly text: string;
}

export const licencesPath = '/assets/licences.json';

/** @throws {Error} when the appliance was built without it */
export async function readLicences(signal: AbortSignal): Promise<readonly Licence[]> {
  const response = await fetch(licencesPath, { signal, credentials: 'same-origin' });
  if (!response.ok) throw new Error(`GET ${licencesPath}: HTTP ${response.status}`);
  return (await response.json()) as readonly Licence[];
}
