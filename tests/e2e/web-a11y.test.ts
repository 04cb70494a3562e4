/** What everybody needs of the web console: axe-core's rules for WCAG 2.2 AA, and pages that fit their window. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsoleInBrowser, languages, openBrowser, themes } from '../support/browser.ts';
import { FakeAppliance } from '../support/fake-appliance.ts';

const widths = [1280, 375];
const looks = themes.flatMap((theme) => languages.map((language) => ({ theme, language })));

describe('the pages of the web console', () => {
  let appliance: FakeAppliance;
  let browser: Browser;
  beforeAll(async () => {
    appliance = await FakeAppliance.start();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await appliance?.stop();
  });

  it.each(looks)(
    'have nothing that axe-core complains of, and fit 1280 and 375 pixels: $theme, $language',
    async (look) => {
      const console = await ConsoleInBrowser.open(browser, { url: appliance.url, ...look });
      const found: string[] = [];
      const check = async (path: string) => {
        for (const width of widths) {
          await console.page.setViewportSize({ width, height: 800 });
          await console.settle();
          for (const line of await console.axe()) found.push(`${path} ${width}: ${line}`);
          for (const line of await console.overflows()) found.push(`${path} ${width}: too wide: ${line}`);
        }
        await console.page.setViewportSize({ width: 1280, height: 800 });
      };
      await console.goTo('/login');
      await check('/login');
      await console.logIn('admin', 'password');
      const paths = await console.pages();
      expect(paths.length).toBeGreaterThanOrEqual(2);
      for (const path of paths) {
        await console.goTo(path);
        await check(path);
      }
      await console.logOut();
      expect([...found, ...console.complaints, ...console.strangers]).toEqual([]);
      await console.close();
    },
    180_000,
  );
});
