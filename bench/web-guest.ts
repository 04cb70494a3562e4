/** One guest and one tab with its serial console, for all benchmarks that want them: booted when the first one asks. */
import type { Browser, Page } from 'playwright-core';
import { Appliance } from '../tests/support/appliance.ts';
import { ConsoleInBrowser } from '../tests/support/browser.ts';
import { until } from '../tests/support/processes.ts';

export class GuestInBrowser {
  readonly #browser: Browser;
  #opened: Promise<OpenedGuest> | undefined;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Logged in as root on the serial console. */
  open(): Promise<OpenedGuest> {
    this.#opened ??= OpenedGuest.boot(this.#browser);
    return this.#opened;
  }

  async stop(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.stop();
  }
}

export class OpenedGuest {
  readonly appliance: Appliance;
  readonly console: ConsoleInBrowser;

  static async boot(browser: Browser): Promise<OpenedGuest> {
    const appliance = await Appliance.start({ VM_CDROM: 'none', VM_MEMORY: '384' });
    try {
      const url = `https://127.0.0.1:${appliance.redfishPort}`;
      const guest = new OpenedGuest(appliance, await ConsoleInBrowser.open(browser, { url }));
      await guest.console.logIn('admin', 'password', '/machine/console?view=serial');
      await guest.shows('demo login:', 120_000);
      await guest.type('root\r');
      await guest.shows('root@demo', 20_000);
      return guest;
    } catch (error) {
      await appliance.stop();
      appliance.clean();
      throw error;
    }
  }

  private constructor(appliance: Appliance, console: ConsoleInBrowser) {
    this.appliance = appliance;
    this.console = console;
  }

  get page(): Page {
    return this.console.page;
  }

  async type(text: string): Promise<void> {
    await this.page.locator('.xterm textarea').focus();
    await this.page.keyboard.type(text);
  }

  async shows(wanted: string, ms: number): Promise<void> {
    const rows = this.page.locator('.xterm-rows');
    const isThere = async () => (await rows.innerText()).replaceAll('\u00a0', ' ').includes(wanted);
    await until(`the terminal shows ${wanted}`, isThere, ms, 250);
  }

  async stop(): Promise<void> {
    await this.appliance.stop();
    this.appliance.clean();
  }
}
