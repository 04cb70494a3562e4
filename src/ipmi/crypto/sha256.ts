/** SHA-256's compression, sixteen rounds at a time: why they are written out is told in sha1.ts. FIPS 180-4 §6.2. */
const rounds = 64;
const constants = Int32Array.from(fractions(rounds, Math.cbrt));
/** The state before the first block. */
export const initialSha256: readonly number[] = fractions(8, Math.sqrt);

/** @param h the state, eight words. @param block 16 words */
// biome-ignore format: one line a round
export function compressSha256(h: Int32Array, block: Int32Array): void {
  let a = h[0] as number;
  let b = h[1] as number;
  let c = h[2] as number;
  let d = h[3] as number;
  let e = h[4] as number;
  let f = h[5] as number;
  let g = h[6] as number;
  let k = h[7] as number;
  let w0 = block[0] as number; let w1 = block[1] as number; let w2 = block[2] as number; let w3 = block[3] as number;
  let w4 = block[4] as number; let w5 = block[5] as number; let w6 = block[6] as number; let w7 = block[7] as number;
  let w8 = block[8] as number; let w9 = block[9] as number; let w10 = block[10] as number; let w11 = block[11] as number;
  let w12 = block[12] as number; let w13 = block[13] as number; let w14 = block[14] as number; let w15 = block[15] as number;
  for (let at = 0; ; ) {
    k = (k + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + choose(e, f, g) + constant(at + 0) + w0) | 0; d = (d + k) | 0;
    k = (k + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + majority(a, b, c)) | 0;
    g = (g + (rotr(d, 6) ^ rotr(d, 11) ^ rotr(d, 25)) + choose(d, e, f) + constant(at + 1) + w1) | 0; c = (c + g) | 0;
    g = (g + (rotr(k, 2) ^ rotr(k, 13) ^ rotr(k, 22)) + majority(k, a, b)) | 0;
    f = (f + (rotr(c, 6) ^ rotr(c, 11) ^ rotr(c, 25)) + choose(c, d, e) + constant(at + 2) + w2) | 0; b = (b + f) | 0;
    f = (f + (rotr(g, 2) ^ rotr(g, 13) ^ rotr(g, 22)) + majority(g, k, a)) | 0;
    e = (e + (rotr(b, 6) ^ rotr(b, 11) ^ rotr(b, 25)) + choose(b, c, d) + constant(at + 3) + w3) | 0; a = (a + e) | 0;
    e = (e + (rotr(f, 2) ^ rotr(f, 13) ^ rotr(f, 22)) + majority(f, g, k)) | 0;
    d = (d + (rotr(a, 6) ^ rotr(a, 11) ^ rotr(a, 25)) + choose(a, b, c) + constant(at + 4) + w4) | 0; k = (k + d) | 0;
    d = (d + (rotr(e, 2) ^ rotr(e, 13) ^ rotr(e, 22)) + majority(e, f, g)) | 0;
    c = (c + (rotr(k, 6) ^ rotr(k, 11) ^ rotr(k, 25)) + choose(k, a, b) + constant(at + 5) + w5) | 0; g = (g + c) | 0;
    c = (c + (rotr(d, 2) ^ rotr(d, 13) ^ rotr(d, 22)) + majority(d, e, f)) | 0;
    b = (b + (rotr(g, 6) ^ rotr(g, 11) ^ rotr(g, 25)) + choose(g, k, a) + constant(at + 6) + w6) | 0; f = (f + b) | 0;
    b = (b + (rotr(c, 2) ^ rotr(c, 13) ^ rotr(c, 22)) + majority(c, d, e)) | 0;
    a = (a + (rotr(f, 6) ^ rotr(f, 11) ^ rotr(f, 25)) + choose(f, g, k) + constant(at + 7) + w7) | 0; e = (e + a) | 0;
    a = (a + (rotr(b, 2) ^ rotr(b, 13) ^ rotr(b, 22)) + majority(b, c, d)) | 0;
    k = (k + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + choose(e, f, g) + constant(at + 8) + w8) | 0; d = (d + k) | 0;
    k = (k + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + majority(a, b, c)) | 0;
    g = (g + (rotr(d, 6) ^ rotr(d, 11) ^ rotr(d, 25)) + choose(d, e, f) + constant(at + 9) + w9) | 0; c = (c + g) | 0;
    g = (g + (rotr(k, 2) ^ rotr(k, 13) ^ rotr(k, 22)) + majority(k, a, b)) | 0;
    f = (f + (rotr(c, 6) ^ rotr(c, 11) ^ rotr(c, 25)) + choose(c, d, e) + constant(at + 10) + w10) | 0; b = (b + f) | 0;
    f = (f + (rotr(g, 2) ^ rotr(g, 13) ^ rotr(g, 22)) + majority(g, k, a)) | 0;
    e = (e + (rotr(b, 6) ^ rotr(b, 11) ^ rotr(b, 25)) + choose(b, c, d) + constant(at + 11) + w11) | 0; a = (a + e) | 0;
    e = (e + (rotr(f, 2) ^ rotr(f, 13) ^ rotr(f, 22)) + majority(f, g, k)) | 0;
    d = (d + (rotr(a, 6) ^ rotr(a, 11) ^ rotr(a, 25)) + choose(a, b, c) + constant(at + 12) + w12) | 0; k = (k + d) | 0;
    d = (d + (rotr(e, 2) ^ rotr(e, 13) ^ rotr(e, 22)) + majority(e, f, g)) | 0;
    c = (c + (rotr(k, 6) ^ rotr(k, 11) ^ rotr(k, 25)) + choose(k, a, b) + constant(at + 13) + w13) | 0; g = (g + c) | 0;
    c = (c + (rotr(d, 2) ^ rotr(d, 13) ^ rotr(d, 22)) + majority(d, e, f)) | 0;
    b = (b + (rotr(g, 6) ^ rotr(g, 11) ^ rotr(g, 25)) + choose(g, k, a) + constant(at + 14) + w14) | 0; f = (f + b) | 0;
    b = (b + (rotr(c, 2) ^ rotr(c, 13) ^ rotr(c, 22)) + majority(c, d, e)) | 0;
    a = (a + (rotr(f, 6) ^ rotr(f, 11) ^ rotr(f, 25)) + choose(f, g, k) + constant(at + 15) + w15) | 0; e = (e + a) | 0;
    a = (a + (rotr(b, 2) ^ rotr(b, 13) ^ rotr(b, 22)) + majority(b, c, d)) | 0;
    at += 16;
    if (at === rounds) break;
    w0 = (w0 + w9 + (rotr(w1, 7) ^ rotr(w1, 18) ^ (w1 >>> 3)) + (rotr(w14, 17) ^ rotr(w14, 19) ^ (w14 >>> 10))) | 0;
    w1 = (w1 + w10 + (rotr(w2, 7) ^ rotr(w2, 18) ^ (w2 >>> 3)) + (rotr(w15, 17) ^ rotr(w15, 19) ^ (w15 >>> 10))) | 0;
    w2 = (w2 + w11 + (rotr(w3, 7) ^ rotr(w3, 18) ^ (w3 >>> 3)) + (rotr(w0, 17) ^ rotr(w0, 19) ^ (w0 >>> 10))) | 0;
    w3 = (w3 + w12 + (rotr(w4, 7) ^ rotr(w4, 18) ^ (w4 >>> 3)) + (rotr(w1, 17) ^ rotr(w1, 19) ^ (w1 >>> 10))) | 0;
    w4 = (w4 + w13 + (rotr(w5, 7) ^ rotr(w5, 18) ^ (w5 >>> 3)) + (rotr(w2, 17) ^ rotr(w2, 19) ^ (w2 >>> 10))) | 0;
    w5 = (w5 + w14 + (rotr(w6, 7) ^ rotr(w6, 18) ^ (w6 >>> 3)) + (rotr(w3, 17) ^ rotr(w3, 19) ^ (w3 >>> 10))) | 0;
    w6 = (w6 + w15 + (rotr(w7, 7) ^ rotr(w7, 18) ^ (w7 >>> 3)) + (rotr(w4, 17) ^ rotr(w4, 19) ^ (w4 >>> 10))) | 0;
    w7 = (w7 + w0 + (rotr(w8, 7) ^ rotr(w8, 18) ^ (w8 >>> 3)) + (rotr(w5, 17) ^ rotr(w5, 19) ^ (w5 >>> 10))) | 0;
    w8 = (w8 + w1 + (rotr(w9, 7) ^ rotr(w9, 18) ^ (w9 >>> 3)) + (rotr(w6, 17) ^ rotr(w6, 19) ^ (w6 >>> 10))) | 0;
    w9 = (w9 + w2 + (rotr(w10, 7) ^ rotr(w10, 18) ^ (w10 >>> 3)) + (rotr(w7, 17) ^ rotr(w7, 19) ^ (w7 >>> 10))) | 0;
    w10 = (w10 + w3 + (rotr(w11, 7) ^ rotr(w11, 18) ^ (w11 >>> 3)) + (rotr(w8, 17) ^ rotr(w8, 19) ^ (w8 >>> 10))) | 0;
    w11 = (w11 + w4 + (rotr(w12, 7) ^ rotr(w12, 18) ^ (w12 >>> 3)) + (rotr(w9, 17) ^ rotr(w9, 19) ^ (w9 >>> 10))) | 0;
    w12 = (w12 + w5 + (rotr(w13, 7) ^ rotr(w13, 18) ^ (w13 >>> 3)) + (rotr(w10, 17) ^ rotr(w10, 19) ^ (w10 >>> 10))) | 0;
    w13 = (w13 + w6 + (rotr(w14, 7) ^ rotr(w14, 18) ^ (w14 >>> 3)) + (rotr(w11, 17) ^ rotr(w11, 19) ^ (w11 >>> 10))) | 0;
    w14 = (w14 + w7 + (rotr(w15, 7) ^ rotr(w15, 18) ^ (w15 >>> 3)) + (rotr(w12, 17) ^ rotr(w12, 19) ^ (w12 >>> 10))) | 0;
    w15 = (w15 + w8 + (rotr(w0, 7) ^ rotr(w0, 18) ^ (w0 >>> 3)) + (rotr(w13, 17) ^ rotr(w13, 19) ^ (w13 >>> 10))) | 0;
  }
  h[0] = (h[0] as number) + a;
  h[1] = (h[1] as number) + b;
  h[2] = (h[2] as number) + c;
  h[3] = (h[3] as number) + d;
  h[4] = (h[4] as number) + e;
  h[5] = (h[5] as number) + f;
  h[6] = (h[6] as number) + g;
  h[7] = (h[7] as number) + k;
}

function constant(round: number): number {
  return constants[round] as number;
}

function choose(e: number, f: number, g: number): number {
  return g ^ (e & (f ^ g));
}

function majority(a: number, b: number, c: number): number {
  return (a & b) | (c & (a | b));
}

function rotr(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by));
}

/** The first 32 bits of the fractional parts of roots of the first primes. FIPS 180-4 §4.2.2 and §5.3.3. */
function fractions(count: number, root: (prime: number) => number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => ((root(prime) % 1) * 2 ** 32) | 0);
}
