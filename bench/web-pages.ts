/** From the address to a page that one can work with, on a slow processor and from a cold cache. */
import type { Browser, CDPSession, Page } from 'playwright-core';
import { ConsoleInBrowser } from '../tests/support/browser.ts';
import { FakeAppliance } from '../tests/support/fake-appliance.ts';
import { until } from '../tests/support/processes.ts';
import type { Bench } from './bench.ts';
import { inRounds } from './rounds.ts';

const slowdown = 6;
/** Of what would keep a key waiting. */
const quietMs = 1000;

/** Notes when the page is ready and which tasks were long, from the first moment on. */
const watch = `(() => {
  const loading = window.loading = { longTaskEnd: 0 };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) loading.longTaskEnd = startTime + duration;
  }).observe({ type: 'longtask', buffered: true });
  const isReady = () => location.pathname === '/login'
    ? document.querySelector('input[name=username]')
    : document.querySelector('main section') && !document.querySelector('[data-loading]')
        && [...document.querySelectorAll('header [role=status]')].some(({ textContent }) => textContent === 'Live');
  const observer = new MutationObserver(() => {
    if (!isReady()) return;
    loading.ready ??= performance.now();
    observer.disconnect();
  });
  observer.observe(document, { subtree: true, childList: true, attributes: true });
})()`;

const isQuiet = `window.loading.ready !== undefined
  && performance.getEntriesByName('first-contentful-paint').length > 0
  && performance.now() - Math.max(window.loading.ready, window.loading.longTaskEnd) > ${quietMs}`;

/** Interactive: everything is there, and no long task is left that would keep a key waiting. */
const read = `({
  'first contentful paint ms': performance.getEntriesByName('first-contentful-paint')[0].startTime,
  'interactive ms': Math.max(
    performance.getEntriesByName('first-contentful-paint')[0].startTime,
    window.loading.ready,
    window.loading.longTaskEnd,
  ),
})`;

async function load(page: Page, cdp: CDPSession, go: () => Promise<unknown>) {
  await cdp.send('Network.clearBrowserCache');
  await go();
  await until('the page is quiet', () => page.evaluate<boolean>(isQuiet), 120_000, 100);
  return page.evaluate<Record<string, number>>(read);
}

export const webPages = (browser: Browser): Bench => ({
  name: 'web-pages',
  title: `a page from a cold cache, the processor ${slowdown} times slower`,
  async run({ rounds }) {
    const appliance = await FakeAppliance.start();
    const console = await ConsoleInBrowser.open(browser, { url: appliance.url });
    try {
      const { page } = console;
      await page.addInitScript(watch);
      const cdp = await page.context().newCDPSession(page);
      const slowly = () => cdp.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
      await slowly();
      const login = { name: 'login', measure: () => load(page, cdp, () => console.goTo('/login')) };
      const overview = {
        name: 'overview',
        measure: async () => {
          await console.logIn('admin', 'password');
          const figures = await load(page, cdp, () => page.reload());
          await console.logOut();
          return figures;
        },
      };
      return { figures: await inRounds([login, overview], rounds) };
    } finally {
      await console.close();
      await appliance.stop();
    }
  },
});
