/** What everybody needs of the web console: axe-core's rules for WCAG 2.2 AA, and pages that fit their window. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsoleInBrowser, openBrowser } from '../support/browser.ts';
import { FakeAppliance } from '../support/fake-appliance.ts';

interface Look {
  readonly language: 'en' | 'ja';
  readonly theme: 'light' | 'dark';
  /** The same elements in other colours. */
  readonly other?: 'light' | 'dark';
  /** The wide one last: it has the navigation to go on with. */
  readonly widths: readonly number[];
  /** At which of them axe looks. */
  readonly axeAt: number;
}
const wide: readonly Look[] = [
  { language: 'en', theme: 'light', other: 'dark', widths: [375, 768, 1024, 1280], axeAt: 1280 },
  { language: 'ja', theme: 'dark', other: 'light', widths: [375, 768, 1024, 1280], axeAt: 1280 },
];
/** What only a narrow window has, such as the blocks that tables become, is the same in each language. */
const narrow: Look = { language: 'en', theme: 'dark', widths: [375], axeAt: 375 };

interface Focused {
  readonly name: string;
  /** Inside the window. */
  readonly isSeen: boolean;
  /** Something around it says so: its outline, or a shadow. */
  readonly isMarked: boolean;
}
// What runs in the page is given as text: the tests' own types know no document.
const readFocus = `(async () => {
  const at = document.activeElement;
  if (at === null || at === document.body) return null;
  const isSeen = () => {
    const { left, right, top, bottom, width, height } = at.getBoundingClientRect();
    return width > 0 && height > 0 && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
  };
  // What comes into sight with the focus needs a frame or two.
  for (let i = 0; i < 3 && !isSeen(); i++) await new Promise(requestAnimationFrame);
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
  return {
    name: at.ariaLabel || at.textContent.trim().slice(0, 60) || at.tagName + ' ' + at.id,
    isSeen: isSeen(),
    isMarked: (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none',
  };
})()`;
/** What can be pressed or filled in; of tabs, only the one that is open is a place of Tab. */
const countControls = `[...document.querySelectorAll('a[href], button, input, select, textarea')]
  .filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility()).length`;

/** Of the hardware page: thresholds broken over two lines, and charts whose last time would be cut off at their right edge. */
const cutNumbers = `(() => {
  const context = document.createElement('canvas').getContext('2d');
  const broken = [...document.querySelectorAll('main td [title] > span')]
    .filter((each) => each.getClientRects().length !== 1).map(({ textContent }) => textContent);
  const cut = [...document.querySelectorAll('main .uplot')].filter((chart) => {
    context.font = '11px ' + getComputedStyle(chart.parentElement).fontFamily;
    const room = chart.querySelector('.u-wrap').getBoundingClientRect().right - chart.querySelector('.u-over').getBoundingClientRect().right;
    return room < context.measureText('17:30').width / 2;
  }).map((chart) => chart.closest('section').querySelector('h2').textContent);
  return { charts: document.querySelectorAll('main .uplot').length, broken, cut };
})()`;

describe('the web console', () => {
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

  async function look({ language, theme, other, widths, axeAt }: Look): Promise<void> {
    const console = await ConsoleInBrowser.open(browser, { url: appliance.url, language, theme });
    const found: string[] = [];
    const check = async (name: string) => {
      for (const width of widths) {
        await console.page.setViewportSize({ width, height: 800 });
        await console.settle();
        for (const line of await console.overflows()) found.push(`${name} ${width}: too wide: ${line}`);
        if (width !== axeAt) continue;
        for (const line of await console.axe()) found.push(`${name} ${width} ${theme}: ${line}`);
        if (other === undefined) continue;
        await console.setTheme(other);
        for (const line of await console.axe(true)) found.push(`${name} ${width} ${other}: ${line}`);
        await console.setTheme(theme);
      }
    };
    await console.goTo('/login');
    await check('/login');
    await console.page.setViewportSize({ width: 1280, height: 800 });
    await console.logIn('admin', 'password');
    const checked: string[] = [];
    for (const path of await console.pages()) {
      await console.follow(path);
      await console.settle();
      const parts = await console.parts();
      for (const part of parts.length > 0 ? parts : [path]) {
        await console.follow(part);
        await check(part);
        checked.push(part);
      }
      await console.page.setViewportSize({ width: 1280, height: 800 });
    }
    expect(checked.length).toBeGreaterThanOrEqual(16);
    await console.goTo('/machine/nothing');
    await check('/machine/nothing');
    await console.page.locator('main a[href="/machine/overview"]').click();
    await console.page.waitForURL((url) => url.pathname === '/machine/overview');
    await console.logOut();
    expect([...found, ...console.complaints, ...console.strangers]).toEqual([]);
    await console.close();
  }

  // Two at a time: one source has 20 connections, of which a browser takes up to eight.
  it.concurrent.each(wide)(
    'has nothing on any page that axe-core complains of, light or dark, and fits 1280, 1024, 768 and 375 pixels: $language, axe at $axeAt',
    look,
    600_000,
  );

  it('has nothing on any page that axe-core complains of in a narrow window', () => look(narrow), 600_000);

  it('shows thresholds and the times below charts whole, in each width', async () => {
    const console = await ConsoleInBrowser.open(browser, { url: appliance.url, language: 'ja' });
    await console.logIn('admin', 'password', '/machine/hardware');
    await console.page.locator('.uplot').nth(3).waitFor();
    for (const width of [375, 768, 1280]) {
      await console.page.setViewportSize({ width, height: 800 });
      await console.settle();
      const { charts, broken, cut } = await console.page.evaluate<{
        readonly charts: number;
        readonly broken: readonly string[];
        readonly cut: readonly string[];
      }>(cutNumbers);
      expect({ width, charts, broken, cut }).toEqual({ width, charts: 4, broken: [], cut: [] });
    }
    await console.logOut();
    await console.close();
  }, 600_000);

  it('can be used without a mouse: everything is reached by Tab, seen and marked where it is, and dialogs give the focus back', async () => {
    const console = await ConsoleInBrowser.open(browser, { url: appliance.url });
    const { page } = console;
    const focused = () => page.evaluate<Focused | null>(readFocus);
    await console.goTo('/login');
    await page.locator('input[name=username]:focus').waitFor();
    await page.keyboard.type('admin');
    await page.keyboard.press('Tab');
    await page.keyboard.type('password');
    await page.keyboard.press('Enter');
    await page.locator('#content h1').waitFor();

    const found: string[] = [];
    for (const path of [
      '/machine/overview',
      '/machine/media-boot',
      '/machine/hardware',
      '/machine/logs/events',
      '/machine/settings/users',
    ]) {
      await console.goTo(path);
      await console.settle();
      const reached: string[] = [];
      for (let i = 0; i < 150; i++) {
        await page.keyboard.press('Tab');
        const at = await focused();
        // Behind the last one comes the browser's own window.
        if (at === null) break;
        reached.push(at.name);
        if (!at.isSeen) found.push(`${path}: not seen: ${at.name}`);
        if (!at.isMarked) found.push(`${path}: not marked: ${at.name}`);
      }
      expect(reached[0]).toBe('Skip to the content');
      expect(await focused(), `${path}: no way out, ${reached.length} places`).toBeNull();
      const all = await page.evaluate<number>(countControls);
      expect(reached.length, path).toBeGreaterThanOrEqual(all);
    }
    expect(found).toEqual([]);

    const opener = page.getByRole('button', { name: 'New user' });
    await opener.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').locator('input:focus').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await focused())?.name).toBe('New user');
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await focused())?.name).toBe('New user');
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type('audit');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.pathname === '/machine/logs/audit');
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.waitForURL((url) => url.pathname === '/machine/hardware');
    await console.logOut();
    await console.close();
  }, 600_000);
});
