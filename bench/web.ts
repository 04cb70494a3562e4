/**
 * `npm run bench:web`: how the web console feels, in Debian's chromium: first paint and readiness of a page on a slow
 * processor, from a key to its echo on the page with a guest behind it, and a burst of the guest that the page has to
 * take whole. Times depend on the machine; whether a byte is lost does not, and ends it with code 1.
 */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { Appliance } from '../tests/support/appliance.ts';
import { ConsoleInBrowser, openBrowser } from '../tests/support/browser.ts';
import { FakeAppliance } from '../tests/support/fake-appliance.ts';
import { until } from '../tests/support/processes.ts';

const slowdown = 6;
const loads = 5;
const keys = 200;
/** Numbers of seven digits, each with CR and LF. */
const burst = {
  first: 1_000_000,
  last: 1_000_000 + Math.ceil((Number(process.env.BURST_MB ?? 10) * 1e6) / 9),
};

const say = (line: string) => process.stdout.write(`${line}\n`);
const quantile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** The login page from a cold cache, and the overview of whoever is logged in. */
async function measureLoads(browser: Browser): Promise<void> {
  const appliance = await FakeAppliance.start();
  try {
    const seen: Record<string, number[]> = { paint: [], login: [], overview: [] };
    for (let i = 0; i < loads; i++) {
      const console = await ConsoleInBrowser.open(browser, { url: appliance.url });
      const { page } = console;
      const cdp = await page.context().newCDPSession(page);
      await cdp.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
      await console.goTo('/login');
      await page.locator('input[name=username]').waitFor();
      seen.login?.push(await now(page));
      seen.paint?.push(await page.evaluate<number>(firstPaint));
      await console.logIn('admin', 'password');
      await page.reload();
      await page.getByText('Live', { exact: true }).waitFor();
      await console.settle();
      seen.overview?.push(await now(page));
      await console.logOut();
      await console.close();
    }
    for (const times of Object.values(seen)) times.sort((a, b) => a - b);
    const median = (name: string) => quantile(seen[name] ?? [], 0.5).toFixed(0);
    say(`processor ${slowdown} times slower, median of ${loads}, cold cache:`);
    say(`  first contentful paint of the login page  ${median('paint')} ms`);
    say(`  it takes a name and a password            ${median('login')} ms`);
    say(`  the overview, reloaded: all read, live    ${median('overview')} ms`);
  } finally {
    await appliance.stop();
  }
}

const firstPaint = `performance.getEntriesByName('first-contentful-paint')[0].startTime`;

function now(page: Page): Promise<number> {
  return page.evaluate<number>('performance.now()');
}

/** Notes when a key comes, and when the terminal has drawn something next. */
const watchKeys = `(() => {
  window.echoes = [];
  let pressed;
  addEventListener('keydown', () => { pressed = performance.now(); }, true);
  new MutationObserver(() => {
    if (pressed !== undefined) window.echoes.push(performance.now() - pressed);
    pressed = undefined;
  }).observe(document.querySelector('.xterm-rows'), { subtree: true, childList: true, characterData: true });
})()`;

async function measureGuest(browser: Browser): Promise<boolean> {
  const appliance = await Appliance.start({ VM_CDROM: 'none', VM_MEMORY: '384' });
  try {
    const url = `https://127.0.0.1:${appliance.redfishPort}`;
    const console = await ConsoleInBrowser.open(browser, { url });
    const { page } = console;
    await console.logIn('admin', 'password', '/machine/console?view=serial');
    const rows = page.locator('.xterm-rows');
    const shows = (wanted: string, ms: number) =>
      until(`the terminal shows ${wanted}`, async () => (await rows.innerText()).includes(wanted), ms, 250);
    await shows('demo login:', 120_000);
    await page.locator('.xterm textarea').focus();
    await page.keyboard.type('root\r');
    await shows('root@demo', 20_000);

    // A blinking cursor is drawn, too, and is no echo.
    await page.evaluate(watchKeys);
    for (let i = 0; i < keys; i++) {
      await page.keyboard.press(String.fromCharCode(97 + (i % 26)));
      await page.waitForFunction(`window.echoes.length > ${i}`, undefined, { polling: 5 });
      if (i % 40 === 39) {
        await page.keyboard.press('Control+u');
        // Its echo is several characters.
        await page.evaluate(`new Promise((resolve) => setTimeout(resolve, 300))`);
        await page.evaluate(`window.echoes.length = ${i + 1}`);
      }
    }
    const echoes = (await page.evaluate<number[]>('window.echoes')).sort((a, b) => a - b);
    const [p50, p95] = [quantile(echoes, 0.5), quantile(echoes, 0.95)];
    say(
      `from a key to its echo on the page, ${keys} keys: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`,
    );
    say('  goal: p50 15 ms, p95 35 ms');

    await page.getByRole('button', { name: 'Record the session' }).click();
    const { first, last } = burst;
    const startedAt = performance.now();
    await page.keyboard.type(`seq ${first} ${last}; echo end of $((1+1))\r`);
    await shows('end of 2', 900_000);
    const seconds = (performance.now() - startedAt) / 1000;
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Stop and save the recording' }).click();
    const file = readFileSync(await (await saved).path(), 'utf8');
    const output = file
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as [number, string, string])
      .filter(([, kind]) => kind === 'o')
      .map(([, , text]) => text)
      .join('');
    const numbers = [...output.matchAll(/^(\d{7})\r$/gm)].map(([, number]) => Number(number));
    const isWhole =
      numbers.length === last - first + 1 && numbers.every((number, index) => number === first + index);
    say(
      `a burst of ${(output.length / 1e6).toFixed(1)} MB in ${seconds.toFixed(0)} s, ${isWhole ? 'every byte of it' : `BYTES LOST: ${numbers.length} of ${last - first + 1} lines`} in the browser’s recording`,
    );
    await console.logOut();
    return isWhole;
  } finally {
    await appliance.stop();
    appliance.clean();
  }
}

const browser = await openBrowser();
try {
  await measureLoads(browser);
  if (!(await measureGuest(browser))) process.exitCode = 1;
} finally {
  await browser.close();
}
