/**
 * `npm run screenshots`: pictures of every page of the web console, light and dark, wide and narrow, English and Japanese,
 * in build/screenshots/. The appliance runs with the machine in memory, unless QEMU_BMC_URL names another one.
 *   tsx scripts/screenshots.ts [name of a page …]
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConsoleInBrowser, languages, openBrowser, themes } from '../tests/support/browser.ts';
import { FakeAppliance } from '../tests/support/fake-appliance.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = process.env.SCREENSHOTS ?? join(root, 'build/screenshots');
const sizes = [
  { width: 1280, height: 800 },
  { width: 375, height: 812 },
] as const;
const wanted = process.argv.slice(2);
const user = process.env.IPMI_USER ?? 'admin';
const password = process.env.IPMI_PASS ?? 'password';

async function shoot(url: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await openBrowser();
  try {
    for (const theme of themes) {
      for (const size of sizes) {
        for (const language of languages) {
          const console = await ConsoleInBrowser.open(browser, { url, theme, language, ...size });
          const shot = async (name: string) => {
            if (wanted.length > 0 && !wanted.includes(name)) return;
            await console.settle();
            const file = `${name}-${theme}-${size.width}-${language}.png`;
            await console.page.screenshot({ path: join(folder, file), fullPage: true });
            process.stdout.write(`${file}\n`);
          };
          await console.goTo('/login');
          await shot('login');
          await console.logIn(user, password);
          for (const path of await console.pages()) {
            const name = path.slice(path.lastIndexOf('/') + 1);
            if (wanted.length > 0 && !wanted.includes(name)) continue;
            await console.goTo(path);
            await wholePage(console, size);
            await shot(name);
          }
          await console.logOut();
          for (const complaint of [...console.complaints, ...console.strangers]) {
            process.stderr.write(`complaint: ${complaint}\n`);
          }
          await console.close();
        }
      }
    }
  } finally {
    await browser.close();
  }
}

/** The page scrolls inside of the shell: the window is made as high as the page is. */
async function wholePage(console: ConsoleInBrowser, size: (typeof sizes)[number]): Promise<void> {
  await console.page.setViewportSize(size);
  await console.settle();
  const height = await console.page
    .locator('main')
    .evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight);
  await console.page.setViewportSize({ width: size.width, height: size.height + height });
}

const { QEMU_BMC_URL: running } = process.env;
if (running) await shoot(running);
else {
  const own = await FakeAppliance.start();
  try {
    await shoot(own.url);
  } finally {
    await own.stop();
  }
}
