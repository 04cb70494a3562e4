/** Addresses in binary form, as the LAN configuration parameters hold them. IPMI 2.0 §23.2. */
import { isIPv6 } from 'node:net';
import { bytes, type Codec } from '../lib/codec.ts';
import { ipv6FromHex, shortIpv6 } from '../lib/ipv6.ts';

/** `192.0.2.1` in four bytes, first number first. */
export const ipv4: Codec<string> = mapped(
  bytes(4),
  (raw) => raw.join('.'),
  (text) => Uint8Array.from(text.split('.'), Number),
);

/** `52:54:00:12:34:56` in six bytes. */
export const mac: Codec<string> = mapped(
  bytes(6),
  (raw) => Array.from(raw, (byte) => byte.toString(16).padStart(2, '0')).join(':'),
  (text) => Uint8Array.from(text.split(':'), (digits) => Number.parseInt(digits, 16)),
);

/** An IPv6 address in sixteen bytes; read in its shortest text form. */
export const ipv6: Codec<string> = mapped(
  bytes(16),
  (raw) => ipv6FromHex(Buffer.from(raw).toString('hex')),
  ipv6Bytes,
);

function mapped<A, B>(codec: Codec<A>, decode: (value: A) => B, encode: (value: B) => A): Codec<B> {
  return {
    read: (reader) => decode(codec.read(reader)),
    write: (writer, value) => codec.write(writer, encode(value)),
  };
}

function ipv6Bytes(text: string): Uint8Array {
  const [address = ''] = text.split('%');
  if (!isIPv6(address)) throw new RangeError(`IPv6 address: ${text}`);
  // In this form an IPv4 tail has become two groups.
  const plain = shortIpv6(address);
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const raw = [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
  return new Uint8Array(Buffer.from(raw, 'hex'));
}
