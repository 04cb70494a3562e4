/** What the server says it is: the same strings in IPMI, Redfish and SMBIOS. */
import { createHash } from 'node:crypto';
import type { Random } from '../lib/random.ts';
import type { Store } from './store.ts';

export interface Identity {
  /** RFC 4122 text form, lower case; also the machine's SMBIOS UUID. */
  readonly uuid: string;
  readonly serialNumber: string;
  readonly manufacturer: string;
  readonly product: string;
  /** Version of this appliance, `major.minor.patch`. */
  readonly firmwareVersion: string;
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The UUID kept in the store, made (version 4) on first use. */
export function keptUuid(store: Store, random: Random): string {
  const kept = store.load<{ uuid?: unknown }>('identity')?.uuid;
  if (typeof kept === 'string' && uuidForm.test(kept)) return kept;
  const raw = Buffer.from(random.bytes(16));
  raw[6] = ((raw[6] as number) & 0x0f) | 0x40;
  raw[8] = ((raw[8] as number) & 0x3f) | 0x80;
  const hex = raw.toString('hex');
  const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  store.save('identity', { uuid });
  return uuid;
}

/** A serial number that is stable for a UUID. */
export function serialNumberOf(uuid: string): string {
  return `QB${createHash('sha256').update(uuid).digest('hex').slice(0, 10).toUpperCase()}`;
}
