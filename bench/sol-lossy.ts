/** Serial-over-LAN through bad networks: how fast bytes arrive at a remote console that follows the specification. */
import { solTransfer } from '../tests/support/sol-transfer.ts';
import type { Bench } from './bench.ts';
import { type Contender, inRounds } from './rounds.ts';

const spokenBytes = 256 * 1024;
const limitMs = 120_000;

export const solLossy: Bench = {
  name: 'sol-lossy',
  title: `SOL output of ${spokenBytes / 1024} KiB through a UDP proxy that loses datagrams, client and BMC in one process`,
  async run({ rounds }) {
    const contender = (drop: number, others: number): Contender => {
      let seed = 0;
      return {
        name: others > 0 ? `${drop}/${others}/${others} %` : `${drop} % lost`,
        measure: async () => {
          const spoken = Uint8Array.from(
            { length: spokenBytes },
            (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff,
          );
          const { shown, ms } = await solTransfer({
            spoken,
            typed: new Uint8Array(),
            seed: ++seed,
            drop,
            duplicate: others,
            reorder: others,
            limitMs,
          });
          if (Buffer.compare(shown, spoken) !== 0) throw new Error('not what was sent');
          return { 'KB/s': spokenBytes / ms };
        },
      };
    };
    return { figures: await inRounds([contender(0, 0), contender(2, 0), contender(10, 10)], rounds) };
  },
};
