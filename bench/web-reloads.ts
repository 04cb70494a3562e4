/** What a page leaves behind that is loaded over and over. */
import { run, until } from '../tests/support/processes.ts';
import { ask } from '../tests/support/web-console.ts';
import type { Bench } from './bench.ts';
import { figureOf } from './rounds.ts';
import type { GuestInBrowser } from './web-guest.ts';

const reloads = 50;

export const webReloads = (guest: GuestInBrowser): Bench => ({
  name: 'web-reloads',
  title: `${reloads} reloads of both consoles; ends with an error if a console stays attached`,
  async run() {
    const { appliance, console, page } = await guest.open();
    const authorization = `Basic ${Buffer.from('admin:password').toString('base64')}`;
    const sockets = async () => {
      const args = ['-Htn', 'state', 'established', `sport = :${appliance.redfishPort}`];
      return (await run('ss', args)).stdout.split('\n').filter((line) => line.trim() !== '').length;
    };
    const attached = async () => {
      const { body } = await ask(appliance.redfishPort, 'GET', '/redfish/v1/Systems/1', {
        headers: { authorization },
      });
      const { SerialConsole, GraphicalConsole } = body.Oem.QemuBmc;
      return SerialConsole.Attached.length + GraphicalConsole.Attached.length;
    };
    await console.goTo('/machine/console?view=both');
    // Half of them in the middle of what a page does at first.
    for (let i = 0; i < reloads; i++) {
      await page.reload({ waitUntil: i % 2 === 0 ? 'load' : 'domcontentloaded' });
    }
    await page.getByText('You have control').nth(1).waitFor();
    await until('two consoles are attached', async () => (await attached()) === 2, 10_000);
    const during = await sockets();
    await page.goto('about:blank');
    await until('nobody is attached', async () => (await attached()) === 0, 10_000);
    const figures = {
      'connections of the page after them': figureOf([during]),
      'consoles attached when it has gone': figureOf([await attached()]),
    };
    return { figures: { browser: figures } };
  },
});
