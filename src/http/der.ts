/** The few forms of ASN.1 that certificates and requests for them are made of, on node-forge's encoder. X.690. */
import type forge from 'node-forge';
// By itself: the whole of node-forge is a quarter of a second of each start.
import asn1 from 'node-forge/lib/asn1.js';
import util from 'node-forge/lib/util.js';

const { Type, Class } = asn1;
export type Asn1 = forge.asn1.Asn1;

export function sequence(...parts: readonly Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...parts]);
}

export function set(...parts: readonly Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, [...parts]);
}

export function oid(dotted: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

/** @param magnitude most significant byte first, without a sign */
export function integer(magnitude: Uint8Array): Asn1 {
  const raw = Buffer.from(magnitude);
  const isNegative = ((raw[0] ?? 0) & 0x80) !== 0;
  const content = isNegative || raw.length === 0 ? Buffer.concat([Buffer.alloc(1), raw]) : raw;
  return asn1.create(Class.UNIVERSAL, Type.INTEGER, false, binary(content));
}

export function boolean(value: boolean): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.BOOLEAN, false, value ? '\xff' : '\x00');
}

export function nothing(): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.NULL, false, '');
}

export function utf8(text: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.UTF8, false, util.encodeUtf8(text));
}

export function printable(text: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.PRINTABLESTRING, false, text);
}

export function ia5(text: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.IA5STRING, false, text);
}

/** UTCTime up to 2049, as RFC 5280 §4.1.2.5 wants it, GeneralizedTime from then on. */
export function time(date: Date): Asn1 {
  return date.getUTCFullYear() < 2050
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

export function octets(content: Uint8Array): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, binary(content));
}

/** @param unusedBits of the last byte */
export function bits(content: Uint8Array, unusedBits = 0): Asn1 {
  return asn1.create(
    Class.UNIVERSAL,
    Type.BITSTRING,
    false,
    String.fromCharCode(unusedBits) + binary(content),
  );
}

/** `[tag]` around other parts. */
export function tagged(tag: number, ...parts: readonly Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, true, [...parts]);
}

/** `[tag]` in place of a plain value's own. */
export function taggedBytes(tag: number, content: Uint8Array): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, binary(content));
}

export function encode(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

/** @throws {Error} for what is not DER */
export function decode(der: Uint8Array): Asn1 {
  return asn1.fromDer(binary(der));
}

/** @returns the dotted form; undefined for what is no object identifier */
export function oidText(value: Asn1 | undefined): string | undefined {
  if (typeof value?.value !== 'string' || value.type !== Type.OID) return undefined;
  return asn1.derToOid(value.value);
}

function binary(content: Uint8Array): string {
  return Buffer.from(content).toString('latin1');
}
