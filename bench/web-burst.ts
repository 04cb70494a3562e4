/** A guest that says more than anybody can read: every byte of it has to arrive in the browser. */
import { readFileSync } from 'node:fs';
import type { Bench } from './bench.ts';
import { figureOf } from './rounds.ts';
import type { GuestInBrowser } from './web-guest.ts';

const megabytes = Number(process.env.BURST_MB ?? 10);
/** Numbers of seven digits, each with CR and LF. */
const first = 1_000_000;
const last = first + Math.ceil((megabytes * 1e6) / 9);

export const webBurst = (guest: GuestInBrowser): Bench => ({
  name: 'web-burst',
  title: `${megabytes} MB from the guest, as the browser’s own recording has them; ends with an error if one byte is lost`,
  async run() {
    const opened = await guest.open();
    const { page } = opened;
    await page.getByRole('button', { name: 'Record the session' }).click();
    const startedAt = performance.now();
    await opened.type(`\x03seq ${first} ${last}; echo end of $((1+1))\r`);
    await opened.shows('end of 2', 900_000);
    const seconds = (performance.now() - startedAt) / 1000;
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Stop and save the recording' }).click();
    const output = readFileSync(await (await saved).path(), 'utf8')
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as [number, string, string])
      .filter(([, kind]) => kind === 'o')
      .map(([, , text]) => text)
      .join('');
    const numbers = [...output.matchAll(/^(\d{7})\r$/gm)].map(([, number]) => Number(number));
    const expected = last - first + 1;
    const isWhole = numbers.length === expected && numbers.every((number, index) => number === first + index);
    if (!isWhole) throw new Error(`bytes lost: ${numbers.length} of ${expected} lines are there`);
    const figures = {
      MB: figureOf([output.length / 1e6]),
      seconds: figureOf([seconds]),
      'MB/s': figureOf([output.length / 1e6 / seconds]),
      'lines lost': figureOf([expected - numbers.length]),
    };
    return { figures: { 'browser terminal': figures } };
  },
});
