/** Two servers back to back, with wires that come late and in any order. */
import { describe, expect, it } from 'vitest';
import { containerImage } from '../support/docker.ts';
import { runLab, withoutLabs } from '../support/labs.ts';

const { image, skipped } = containerImage();
const title = skipped || withoutLabs();

describe.skipIf(image === undefined || title !== '')(`the lab of two servers back to back${title}`, () => {
  it('passes its own test: the machines reach one another by both wires', { timeout: 450_000 }, async () => {
    const { code, passed, failed, output } = await runLab('pair', { 'qemu-bmc:latest': image ?? '' });
    expect(failed, output).toEqual([]);
    expect(passed, output).toEqual(
      expect.arrayContaining([
        'node1: two cards, eth2 and eth3 in this order',
        'node2: two cards, eth2 and eth3 in this order',
        'IPv4 by the first wire',
        'IPv6 by the first wire',
        'frames of 9,014 bytes by the first wire',
        'IPv4 by the second wire',
        'a machine that is off answers nobody',
        'it answers again',
      ]),
    );
    expect(code, output).toBe(0);
  });
});
