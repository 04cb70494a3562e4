/**
 * `npm run screenshots`: pictures of every page of the web console and of what it shows besides, light and dark, wide and
 * narrow, English and Japanese, in build/screenshots/. The appliance runs with the machine in memory, unless QEMU_BMC_URL
 * names another one.
 *   tsx scripts/screenshots.ts [light|dark] [1280|375] [en|ja] [name of a picture …]
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConsoleInBrowser, languages, openBrowser, themes } from '../tests/support/browser.ts';
import { states } from '../tests/support/console-states.ts';
import { FakeAppliance } from '../tests/support/fake-appliance.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = process.env.SCREENSHOTS ?? join(root, 'build/screenshots');
const sizes = [
  { width: 1280, height: 800 },
  { width: 375, height: 812 },
] as const;
const user = process.env.IPMI_USER ?? 'admin';
const password = process.env.IPMI_PASS ?? 'password';

const asked = process.argv.slice(2);
const widths = sizes.map(({ width }) => String(width));
const wanted = <Each extends string>(all: readonly Each[]) => {
  const some = all.filter((each) => asked.includes(each));
  return some.length > 0 ? some : all;
};
const names = asked.filter((word) => ![...themes, ...languages, ...widths].some((each) => each === word));
const isWanted = (name: string) => names.length === 0 || names.includes(name);

async function shoot(url: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await openBrowser();
  try {
    for (const theme of wanted(themes)) {
      for (const width of wanted(widths)) {
        for (const language of wanted(languages)) {
          const size = sizes.find((each) => String(each.width) === width) ?? sizes[0];
          const console = await ConsoleInBrowser.open(browser, { url, theme, language, ...size });
          const shot = async (name: string, fullPage = true) => {
            const file = `${name}-${theme}-${width}-${language}.png`;
            await console.page.screenshot({ path: join(folder, file), fullPage });
            process.stdout.write(`${file}\n`);
          };
          await console.goTo('/login');
          await console.settle();
          if (isWanted('login')) await shot('login');
          await console.logIn(user, password);
          for (const path of await allPaths(console)) {
            const name = path.split('/').slice(2).join('-');
            if (!isWanted(name)) continue;
            await console.goTo(path);
            await wholePage(console, size);
            await shot(name);
          }
          await console.page.setViewportSize(size);
          for (const { name, path, reach, leave } of states) {
            if (!isWanted(name)) continue;
            await console.goTo(path);
            await console.settle();
            await reach(console);
            await shot(name, false);
            await leave?.(console);
          }
          await console.goTo('/machine/overview');
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

/** Of every page and of every part of one. */
async function allPaths(console: ConsoleInBrowser): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const path of await console.pages()) {
    await console.goTo(path);
    await console.settle();
    const parts = await console.parts();
    paths.push(...(parts.length > 0 ? parts : [path]));
  }
  return paths;
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
