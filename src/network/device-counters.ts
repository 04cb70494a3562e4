/** What has gone through a device of the host, as the kernel counts it. */
import { readFileSync } from 'node:fs';
import type { NicCounters } from '../bmc/machine.ts';

const folder = '/sys/class/net';

/**
 * Of the card at the other end of a tap or macvtap device.
 * @param kind at a tap, what the host receives is what the guest has sent; a macvtap is the guest's own end
 * @returns undefined where the device has gone
 */
export function cardCounters(
  device: string,
  kind: 'tap' | 'macvtap',
  root: string = folder,
): NicCounters | undefined {
  const count = (name: string) => Number(readFileSync(`${root}/${device}/statistics/${name}`, 'utf8').trim());
  const [received, sent] = kind === 'tap' ? (['tx', 'rx'] as const) : (['rx', 'tx'] as const);
  try {
    return {
      receivedBytes: count(`${received}_bytes`),
      receivedFrames: count(`${received}_packets`),
      receivedErrors: count(`${received}_errors`),
      receivedDrops: count(`${received}_dropped`),
      sentBytes: count(`${sent}_bytes`),
      sentFrames: count(`${sent}_packets`),
      sentErrors: count(`${sent}_errors`),
      sentDrops: count(`${sent}_dropped`),
    };
  } catch (error) {
    if (['ENOENT', 'EINVAL', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}
