/** From a key to its echo: browser, WebSocket, BMC, QEMU's serial port, the guest's shell, and all the way back. */
import { setTimeout } from 'node:timers/promises';
import { until } from '../tests/support/processes.ts';
import type { Bench } from './bench.ts';
import { inRounds } from './rounds.ts';
import type { GuestInBrowser, OpenedGuest } from './web-guest.ts';

/** Of one round. */
const keys = 40;

/** Notes for each key the time from its event to the moment when the terminal has drawn its echo behind the ones before. */
const watchKeys = `(() => {
  const rows = document.querySelector('.xterm-rows');
  const shown = () => rows.textContent.replaceAll('\\u00a0', ' ');
  const watch = window.echoes = { times: [], typed: '', pressed: undefined };
  addEventListener('keydown', ({ key, timeStamp }) => {
    if (key.length > 1) return;
    watch.typed += key;
    watch.pressed = timeStamp;
  }, true);
  new MutationObserver(() => {
    if (watch.pressed === undefined || !shown().includes('# ' + watch.typed)) return;
    watch.times.push(performance.now() - watch.pressed);
    watch.pressed = undefined;
  }).observe(rows, { subtree: true, childList: true, characterData: true });
})()`;

const isShown = `document.querySelector('.xterm-rows').textContent.includes('abc')`;

/** One key after the other, each some time after the echo of the one before. */
async function round(guest: OpenedGuest): Promise<Record<string, number>> {
  const { page } = guest;
  await guest.type('\x03clear\r');
  await until('the terminal is clear', async () => !(await page.evaluate<boolean>(isShown)), 10_000);
  await page.evaluate('window.echoes.times = []; window.echoes.typed = ""');
  for (let i = 0; i < keys; i++) {
    await page.keyboard.press(String.fromCharCode(97 + (i % 26)));
    // As a person types, and not in step with the frames that the browser draws.
    await setTimeout(60 + ((i * 37) % 83));
    const isEchoed = `window.echoes.times.length > ${i}`;
    await until('the key is echoed', () => page.evaluate<boolean>(isEchoed), 10_000, 5);
  }
  const times = (await page.evaluate<number[]>('window.echoes.times')).sort((a, b) => a - b);
  const quantile = (share: number) => times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
  return { 'p50 ms': quantile(0.5), 'p95 ms': quantile(0.95) };
}

export const webEcho = (guest: GuestInBrowser): Bench => ({
  name: 'web-echo',
  title: `from a key to its echo on the page, ${keys} keys a round; goal: p50 15 ms, p95 35 ms`,
  async run({ rounds }) {
    const opened = await guest.open();
    await opened.page.evaluate(watchKeys);
    const terminal = { name: 'browser terminal into a guest', measure: () => round(opened) };
    return { figures: await inRounds([terminal], rounds) };
  },
});
