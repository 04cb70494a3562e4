/**
 * GUIDs on the wire. The specification's own order is the reverse of the text (§20.8), yet BMCs and readers have
 * settled on the order of SMBIOS, with the first three fields least significant byte first: Linux's ipmi driver and
 * ipmitool 1.8.19 show such a GUID as the guest's firmware tables do. FreeIPMI 1.6 shows it in reverse.
 */

/** @param uuid in text form @returns 16 bytes */
export function encodeGuid(uuid: string): Uint8Array {
  const raw = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  if (raw.length !== 16)
    throw new RangeError(`UUID: ${JSON.stringify(uuid)} has ${raw.length} bytes, not 16`);
  raw.subarray(0, 4).reverse();
  raw.subarray(4, 6).reverse();
  raw.subarray(6, 8).reverse();
  return new Uint8Array(raw);
}
