/** The web console in a real browser, against the real appliance with a guest: one boot, many looks at it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoDir } from '../../src/config/package-paths.ts';
import { Appliance } from '../support/appliance.ts';
import { ConsoleInBrowser, openBrowser } from '../support/browser.ts';
import { litPixels, type Picture, screenText } from '../support/picture.ts';
import { run, until } from '../support/processes.ts';
import { Terminal } from '../support/terminal.ts';
import { ask, logIn } from '../support/web-console.ts';

const noDemo = existsSync(join(demoDir, 'demo.iso')) ? undefined : 'the demo machine is not built';
const system = '/redfish/v1/Systems/1';
const bootMs = 110_000;
/** On a keyboard of the United States. */
const shifted: Readonly<Record<string, string>> = {
  $: 'Shift+Digit4',
  '(': 'Shift+Digit9',
  ')': 'Shift+Digit0',
  '*': 'Shift+Digit8',
  '|': 'Shift+Backslash',
  S: 'Shift+KeyS',
};

interface Drawn {
  readonly width: number;
  readonly height: number;
  /** Three bytes a pixel. */
  readonly base64: string;
}
// What runs in the page is given as text: the tests' own types know no document.
const readCanvas = `(() => {
  const canvas = document.querySelector('section[aria-label=Screen] canvas');
  if (!canvas) return { width: 0, height: 0, base64: '' };
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  let binary = '';
  for (let at = 0; at < data.length; at += 4) binary += String.fromCharCode(data[at], data[at + 1], data[at + 2]);
  return { width, height, base64: btoa(binary) };
})()`;
/** How many colours a PNG has. */
const countColours = `async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  return new Set(new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer)).size;
}`;
describe.skipIf(noDemo)(`the web console${noDemo ? ` [skipped: ${noDemo}]` : ''}`, () => {
  let appliance: Appliance;
  let browser: Browser;
  /** The administrator's tab. */
  let console: ConsoleInBrowser;
  let page: Page;
  let admin: Record<string, string>;
  const opened: ConsoleInBrowser[] = [];

  beforeAll(async () => {
    appliance = await Appliance.start({ VM_CDROM: 'none', VM_MEMORY: '384', POWER_ON_AT_START: 'false' });
    admin = { 'x-auth-token': (await logIn(appliance.redfishPort)).token };
    await appliance.ipmi('user', 'set', 'name', '5', 'reader');
    await appliance.ipmi('user', 'set', 'password', '5', 'readers-own');
    await appliance.ipmi('channel', 'setaccess', '1', '5', 'link=off', 'ipmi=on', 'callin=on', 'privilege=2');
    await appliance.ipmi('user', 'enable', '5');
    await appliance.ipmi('sol', 'payload', 'enable', '1', '5');
    browser = await openBrowser();
    console = await open();
    page = console.page;
  });
  afterAll(async () => {
    await browser?.close();
    await appliance?.stop();
    appliance?.clean();
  });

  const open = async () => {
    const made = await ConsoleInBrowser.open(browser, { url: `https://127.0.0.1:${appliance.redfishPort}` });
    opened.push(made);
    return made;
  };
  const serial = (on: Page = page) => on.getByRole('region', { name: 'Serial console' });
  const screen = (on: Page = page) => on.getByRole('region', { name: 'Screen', exact: true });
  const readSystem = async () => (await ask(appliance.redfishPort, 'GET', system, { headers: admin })).body;
  /** Goes there as the navigation does, without a reload. */
  const goTo = async (title: string) => {
    await page.getByRole('navigation').getByRole('link', { name: title }).click();
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
  };
  /** What the terminal shows. */
  const terminalText = async (on: Page = page) =>
    (await serial(on).locator('.xterm-rows').innerText()).replaceAll('\u00a0', ' ');
  const terminalShows = (wanted: string | RegExp, ms = 15_000) =>
    until(
      `the terminal shows ${wanted}`,
      async () => {
        const text = await terminalText();
        return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
      },
      ms,
      100,
    );
  const typeIntoTerminal = async (text: string) => {
    await serial().locator('textarea').focus();
    await page.keyboard.type(text);
  };
  /** What the browser has drawn of the machine's screen. */
  const drawn = async (): Promise<Picture> => {
    const { width, height, base64 } = await page.evaluate<Drawn>(readCanvas);
    return { width, height, rgb: Buffer.from(base64, 'base64') };
  };
  const screenShows = (wanted: string, ms = 15_000) =>
    until(
      `the screen shows ${wanted}`,
      async () => {
        const picture = await drawn();
        // Between two modes it is of neither.
        if (picture.width !== 720 || picture.height !== 400) return false;
        return screenText(picture).some((line) => line.includes(wanted));
      },
      ms,
      200,
    );
  /** With the keys of a keyboard, one after the other, as a person has to press them. */
  const typeOnScreen = async (text: string) => {
    await screen().locator('canvas').click();
    for (const character of text) {
      const key = shifted[character] ?? (character === '\n' ? 'Enter' : character);
      await page.keyboard.press(key, { delay: 20 });
    }
  };
  /** What the browser saves when somebody `asks` for it. */
  const saved = async (asks: () => Promise<void>) => {
    const [download] = await Promise.all([page.waitForEvent('download'), asks()]);
    return readFileSync(await download.path());
  };
  const isLive = () => page.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });

  it('refuses a wrong password in words, and lets the right one in', async () => {
    await console.goTo('/machine/console?view=both');
    await page.getByLabel('User name').fill('admin');
    await page.locator('input[name=password]').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').waitFor();
    await page.locator('input[name=password]').fill('password');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Console' }).waitFor();
    await isLive();
  });

  it('switches the machine on, and shows it boot on the screen and the serial line', async () => {
    await screen().getByText('The machine is off').waitFor();
    await page
      .getByRole('banner')
      .getByRole('button', { name: /^Power/ })
      .click();
    await page.getByRole('menuitem', { name: /^Power on/ }).click();
    await page.getByRole('banner').getByText('On', { exact: true }).waitFor({ timeout: 20_000 });
    await until('something on the screen', async () => litPixels(await drawn()) > 500, 30_000, 100);
    await terminalShows('demo login:', bootMs);
    await screenShows('demo login:', 30_000);
  });

  it('has a shell on both, and keyboards that reach it', async () => {
    await typeIntoTerminal('root\r');
    await terminalShows('root@demo:~#');
    await typeIntoTerminal('echo typed-on-serial-$((6*7))\r');
    await terminalShows('typed-on-serial-42');
    await typeOnScreen('root\n');
    await screenShows('root@demo:~#');
    await typeOnScreen('echo typed-on-screen-$((6*7)) | tee /dev/ttyS0\n');
    await screenShows('typed-on-screen-42');
    await terminalShows('typed-on-screen-42');
  });

  it('shows the whole of every line of the serial console: 80 columns, longer ones wrapped, and underscores', async () => {
    const size = page.viewportSize();
    const wide = '0'.repeat(79);
    const long = Array.from({ length: 60 }, (_, i) => i + 1).join(',');
    for (const [round, width] of [1280, 375].entries()) {
      await page.setViewportSize({ width, height: 800 });
      // Wrapping is switched off as SeaBIOS does it.
      await typeIntoTerminal(
        `clear; printf '\\033[?7l'; printf '%080d\\n' ${round}; seq -s , 1 60; echo __________; echo end-${round}-$((6*7))\r`,
      );
      await terminalShows(`end-${round}-42`);
      const lines = (await terminalText()).split('\n').map((line) => line.trimEnd());
      expect(lines, `${width} pixels`).toContain(wide + round);
      expect(lines.join(''), `${width} pixels`).toContain(long);
      const underscores = serial()
        .locator('.xterm-rows > div')
        .filter({ hasText: /^_{10}\s*$/ });
      const picture = (await underscores.screenshot()).toString('base64');
      const colours = await page.evaluate<number>(`(${countColours})('${picture}')`);
      expect(colours, `${width} pixels`).toBeGreaterThan(1);
    }
    if (size) await page.setViewportSize(size);
    await typeIntoTerminal('clear\r');
  });

  it('types what is pasted and chosen keys, saves the screen as a picture, and records the session', async () => {
    await serial().getByRole('button', { name: 'Record the session' }).click();
    await screen().getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Paste as keystrokes' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Text').fill('echo pasted-$((6*7)) | tee /dev/ttyS0; cat\n');
    await dialog.getByRole('button', { name: 'Type it' }).click();
    await dialog.waitFor({ state: 'detached' });
    await screenShows('pasted-42');
    await terminalShows('pasted-42');
    await screen().getByRole('button', { name: 'Send keys' }).click();
    await page.getByRole('menuitem', { name: 'F2', exact: true }).click();
    // What the guest's terminal makes of that key.
    await screenShows('^[[[B');

    const picture = await saved(() => screen().getByRole('button', { name: 'Save a screenshot' }).click());
    expect(picture.toString('latin1', 1, 4)).toBe('PNG');
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([720, 400]);
    await screen().locator('canvas').click();
    await page.keyboard.press('Control+c');

    const recording = await saved(() =>
      serial().getByRole('button', { name: 'Stop and save the recording' }).click(),
    );
    const [head, ...events] = recording
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(head).toMatchObject({ version: 2, width: expect.any(Number), height: expect.any(Number) });
    const times = events.map(([seconds]) => seconds);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    const output = events.filter(([, code]) => code === 'o').map(([, , text]) => text);
    expect(output.join('')).toContain('pasted-42');
  });

  it('opens a console in a window of its own, where control is taken over and given back', async () => {
    await serial().getByRole('button', { name: 'More' }).click();
    const [popup] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('menuitem', { name: 'Open in a window of its own' }).click(),
    ]);
    const watches = /^Watching: .*admin.* has control$/;
    await serial(popup).getByText(watches).waitFor();
    expect(await popup.getByRole('navigation').count()).toBe(0);
    await serial(popup).getByRole('button', { name: 'Take control' }).click();
    await serial(popup).getByText('You have control').waitFor();
    await serial().getByText(watches).waitFor();
    await typeIntoTerminal('refused');
    await serial(popup).locator('textarea').focus();
    await popup.keyboard.type('echo popped-$((6*7))\r');
    await terminalShows('popped-42');
    expect(await terminalText()).not.toContain('refused');
    await serial(popup).getByRole('button', { name: 'Release control' }).click();
    await serial().getByRole('button', { name: 'Take control' }).click();
    await serial().getByText('You have control').waitFor();
    await popup.close();
  });

  it('leaves a console by the keyboard, although every other key is the machine’s', async () => {
    const focused = () =>
      page.evaluate<string>(
        'document.activeElement.closest("section")?.ariaLabel + " " + document.activeElement.tagName',
      );
    await serial().locator('textarea').focus();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Serial console TEXTAREA');
    await page.keyboard.press('Control+Alt+Home');
    expect(await focused()).toBe('Serial console BUTTON');
    await screen().locator('canvas').click();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Screen CANVAS');
    await page.keyboard.press('Control+Alt+Home');
    expect(await focused()).toBe('Screen BUTTON');
    // No modifier is held on the machine's keyboard.
    await typeOnScreen('clear; echo left-$((6*7))\n');
    await screenShows('left-42');
  });

  it('shows by itself what others have changed', async () => {
    const identify = page.getByRole('banner').getByRole('button', { name: /identify/i });
    const isPressed = (wanted: boolean) =>
      until(
        `the light is ${wanted}`,
        async () => (await identify.getAttribute('aria-pressed')) === `${wanted}`,
        5000,
        20,
      );
    const patched = await ask(appliance.redfishPort, 'PATCH', system, {
      headers: admin,
      body: { LocationIndicatorActive: true },
    });
    expect(patched.status).toBe(200);
    await isPressed(true);
    await appliance.ipmi('chassis', 'identify', '0');
    await isPressed(false);
  });

  it('shows the screen small on the overview, and copies lines that do in a shell what the page does', async () => {
    await goTo('Overview');
    for (const name of ['Open screen', 'Open serial console'])
      expect(await page.getByRole('link', { name, exact: true }).count(), name).toBe(1);
    const small = page.getByRole('img', { name: 'What the machine’s screen shows now' });
    const sizeOf = 'document.querySelector("main img").naturalWidth';
    await small.waitFor();
    await until('the picture is there', async () => (await page.evaluate<number>(sizeOf)) === 720, 10_000);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const boot = page.getByRole('region', { name: 'Next boot' });
    for (const [tool, label, target] of [
      ['curl', 'CD or DVD', 'Cd'],
      ['ipmitool', 'Network (PXE)', 'Pxe'],
    ] as const) {
      await boot.getByLabel('Boot from').selectOption({ label });
      await boot.getByRole('button', { name: 'Copy as' }).click();
      await page.getByRole('menuitem', { name: new RegExp(`^Copy as ${tool}`) }).click();
      // The browser writes its clipboard when it gets to it.
      const line = await until(
        `the clipboard has a line for ${tool}`,
        async () => {
          const text = await page.evaluate<string>('navigator.clipboard.readText()');
          return text.startsWith(tool) ? text : undefined;
        },
        15_000,
        100,
      );
      await boot.getByRole('button', { name: 'Revert' }).click();
      const shell = new Terminal('sh', ['-c', line]);
      await shell.expect(/assword/);
      shell.type('password\n');
      expect(await shell.exited(), shell.output).toBe(0);
      expect((await readSystem()).Boot.BootSourceOverrideTarget).toBe(target);
      await until(
        'the page shows it',
        async () => (await boot.getByLabel('Boot from').inputValue()) === target,
        5000,
      );
    }
    const Boot = { BootSourceOverrideEnabled: 'Disabled' };
    await ask(appliance.redfishPort, 'PATCH', system, { headers: admin, body: { Boot } });
    await goTo('Console');
    await terminalShows('root@demo:~#');
  });

  it('does nothing that the guest’s bytes and strings ask of it', async () => {
    const title = await page.title();
    const hostile = [
      '\\033]0;pwned\\007', // the window's title
      '\\033]52;c;cHduZWQ=\\007', // the clipboard
      '\\033]8;;javascript:document.title="pwned"\\033\\\\click me\\033]8;;\\033\\\\',
      '\\033[21t\\033[c\\033[5n\\033P$qm\\033\\\\\\033[?1337h\\033[8;1;1t', // questions, a window of one character
      '<img src=x onerror=document.title=\\"pwned\\">',
    ];
    await typeIntoTerminal(`clear; printf '${hostile.join('')}'; echo; echo all $((1+1)) said\r`);
    await terminalShows('all 2 said');
    expect(await page.title()).toBe(title);
    await typeIntoTerminal('\x03\r');
    // Links that the guest makes lead nowhere.
    await serial().getByText('click me').click({ force: true });
    expect(await page.locator('img[src=x]').count()).toBe(0);
    expect(page.context().pages()).toHaveLength(1);
    const asset = '<img src=x onerror=document.title="pwned">';
    const patched = await ask(appliance.redfishPort, 'PATCH', system, {
      headers: admin,
      body: { AssetTag: asset },
    });
    expect(patched.status).toBe(200);
    await goTo('Overview');
    await page
      .getByRole('log', { name: /last lines/ })
      .getByText('<img src=x')
      .waitFor();
    expect(await page.locator('img[src=x]').count()).toBe(0);
    // The name of the machine is text in the title as well.
    expect(await page.title()).toBe(`Overview · ${asset}`);
    await goTo('Console');
    await terminalShows('all 2 said');
  });

  it('comes back by itself after a restart of the BMC: live, with both consoles, as the same session', async () => {
    const { bmc, qemu } = appliance.status();
    await typeIntoTerminal('\x03\recho before-$((1+1))\r');
    await terminalShows('before-2');
    process.kill(bmc, 'SIGKILL');
    await serial().getByText('Lost; connecting again').waitFor({ timeout: 10_000 });
    await until('another BMC is there', () => appliance.status().bmc !== bmc, 30_000);
    const at = Date.now();
    await Promise.all([
      isLive(),
      serial().getByText('You have control').waitFor({ timeout: 20_000 }),
      screen().getByText('You have control').waitFor({ timeout: 20_000 }),
    ]);
    process.stdout.write(`all back ${Date.now() - at} ms after the new BMC’s process\n`);
    expect(appliance.status().qemu).toBe(qemu);
    expect(new URL(page.url()).pathname).toBe('/machine/console');
    await typeIntoTerminal('echo after-$((1+1))\r');
    await terminalShows('after-2');
    await typeOnScreen('clear; echo screen-after-$((6*7))\n');
    await screenShows('screen-after-42');
    // The cookie outlives it as well.
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Console' }).waitFor();
    await isLive();
  });

  it('lets a read-only user look, and nothing more', async () => {
    const other = await open();
    await other.logIn('reader', 'readers-own', '/machine/console?view=both');
    await serial(other.page).getByText('Read-only').waitFor();
    await screen(other.page).getByText('Read-only').waitFor();
    await serial(page).getByText('1 other').waitFor();
    await serial(other.page).locator('textarea').focus();
    await other.page.keyboard.type('not for the host');
    await other.page
      .getByRole('banner')
      .getByRole('button', { name: /^Power/ })
      .click();
    for (const item of await other.page.getByRole('menuitem').all()) {
      expect(await item.getAttribute('aria-disabled'), await item.innerText()).toBe('true');
    }
    await other.page.keyboard.press('Escape');
    expect(await terminalText(other.page)).not.toContain('not for the host');
    expect((await readSystem()).Oem.QemuBmc.SerialConsole.Attached).toHaveLength(2);
    await other.logOut();
    await other.close();
    await serial(page).getByText('1 other').waitFor({ state: 'detached' });
  });

  it('changes a user, whose rights are others at once for every face', async () => {
    await goTo('Settings');
    await page.getByRole('link', { name: 'Users and roles' }).click();
    await page.getByRole('button', { name: 'Edit reader' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Role').selectOption({ label: 'Operator' });
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('User reader is changed').first().waitFor();
    expect(await appliance.ipmi('user', 'list', '1')).toMatch(/^5\s+reader\s.*OPERATOR\s*$/m);
    const row = page.getByRole('row', { name: /reader/ });
    await row.getByText('Operator').waitFor();
    await appliance.ipmi('user', 'priv', '5', '2', '1');
    await row.getByText('Read only').waitFor({ timeout: 5000 });
  });

  it('puts an ISO image into the drive, boots from it, and shows the entry of the SEL that came of it', async () => {
    await goTo('Media & boot');
    const drive = page.getByRole('region', { name: 'Virtual CD' });
    await drive.getByRole('button', { name: 'From a URL' }).click();
    const asked = page.getByRole('dialog');
    const topOf = async (label: string) => (await asked.getByLabel(label, { exact: true }).boundingBox())?.y;
    expect(await topOf('Password')).toBe(await topOf('User name'));
    await asked.getByRole('button', { name: 'Cancel' }).click();
    await asked.waitFor({ state: 'detached' });
    await drive.getByRole('button', { name: 'From this computer' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('input[type=file]').setInputFiles(join(demoDir, 'demo.iso'));
    await dialog.getByRole('button', { name: 'Upload and insert' }).click();
    await drive.getByText('Inserted', { exact: true }).waitFor({ timeout: 60_000 });
    const boot = page.getByRole('region', { name: 'Next boot' });
    await boot.getByLabel('Boot from').selectOption({ label: 'CD or DVD' });
    await boot.getByRole('button', { name: 'Apply' }).click();
    await boot.getByText('Override: once').waitFor();
    await page
      .getByRole('banner')
      .getByRole('button', { name: /^Power/ })
      .click();
    await page.getByRole('menuitem', { name: /^Reset/ }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Reset', exact: true }).click();
    await until(
      'the guest of the CD is ready',
      () => /demo: ready boot=cdrom/.test(appliance.serialLog()),
      bootMs,
      200,
    );
    await boot.getByText('Override: once').waitFor({ state: 'detached' });
    await goTo('Logs');
    await page.getByRole('link', { name: 'System event log' }).click();
    for (const text of ['Sensor Virtual Media: device installed', 'Sensor System Boot: hard reset']) {
      await page.getByRole('row').filter({ hasText: text }).first().waitFor();
    }
    await goTo('Console');
    await terminalShows('demo login:');
  });

  it('leaves no socket behind after 50 reloads', async () => {
    const sockets = async () => {
      const { stdout } = await run('ss', [
        '-Htn',
        'state',
        'established',
        `sport = :${appliance.redfishPort}`,
      ]);
      return stdout.split('\n').filter((line) => line.trim() !== '').length;
    };
    const attached = async () => {
      const { SerialConsole, GraphicalConsole } = (await readSystem()).Oem.QemuBmc;
      return [SerialConsole.Attached.length, GraphicalConsole.Attached.length];
    };
    await console.goTo('/machine/console?view=both');
    for (let i = 0; i < 50; i++) {
      // Some of them in the middle of what a page does at first.
      await page.reload({ waitUntil: i % 2 === 0 ? 'load' : 'domcontentloaded' });
    }
    await serial().getByText('You have control').waitFor();
    await screen().getByText('You have control').waitFor();
    await until('only this page is attached', async () => String(await attached()) === '1,1', 5000);
    const during = await sockets();
    // Two consoles, and what a browser has open to one host at most.
    expect(during).toBeLessThanOrEqual(8);
    await page.goto('about:blank');
    await until('nobody is attached', async () => String(await attached()) === '0,0', 5000);
    await console.goTo('/machine/console?view=both');
    await isLive();
    const sessions = await ask(appliance.redfishPort, 'GET', '/redfish/v1/SessionService/Sessions', {
      headers: admin,
    });
    expect(sessions.body['Members@odata.count']).toBe(2);
    process.stdout.write(`${during} connections after 50 reloads\n`);
  });

  it('has kept to its content security policy and to its own origin all the time', () => {
    for (const { complaints, strangers } of opened) {
      // While the BMC is away, the browser says so.
      expect(complaints.filter((each) => !each.includes('WebSocket connection to'))).toEqual([]);
      expect(strangers).toEqual([]);
    }
  });
});
