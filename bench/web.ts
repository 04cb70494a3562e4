/**
 * `npm run bench:web`: how the web console feels, in Debian's chromium, with what `npm run build` has made: first paint and
 * readiness on a slow processor, from a key to its echo on the page with a guest behind it, how soon the page shows what
 * others change, a burst of the guest that the page has to take whole, and what reloads leave behind.
 *
 *   npm run bench:web -- [--rounds N] [--keep NAME] [BENCH …]
 *
 * Times depend on the machine. A lost byte or a connection that stays does not: it ends with an error.
 */
import { openBrowser } from '../tests/support/browser.ts';
import { runBenches } from './run-benches.ts';
import { webBurst } from './web-burst.ts';
import { webChanges } from './web-changes.ts';
import { webEcho } from './web-echo.ts';
import { GuestInBrowser } from './web-guest.ts';
import { webPages } from './web-pages.ts';
import { webReloads } from './web-reloads.ts';

const browser = await openBrowser();
const guest = new GuestInBrowser(browser);
try {
  await runBenches('npm run bench:web', [
    webPages(browser),
    webEcho(guest),
    webChanges(guest),
    webBurst(guest),
    webReloads(guest),
  ]);
} finally {
  await guest.stop();
  await browser.close();
}
