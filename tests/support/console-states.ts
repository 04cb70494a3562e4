/** What a page looks like besides just being there: menus, dialogs, notices, refusals, a lost connection. */
import type { ConsoleInBrowser } from './browser.ts';

export interface State {
  /** Of its pictures: `palette`. */
  readonly name: string;
  /** The page it is a state of. */
  readonly path: string;
  /** From the page as it opens to the state. */
  reach(console: ConsoleInBrowser): Promise<void>;
  /** Puts back what a reload of a page would not. */
  leave?(console: ConsoleInBrowser): Promise<void>;
}

const powerMenu = ({ page }: ConsoleInBrowser) =>
  page.getByRole('banner').locator('button[aria-haspopup=menu]').first().click();
const eventStream = '**/redfish/v1/EventService/SSE**';
const anyEntries = '**/LogServices/**';

export const states: readonly State[] = [
  {
    name: 'palette',
    path: '/machine/overview',
    reach: async ({ page }) => {
      await page.locator('main').focus();
      await page.keyboard.press('Control+k');
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'help',
    path: '/machine/overview',
    reach: async ({ page }) => {
      await page.locator('main').focus();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'menu-power', path: '/machine/overview', reach: powerMenu },
  {
    name: 'menu-user',
    path: '/machine/overview',
    reach: ({ page }) => page.getByRole('banner').locator('button[aria-haspopup=menu]').last().click(),
  },
  {
    name: 'confirm-force-off',
    path: '/machine/overview',
    reach: async (console) => {
      await powerMenu(console);
      await console.page.locator('[role=menuitem][data-danger]').nth(2).click();
      await console.page.getByRole('alertdialog').waitFor();
    },
  },
  {
    name: 'copy-as',
    path: '/machine/media-boot',
    reach: ({ page }) => page.locator('main button[aria-haspopup=menu]').first().click(),
  },
  {
    name: 'insert',
    path: '/machine/media-boot',
    reach: async ({ page }) => {
      await page.locator('main section button').first().click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'new-user',
    path: '/machine/settings/users',
    reach: async ({ page }) => {
      await page.locator('main section header button').first().click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'confirm-factory-reset',
    path: '/machine/settings/maintenance',
    reach: async ({ page }) => {
      await page.locator('main section button').last().click();
      await page.locator('dialog').waitFor();
    },
  },
  {
    name: 'refused',
    path: '/machine/overview',
    reach: async (console) => {
      const { page } = console;
      await page.route('**/redfish/v1/Systems/1', async (route) => {
        if (route.request().method() === 'PATCH') await route.abort();
        else await route.continue();
      });
      await page.getByRole('banner').locator('button[aria-pressed]').click();
      await page.locator('[data-kind=error]').waitFor();
    },
    leave: ({ page }) => page.unroute('**/redfish/v1/Systems/1'),
  },
  {
    name: 'unreadable',
    path: '/machine/logs/sel',
    reach: async ({ page }) => {
      await page.route(anyEntries, (route) => route.abort());
      await page.reload();
      await page.getByRole('alert').first().waitFor({ timeout: 60_000 });
    },
    leave: ({ page }) => page.unroute(anyEntries),
  },
  {
    name: 'reconnecting',
    path: '/machine/console',
    reach: async ({ page }) => {
      for (const each of [eventStream, '**/*Console']) await page.route(each, (route) => route.abort());
      await page.reload();
      await page.locator('section').getByRole('alert').waitFor({ timeout: 60_000 });
    },
    leave: async ({ page }) => {
      for (const each of [eventStream, '**/*Console']) await page.unroute(each);
    },
  },
];
