/** The web console in a real browser: Debian's chromium, driven by Playwright. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's, and where others put it. */
const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Of a long table: they are made as those before them. */
const furtherRows = 'tbody tr:nth-child(n + 4)';
const colourRules = ['color-contrast', 'link-in-text-block'];

export const languages = ['en', 'ja'] as const;
export const themes = ['light', 'dark'] as const;
export type Language = (typeof languages)[number];
export type Theme = (typeof themes)[number];

/** @throws {Error} that says what to install, when there is none */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? programs.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error('there is no chromium: apt-get install chromium');
  // Containers and root have no sandbox of their own to offer, and little shared memory.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export interface ConsoleOptions {
  /** `https://127.0.0.1:8443` */
  readonly url: string;
  readonly language?: Language;
  readonly theme?: Theme;
  readonly width?: number;
  readonly height?: number;
}

/** A page of the console in a context of its own: nothing is shared with another one. */
export class ConsoleInBrowser {
  readonly page: Page;
  /** What the browser complained of: scripts' errors, and what the content security policy refused. */
  readonly complaints: string[] = [];
  /** Requests to anywhere else than the appliance. */
  readonly strangers: string[] = [];
  readonly #url: string;

  static async open(browser: Browser, options: ConsoleOptions): Promise<ConsoleInBrowser> {
    const { language = 'en', theme = 'light', width = 1280, height = 800 } = options;
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width, height },
      locale: language === 'ja' ? 'ja-JP' : 'en-GB',
      timezoneId: 'Asia/Tokyo',
      colorScheme: theme,
      reducedMotion: 'reduce',
    });
    // A machine that is busy with other tests is slow.
    context.setDefaultTimeout(90_000);
    return new ConsoleInBrowser(await context.newPage(), options.url);
  }

  private constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // A refused login and a missing session are answers, which the browser calls errors as well.
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isAnswer) this.complaints.push(message.text());
    });
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== new URL(url).origin) this.strangers.push(request.url());
    });
  }

  async goTo(path: string): Promise<void> {
    await this.page.goto(new URL(path, this.#url).href);
  }

  /** As the browser or the system asks for it: in place, without a reload. */
  async setTheme(theme: Theme): Promise<void> {
    await this.page.emulateMedia({ colorScheme: theme });
    // Colours change in steps, be they as short as they can.
    await this.page.evaluate(`new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
      .then(() => Promise.all(document.getAnimations().filter(({ transitionProperty }) => transitionProperty)
        .map(({ finished }) => finished.catch(() => undefined)))).then(() => undefined)`);
  }

  /** By a link of the navigation, or of the page's own: without a reload. */
  async follow(path: string): Promise<void> {
    await this.page.locator(`nav a[href="${path}"]`).first().click();
    await this.page.waitForURL((url) => url.pathname === path);
  }

  /** Logs in by the login page, on the way to `path`. */
  async logIn(user: string, password: string, path = '/'): Promise<void> {
    const { page } = this;
    await this.goTo(path);
    await page.locator('input[name=username]').fill(user);
    await page.locator('input[name=password]').fill(password);
    await page.locator('button[type=submit]').click();
    await page.locator('#content h1').waitFor();
  }

  /** By the menu of the user. A session that nobody ends counts against the user's limit. */
  async logOut(): Promise<void> {
    const { page } = this;
    await page.getByRole('banner').locator('button[aria-haspopup=menu]').last().click();
    await page.getByRole('menuitem').last().click();
    await page.waitForURL((url) => url.pathname === '/login');
  }

  /** Nothing loads any more, and what was loaded is on the page. The event stream stays open for ever. */
  async settle(): Promise<void> {
    await this.page.locator('main h1').waitFor();
    await this.page.locator('[data-loading]').first().waitFor({ state: 'detached' });
    await this.page.evaluate('document.fonts.ready.then(() => undefined)');
  }

  /** The paths of all pages, as the navigation has them. Logged in. */
  pages(): Promise<readonly string[]> {
    return this.#linksOf('nav a');
  }

  /** The paths of the parts of the page that is open; of a page without parts there are none. */
  parts(): Promise<readonly string[]> {
    return this.#linksOf('main nav a');
  }

  async #linksOf(selector: string): Promise<readonly string[]> {
    const links = await this.page
      .locator(selector)
      .evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    return links.filter((path) => path !== null);
  }

  /**
   * What axe-core finds against WCAG 2.2 A and AA.
   * @param colours only the rules that another theme could break
   * @returns one line for each finding
   */
  async axe(colours = false): Promise<readonly string[]> {
    if (!(await this.page.evaluate<boolean>('"axe" in window'))) await this.page.evaluate(axeSource);
    const runOnly = colours ? { type: 'rule', values: colourRules } : { type: 'tag', values: tags };
    const options = JSON.stringify({ runOnly, resultTypes: ['violations'] });
    const results = await this.page.evaluate<AxeResults>(
      `axe.run({ exclude: ['${furtherRows}'] }, ${options})`,
    );
    return results.violations.flatMap(({ id, help, nodes }) =>
      nodes.map(
        ({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}\n${failureSummary ?? ''}`,
      ),
    );
  }

  /**
   * What reaches beyond the right edge of the window, or of its card, without a scroll bar of its own. Tables have one as
   * their last resort only: they count.
   * @returns one line for each element
   */
  overflows(): Promise<readonly string[]> {
    return this.page.evaluate(`
      [document.documentElement, ...document.querySelectorAll('main, dialog, main section, :has(> table)')]
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > Math.max(clientWidth, 1))
        .filter((place) => getComputedStyle(place).overflowX !== 'auto' || place.matches('main, dialog, :has(> table)'))
        .flatMap((place) => {
          const { right } = place.getBoundingClientRect();
          return [...place.querySelectorAll('*')]
            .filter((element) => element.getBoundingClientRect().right > right + 1);
        })
        .map(({ tagName, className, textContent }) => tagName + ' ' + className + ' ' + textContent.slice(0, 40))
        .slice(0, 5)
    `);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
