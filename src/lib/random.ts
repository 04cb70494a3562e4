/** Randomness as a dependency, so that recorded handshakes can be replayed. */
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** `length` cryptographically strong random bytes. */
  bytes(length: number): Uint8Array;
}

const poolSize = 4096;

/** The system's generator, drawn through a pool: a call for 16 bytes costs tens of nanoseconds. */
export function systemRandom(): Random {
  const pool = new Uint8Array(poolSize);
  let used = poolSize;
  return {
    bytes(length) {
      if (length > poolSize) return randomFillSync(new Uint8Array(length));
      if (used + length > poolSize) {
        randomFillSync(pool);
        used = 0;
      }
      const drawn = new Uint8Array(length);
      for (let i = 0; i < length; i++, used++) {
        drawn[i] = pool[used] as number;
        pool[used] = 0;
      }
      return drawn;
    },
  };
}
