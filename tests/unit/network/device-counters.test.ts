import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cardCounters } from '../../../src/network/device-counters.ts';

const root = mkdtempSync(join(tmpdir(), 'device-counters-'));
afterAll(() => rmSync(root, { recursive: true }));
const folder = join(root, 'qbt0/statistics');
mkdirSync(folder, { recursive: true });
for (const [index, what] of ['bytes', 'packets', 'errors', 'dropped'].entries()) {
  writeFileSync(join(folder, `rx_${what}`), `${index + 1}\n`);
  writeFileSync(join(folder, `tx_${what}`), `${index + 11}\n`);
}

describe('counters of a card', () => {
  it('are those of the guest: at a tap, what the host receives is what the guest has sent', () => {
    expect(cardCounters('qbt0', 'tap', root)).toEqual({
      ...{ sentBytes: 1, sentFrames: 2, sentErrors: 3, sentDrops: 4 },
      ...{ receivedBytes: 11, receivedFrames: 12, receivedErrors: 13, receivedDrops: 14 },
    });
    expect(cardCounters('qbt0', 'macvtap', root)).toMatchObject({ receivedBytes: 1, sentBytes: 11 });
  });

  it('are none of a device that has gone', () => {
    expect(cardCounters('gone', 'tap', root)).toBeUndefined();
  });
});
