/**
 * SHA-1's compression, its rounds written out: so the block's words stay in variables, where a loop would go through memory
 * for each, and a block takes 90 ns instead of 210 (docs/performance.md). Five blocks go into a request. FIPS 180-4 §6.1.
 *
 * The small functions are small enough for V8 to inline all of them, however many.
 */

/** @param h the state, five words. @param block 16 words */
// biome-ignore format: one line a round
export function compressSha1(h: Int32Array, block: Int32Array): void {
  let a = h[0] as number;
  let b = h[1] as number;
  let c = h[2] as number;
  let d = h[3] as number;
  let e = h[4] as number;
  let w0 = block[0] as number; let w1 = block[1] as number; let w2 = block[2] as number; let w3 = block[3] as number;
  let w4 = block[4] as number; let w5 = block[5] as number; let w6 = block[6] as number; let w7 = block[7] as number;
  let w8 = block[8] as number; let w9 = block[9] as number; let w10 = block[10] as number; let w11 = block[11] as number;
  let w12 = block[12] as number; let w13 = block[13] as number; let w14 = block[14] as number; let w15 = block[15] as number;

  const k0 = 0x5a827999;
  e = (rotl5(a) + choose(b, c, d) + e + k0 + w0) | 0; b = rotl30(b);
  d = (rotl5(e) + choose(a, b, c) + d + k0 + w1) | 0; a = rotl30(a);
  c = (rotl5(d) + choose(e, a, b) + c + k0 + w2) | 0; e = rotl30(e);
  b = (rotl5(c) + choose(d, e, a) + b + k0 + w3) | 0; d = rotl30(d);
  a = (rotl5(b) + choose(c, d, e) + a + k0 + w4) | 0; c = rotl30(c);
  e = (rotl5(a) + choose(b, c, d) + e + k0 + w5) | 0; b = rotl30(b);
  d = (rotl5(e) + choose(a, b, c) + d + k0 + w6) | 0; a = rotl30(a);
  c = (rotl5(d) + choose(e, a, b) + c + k0 + w7) | 0; e = rotl30(e);
  b = (rotl5(c) + choose(d, e, a) + b + k0 + w8) | 0; d = rotl30(d);
  a = (rotl5(b) + choose(c, d, e) + a + k0 + w9) | 0; c = rotl30(c);
  e = (rotl5(a) + choose(b, c, d) + e + k0 + w10) | 0; b = rotl30(b);
  d = (rotl5(e) + choose(a, b, c) + d + k0 + w11) | 0; a = rotl30(a);
  c = (rotl5(d) + choose(e, a, b) + c + k0 + w12) | 0; e = rotl30(e);
  b = (rotl5(c) + choose(d, e, a) + b + k0 + w13) | 0; d = rotl30(d);
  a = (rotl5(b) + choose(c, d, e) + a + k0 + w14) | 0; c = rotl30(c);
  e = (rotl5(a) + choose(b, c, d) + e + k0 + w15) | 0; b = rotl30(b);
  w0 = rotl1(w13 ^ w8 ^ w2 ^ w0); d = (rotl5(e) + choose(a, b, c) + d + k0 + w0) | 0; a = rotl30(a);
  w1 = rotl1(w14 ^ w9 ^ w3 ^ w1); c = (rotl5(d) + choose(e, a, b) + c + k0 + w1) | 0; e = rotl30(e);
  w2 = rotl1(w15 ^ w10 ^ w4 ^ w2); b = (rotl5(c) + choose(d, e, a) + b + k0 + w2) | 0; d = rotl30(d);
  w3 = rotl1(w0 ^ w11 ^ w5 ^ w3); a = (rotl5(b) + choose(c, d, e) + a + k0 + w3) | 0; c = rotl30(c);

  const k1 = 0x6ed9eba1;
  w4 = rotl1(w1 ^ w12 ^ w6 ^ w4); e = (rotl5(a) + parity(b, c, d) + e + k1 + w4) | 0; b = rotl30(b);
  w5 = rotl1(w2 ^ w13 ^ w7 ^ w5); d = (rotl5(e) + parity(a, b, c) + d + k1 + w5) | 0; a = rotl30(a);
  w6 = rotl1(w3 ^ w14 ^ w8 ^ w6); c = (rotl5(d) + parity(e, a, b) + c + k1 + w6) | 0; e = rotl30(e);
  w7 = rotl1(w4 ^ w15 ^ w9 ^ w7); b = (rotl5(c) + parity(d, e, a) + b + k1 + w7) | 0; d = rotl30(d);
  w8 = rotl1(w5 ^ w0 ^ w10 ^ w8); a = (rotl5(b) + parity(c, d, e) + a + k1 + w8) | 0; c = rotl30(c);
  w9 = rotl1(w6 ^ w1 ^ w11 ^ w9); e = (rotl5(a) + parity(b, c, d) + e + k1 + w9) | 0; b = rotl30(b);
  w10 = rotl1(w7 ^ w2 ^ w12 ^ w10); d = (rotl5(e) + parity(a, b, c) + d + k1 + w10) | 0; a = rotl30(a);
  w11 = rotl1(w8 ^ w3 ^ w13 ^ w11); c = (rotl5(d) + parity(e, a, b) + c + k1 + w11) | 0; e = rotl30(e);
  w12 = rotl1(w9 ^ w4 ^ w14 ^ w12); b = (rotl5(c) + parity(d, e, a) + b + k1 + w12) | 0; d = rotl30(d);
  w13 = rotl1(w10 ^ w5 ^ w15 ^ w13); a = (rotl5(b) + parity(c, d, e) + a + k1 + w13) | 0; c = rotl30(c);
  w14 = rotl1(w11 ^ w6 ^ w0 ^ w14); e = (rotl5(a) + parity(b, c, d) + e + k1 + w14) | 0; b = rotl30(b);
  w15 = rotl1(w12 ^ w7 ^ w1 ^ w15); d = (rotl5(e) + parity(a, b, c) + d + k1 + w15) | 0; a = rotl30(a);
  w0 = rotl1(w13 ^ w8 ^ w2 ^ w0); c = (rotl5(d) + parity(e, a, b) + c + k1 + w0) | 0; e = rotl30(e);
  w1 = rotl1(w14 ^ w9 ^ w3 ^ w1); b = (rotl5(c) + parity(d, e, a) + b + k1 + w1) | 0; d = rotl30(d);
  w2 = rotl1(w15 ^ w10 ^ w4 ^ w2); a = (rotl5(b) + parity(c, d, e) + a + k1 + w2) | 0; c = rotl30(c);
  w3 = rotl1(w0 ^ w11 ^ w5 ^ w3); e = (rotl5(a) + parity(b, c, d) + e + k1 + w3) | 0; b = rotl30(b);
  w4 = rotl1(w1 ^ w12 ^ w6 ^ w4); d = (rotl5(e) + parity(a, b, c) + d + k1 + w4) | 0; a = rotl30(a);
  w5 = rotl1(w2 ^ w13 ^ w7 ^ w5); c = (rotl5(d) + parity(e, a, b) + c + k1 + w5) | 0; e = rotl30(e);
  w6 = rotl1(w3 ^ w14 ^ w8 ^ w6); b = (rotl5(c) + parity(d, e, a) + b + k1 + w6) | 0; d = rotl30(d);
  w7 = rotl1(w4 ^ w15 ^ w9 ^ w7); a = (rotl5(b) + parity(c, d, e) + a + k1 + w7) | 0; c = rotl30(c);

  const k2 = 0x8f1bbcdc;
  w8 = rotl1(w5 ^ w0 ^ w10 ^ w8); e = (rotl5(a) + majority(b, c, d) + e + k2 + w8) | 0; b = rotl30(b);
  w9 = rotl1(w6 ^ w1 ^ w11 ^ w9); d = (rotl5(e) + majority(a, b, c) + d + k2 + w9) | 0; a = rotl30(a);
  w10 = rotl1(w7 ^ w2 ^ w12 ^ w10); c = (rotl5(d) + majority(e, a, b) + c + k2 + w10) | 0; e = rotl30(e);
  w11 = rotl1(w8 ^ w3 ^ w13 ^ w11); b = (rotl5(c) + majority(d, e, a) + b + k2 + w11) | 0; d = rotl30(d);
  w12 = rotl1(w9 ^ w4 ^ w14 ^ w12); a = (rotl5(b) + majority(c, d, e) + a + k2 + w12) | 0; c = rotl30(c);
  w13 = rotl1(w10 ^ w5 ^ w15 ^ w13); e = (rotl5(a) + majority(b, c, d) + e + k2 + w13) | 0; b = rotl30(b);
  w14 = rotl1(w11 ^ w6 ^ w0 ^ w14); d = (rotl5(e) + majority(a, b, c) + d + k2 + w14) | 0; a = rotl30(a);
  w15 = rotl1(w12 ^ w7 ^ w1 ^ w15); c = (rotl5(d) + majority(e, a, b) + c + k2 + w15) | 0; e = rotl30(e);
  w0 = rotl1(w13 ^ w8 ^ w2 ^ w0); b = (rotl5(c) + majority(d, e, a) + b + k2 + w0) | 0; d = rotl30(d);
  w1 = rotl1(w14 ^ w9 ^ w3 ^ w1); a = (rotl5(b) + majority(c, d, e) + a + k2 + w1) | 0; c = rotl30(c);
  w2 = rotl1(w15 ^ w10 ^ w4 ^ w2); e = (rotl5(a) + majority(b, c, d) + e + k2 + w2) | 0; b = rotl30(b);
  w3 = rotl1(w0 ^ w11 ^ w5 ^ w3); d = (rotl5(e) + majority(a, b, c) + d + k2 + w3) | 0; a = rotl30(a);
  w4 = rotl1(w1 ^ w12 ^ w6 ^ w4); c = (rotl5(d) + majority(e, a, b) + c + k2 + w4) | 0; e = rotl30(e);
  w5 = rotl1(w2 ^ w13 ^ w7 ^ w5); b = (rotl5(c) + majority(d, e, a) + b + k2 + w5) | 0; d = rotl30(d);
  w6 = rotl1(w3 ^ w14 ^ w8 ^ w6); a = (rotl5(b) + majority(c, d, e) + a + k2 + w6) | 0; c = rotl30(c);
  w7 = rotl1(w4 ^ w15 ^ w9 ^ w7); e = (rotl5(a) + majority(b, c, d) + e + k2 + w7) | 0; b = rotl30(b);
  w8 = rotl1(w5 ^ w0 ^ w10 ^ w8); d = (rotl5(e) + majority(a, b, c) + d + k2 + w8) | 0; a = rotl30(a);
  w9 = rotl1(w6 ^ w1 ^ w11 ^ w9); c = (rotl5(d) + majority(e, a, b) + c + k2 + w9) | 0; e = rotl30(e);
  w10 = rotl1(w7 ^ w2 ^ w12 ^ w10); b = (rotl5(c) + majority(d, e, a) + b + k2 + w10) | 0; d = rotl30(d);
  w11 = rotl1(w8 ^ w3 ^ w13 ^ w11); a = (rotl5(b) + majority(c, d, e) + a + k2 + w11) | 0; c = rotl30(c);

  const k3 = 0xca62c1d6;
  w12 = rotl1(w9 ^ w4 ^ w14 ^ w12); e = (rotl5(a) + parity(b, c, d) + e + k3 + w12) | 0; b = rotl30(b);
  w13 = rotl1(w10 ^ w5 ^ w15 ^ w13); d = (rotl5(e) + parity(a, b, c) + d + k3 + w13) | 0; a = rotl30(a);
  w14 = rotl1(w11 ^ w6 ^ w0 ^ w14); c = (rotl5(d) + parity(e, a, b) + c + k3 + w14) | 0; e = rotl30(e);
  w15 = rotl1(w12 ^ w7 ^ w1 ^ w15); b = (rotl5(c) + parity(d, e, a) + b + k3 + w15) | 0; d = rotl30(d);
  w0 = rotl1(w13 ^ w8 ^ w2 ^ w0); a = (rotl5(b) + parity(c, d, e) + a + k3 + w0) | 0; c = rotl30(c);
  w1 = rotl1(w14 ^ w9 ^ w3 ^ w1); e = (rotl5(a) + parity(b, c, d) + e + k3 + w1) | 0; b = rotl30(b);
  w2 = rotl1(w15 ^ w10 ^ w4 ^ w2); d = (rotl5(e) + parity(a, b, c) + d + k3 + w2) | 0; a = rotl30(a);
  w3 = rotl1(w0 ^ w11 ^ w5 ^ w3); c = (rotl5(d) + parity(e, a, b) + c + k3 + w3) | 0; e = rotl30(e);
  w4 = rotl1(w1 ^ w12 ^ w6 ^ w4); b = (rotl5(c) + parity(d, e, a) + b + k3 + w4) | 0; d = rotl30(d);
  w5 = rotl1(w2 ^ w13 ^ w7 ^ w5); a = (rotl5(b) + parity(c, d, e) + a + k3 + w5) | 0; c = rotl30(c);
  w6 = rotl1(w3 ^ w14 ^ w8 ^ w6); e = (rotl5(a) + parity(b, c, d) + e + k3 + w6) | 0; b = rotl30(b);
  w7 = rotl1(w4 ^ w15 ^ w9 ^ w7); d = (rotl5(e) + parity(a, b, c) + d + k3 + w7) | 0; a = rotl30(a);
  w8 = rotl1(w5 ^ w0 ^ w10 ^ w8); c = (rotl5(d) + parity(e, a, b) + c + k3 + w8) | 0; e = rotl30(e);
  w9 = rotl1(w6 ^ w1 ^ w11 ^ w9); b = (rotl5(c) + parity(d, e, a) + b + k3 + w9) | 0; d = rotl30(d);
  w10 = rotl1(w7 ^ w2 ^ w12 ^ w10); a = (rotl5(b) + parity(c, d, e) + a + k3 + w10) | 0; c = rotl30(c);
  w11 = rotl1(w8 ^ w3 ^ w13 ^ w11); e = (rotl5(a) + parity(b, c, d) + e + k3 + w11) | 0; b = rotl30(b);
  w12 = rotl1(w9 ^ w4 ^ w14 ^ w12); d = (rotl5(e) + parity(a, b, c) + d + k3 + w12) | 0; a = rotl30(a);
  w13 = rotl1(w10 ^ w5 ^ w15 ^ w13); c = (rotl5(d) + parity(e, a, b) + c + k3 + w13) | 0; e = rotl30(e);
  w14 = rotl1(w11 ^ w6 ^ w0 ^ w14); b = (rotl5(c) + parity(d, e, a) + b + k3 + w14) | 0; d = rotl30(d);
  w15 = rotl1(w12 ^ w7 ^ w1 ^ w15); a = (rotl5(b) + parity(c, d, e) + a + k3 + w15) | 0; c = rotl30(c);

  h[0] = (h[0] as number) + a;
  h[1] = (h[1] as number) + b;
  h[2] = (h[2] as number) + c;
  h[3] = (h[3] as number) + d;
  h[4] = (h[4] as number) + e;
}

function choose(b: number, c: number, d: number): number {
  return d ^ (b & (c ^ d));
}

function parity(b: number, c: number, d: number): number {
  return b ^ c ^ d;
}

function majority(b: number, c: number, d: number): number {
  return (b & c) | (d & (b | c));
}

function rotl1(x: number): number {
  return (x << 1) | (x >>> 31);
}

function rotl5(x: number): number {
  return (x << 5) | (x >>> 27);
}

function rotl30(x: number): number {
  return (x << 30) | (x >>> 2);
}
