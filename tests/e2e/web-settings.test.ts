/**
 * The forms and dialogs of the settings, clicked in a real browser: what is wrong is refused in words and changes nothing,
 * what is right shows in Redfish. The machine is in memory: one appliance, one tab, one test after the other.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../src/http/certificate.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { ConsoleInBrowser, openBrowser } from '../support/browser.ts';
import { FakeAppliance } from '../support/fake-appliance.ts';
import { until } from '../support/processes.ts';
import { ask, logIn } from '../support/web-console.ts';

const root = '/redfish/v1';
const accounts = `${root}/AccountService/Accounts`;
const manager = `${root}/Managers/1`;
const filtering = `${manager}/Oem/QemuBmc/EventFiltering`;
const day = 86_400_000;

describe('the settings of the web console', () => {
  let appliance: FakeAppliance;
  let browser: Browser;
  let console: ConsoleInBrowser;
  let page: Page;
  let port: number;
  let headers: Record<string, string>;

  beforeAll(async () => {
    appliance = await FakeAppliance.start();
    port = Number(new URL(appliance.url).port);
    headers = { 'x-auth-token': (await logIn(port)).token };
    browser = await openBrowser();
    console = await ConsoleInBrowser.open(browser, { url: appliance.url });
    page = console.page;
    await console.logIn('admin', 'password', '/machine/settings/users');
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await appliance?.stop();
  });

  const get = async (path: string) => (await ask(port, 'GET', path, { headers })).body;
  const patch = (path: string, body: object) => ask(port, 'PATCH', path, { headers, body });
  /** A part of the settings, as the list at the side leads to it. */
  const goTo = async (part: string) => {
    await page.getByRole('main').getByRole('link', { name: part, exact: true }).click();
    await page.locator('[data-loading]').first().waitFor({ state: 'detached' });
  };
  const dialog = () => page.getByRole('dialog').or(page.getByRole('alertdialog'));
  const gone = () => dialog().waitFor({ state: 'detached' });
  const button = (name: string, within: Page | Locator = page) =>
    within.getByRole('button', { name, exact: true });
  const save = (within: Page | Locator) => button('Save', within).click();
  const form = (label: string) =>
    page.locator('form').filter({ has: page.getByLabel(label, { exact: true }) });
  /** The notice that something was done. */
  const told = (text: string) => page.getByText(text, { exact: true }).first().waitFor();
  const account = async (name: string) => {
    const { Members } = await get(`${accounts}?$expand=.`);
    return Members.find(({ UserName }: { UserName: string }) => UserName === name);
  };

  it('create a user, and say what is wrong with a name and a password', async () => {
    await button('New user').click();
    await dialog().getByLabel('Name', { exact: true }).fill('no blanks');
    await dialog().getByLabel('New password', { exact: true }).fill('a password that is too long');
    await button('Create', dialog()).click();
    await dialog().getByText('Visible ASCII characters only, without blanks.').waitFor();
    await dialog().locator('input:focus[aria-invalid=true][maxlength="16"]').waitFor();
    await dialog()
      .getByText(/It has 27 bytes/)
      .waitFor();
    await dialog().getByLabel('Name', { exact: true }).fill('clara');
    await dialog().getByLabel('New password', { exact: true }).fill('claras-own');
    await dialog().getByLabel('New password, again').fill('claras-own');
    await dialog().getByLabel('Role').selectOption('Read only');
    await button('Create', dialog()).click();
    await told('User clara is created');
    await gone();
    expect(await account('clara')).toMatchObject({ RoleId: 'ReadOnly', PasswordExpiration: null });
  });

  it('change a role, what a user may log in to, and until when the password is good', async () => {
    await button('Edit clara').click();
    await dialog().getByLabel('Role').selectOption('Operator');
    await dialog().getByLabel('IPMI over LAN').uncheck();
    await dialog().getByLabel('Password expires on').fill('2031-05-04');
    await save(dialog());
    await told('User clara is changed');
    await gone();
    const clara = await account('clara');
    expect(clara).toMatchObject({ RoleId: 'Operator', AccountTypes: ['Redfish', 'HostConsole'] });
    // The browser is in Tokyo.
    expect(Date.parse(clara.PasswordExpiration)).toBe(Date.parse('2031-05-04T00:00:00+09:00'));
    await page.getByText('Password until 4 May 2031').waitFor();
  });

  it('give a user another password, and refuse two that differ', async () => {
    await button('Change the password of clara').click();
    await dialog().getByLabel('New password', { exact: true }).fill('another-one');
    await dialog().getByLabel('New password, again').fill('another-1');
    await dialog().getByText('The two are different.').waitFor();
    await dialog().getByLabel('New password, again').fill('another-one');
    await dialog().locator('button[type=submit]').click();
    await told('The password of clara is changed');
    await gone();
    await logIn(port, 'clara', 'another-one');
    // A new password has its own time.
    expect((await account('clara')).PasswordExpiration).toBeNull();
  });

  it('show the sessions of Redfish and of IPMI, and end them', async () => {
    const client = spawn(
      'ipmitool',
      [
        '-I',
        'lanplus',
        '-H',
        '127.0.0.1',
        '-p',
        String(appliance.ipmiPort),
        '-U',
        'admin',
        '-P',
        'password',
        'shell',
      ],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    try {
      client.stdin.write('mc info\n');
      await goTo('Sessions');
      await button('End the IPMI session of admin').click();
      await button('End', dialog()).click();
      await told('The session has ended');
      await button('End the Redfish session of clara').click();
      await button('End', dialog()).click();
      await gone();
      const timeout = page.getByLabel('Ends when unused for (seconds)');
      await timeout.fill('5');
      await save(form('Ends when unused for (seconds)'));
      await page.getByText('A whole number from 30 to 86400 is wanted.').waitFor();
      expect(await timeout.getAttribute('aria-invalid')).toBe('true');
      expect(await page.locator('input:focus').inputValue()).toBe('5');
      await timeout.fill('900');
      expect(await timeout.getAttribute('aria-invalid')).toBeNull();
      const { Members } = await get(`${root}/SessionService/Sessions?$expand=.`);
      const left = Members.map((each: Record<string, string>) => `${each.SessionType} ${each.UserName}`);
      expect(left.sort()).toEqual(['Redfish admin', 'Redfish admin']);
    } finally {
      client.kill('SIGKILL');
    }
  });

  it('delete a user, after asking', async () => {
    await goTo('Users and roles');
    await button('Delete clara').click();
    await button('Cancel', dialog()).click();
    await gone();
    expect(await account('clara')).toBeDefined();
    await button('Delete clara').click();
    await button('Delete', dialog()).click();
    await told('User clara is deleted');
    expect(await account('clara')).toBeUndefined();
  });

  it('set what wrong passwords lead to and when passwords expire, and show why a value is refused', async () => {
    const policy = form('Lock after (wrong passwords)');
    await policy.getByLabel('Lock after (wrong passwords)').fill('5');
    await policy.getByLabel('Locked for (seconds)').fill('60');
    await policy.getByLabel('Forget wrong ones after (seconds)').fill('120');
    await policy.getByLabel('New passwords expire after (days)').fill('90');
    await save(policy);
    await policy.getByRole('alert').waitFor();
    expect((await get(`${root}/AccountService`)).AccountLockoutThreshold).toBe(0);
    await policy.getByLabel('Forget wrong ones after (seconds)').fill('60');
    await save(policy);
    await told('The policy is saved');
    expect(await get(`${root}/AccountService`)).toMatchObject({
      AccountLockoutThreshold: 5,
      AccountLockoutDuration: 60,
      AccountLockoutCounterResetAfter: 60,
      PasswordExpirationDays: 90,
    });
  });

  it('say why the network cannot be changed, and which of its values are none where it can', async () => {
    await goTo('Network');
    await page
      .getByText(/name its interface in the BMC’s own configuration: BMC_MANAGED_INTERFACE/)
      .waitFor();
    expect(await page.getByLabel('Subnet mask').isDisabled()).toBe(true);
    // There is no interface here that could be changed: a BMC that has one answers so.
    await page.route(`**${manager}`, async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      body.Oem.QemuBmc.NetworkWritable = true;
      await route.fulfill({ response, json: body });
    });
    const bad = ['Address', 'SubnetMask'].map((name) => ({
      MessageId: 'Base.1.22.PropertyValueFormatError',
      Message: `${name} is wrong.`,
      MessageArgs: ['x', name],
      RelatedProperties: [`#/IPv4StaticAddresses/0/${name}`],
    }));
    await page.route(`**${manager}/EthernetInterfaces/1`, (route) =>
      route.request().method() === 'PATCH'
        ? route.fulfill({ status: 400, json: { error: { '@Message.ExtendedInfo': bad } } })
        : route.continue(),
    );
    try {
      await page.reload();
      const address = page.getByLabel('IPv4 address', { exact: true });
      await page.getByLabel('IPv4 address comes from').selectOption('This form');
      await address.fill('999.1.2.3');
      await page.getByLabel('Subnet mask').fill('255.0.255.0');
      await save(page.locator('form').filter({ has: address }));
      await page.getByText('This is no IPv4 address of a host, such as 192.0.2.10.').waitFor();
      await page.getByText('This is no subnet mask, such as 255.255.255.0.').waitFor();
      await page.locator('input:focus[aria-invalid=true]').waitFor();
      expect(await page.locator('input:focus').inputValue()).toBe('999.1.2.3');
      expect(await page.locator('input[aria-invalid=true]').count()).toBe(2);
    } finally {
      await page.unrouteAll();
      await page.reload();
    }
  });

  it('switch IPMI over LAN off, after asking, and on again', async () => {
    await goTo('Network');
    const isOn = async () => (await get(`${manager}/NetworkProtocol`)).IPMI.ProtocolEnabled;
    await button('Disable IPMI over LAN').click();
    await dialog().getByRole('button', { name: 'Disable' }).click();
    await told('IPMI over LAN is disabled');
    expect(await isOn()).toBe(false);
    await button('Enable IPMI over LAN').click();
    await told('IPMI over LAN is enabled');
    expect(await isOn()).toBe(true);
  });

  it('set the restore policy, Serial-over-LAN and what the host may do', async () => {
    await goTo('Power and serial');
    const restore = form('The machine');
    await restore.getByLabel('The machine').selectOption('Is switched on');
    await save(restore);
    await until('it is kept', async () => (await get(`${root}/Systems/1`)).PowerRestorePolicy === 'AlwaysOn');
    const sol = form('Serial-over-LAN is enabled');
    await sol.getByLabel('Serial-over-LAN is enabled').uncheck();
    await save(sol);
    await told('Serial-over-LAN is changed');
    expect((await get(`${manager}/SerialInterfaces/1`)).InterfaceEnabled).toBe(false);
    const kcs = form('Policy');
    await kcs.getByLabel('Policy').selectOption('read-only');
    await save(kcs);
    await told('The policy is in force');
    expect((await get(manager)).Oem.QemuBmc.SystemInterfacePolicy).toBe('read-only');
  });

  it('set alert destinations, policies and filters, and try a destination', async () => {
    await goTo('Event filters');
    await page.getByText(`sent by UDP to port ${appliance.trapPort} of these addresses`).waitFor();
    await button('Edit Destination 1').click();
    await dialog().getByLabel('Address').fill('not an address');
    await save(dialog());
    await dialog().getByRole('alert').waitFor();
    await dialog().getByLabel('Address').fill('127.0.0.1');
    await dialog().getByLabel('Repeats').fill('2');
    await save(dialog());
    await told('Destination 1 is saved');
    await gone();
    expect(await get(`${filtering}/AlertDestinations/1`)).toMatchObject({
      Address: '127.0.0.1',
      RetryCount: 2,
    });
    const trap = createSocket('udp4');
    try {
      const arrived = new Promise<Buffer>((resolve) => trap.once('message', resolve));
      await new Promise<void>((resolve) => trap.bind(appliance.trapPort, '127.0.0.1', resolve));
      await button('Send a test alert to destination 1').click();
      await told('The test alert is sent');
      expect((await arrived).includes('public')).toBe(true);
    } finally {
      trap.close();
    }
    await button('Edit Entry 1').click();
    await dialog().getByLabel('In use').check();
    await save(dialog());
    await told('Entry 1 is saved');
    await gone();
    expect((await get(`${filtering}/AlertPolicies/1`)).Enabled).toBe(true);
    await button('Disable: Filter 1').click();
    await button('Enable: Filter 1').waitFor();
    expect((await get(`${filtering}/EventFilters/1`)).Enabled).toBe(false);
    await button('Edit Filter 1').click();
    await dialog().getByLabel('Offsets').fill('2, 17');
    await dialog().getByText('Numbers from 0 to 15 with commas between, such as 2, 4, 9.').waitFor();
    await dialog().getByLabel('Offsets').fill('2, 4');
    await dialog().getByLabel('Power off').check();
    await save(dialog());
    await told('Filter 1 is saved');
    await gone();
    expect(await get(`${filtering}/EventFilters/1`)).toMatchObject({
      EventOffsets: [2, 4],
      FilterActions: ['PowerOff', 'Alert'],
    });
    const service = form('Filter events');
    await service.getByLabel('Filter events').uncheck();
    await save(service);
    await told('Event filtering is saved');
    expect((await get(filtering)).Enabled).toBe(false);
    await page.setViewportSize({ width: 375, height: 800 });
    expect(await console.axe()).toEqual([]);
    await button('Show 32 unused').click();
    await button('Edit Filter 40').waitFor();
    expect(await console.overflows()).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('make a signing request, and take another certificate but no nonsense', async () => {
    await goTo('Certificate');
    await button('Make a request…').click();
    await dialog().getByLabel('Organization').fill('Lab');
    await dialog().getByLabel('Country').fill('JP');
    await button('Make a request', dialog()).click();
    const request = dialog().getByLabel('Signing request (CSR)');
    await request.waitFor();
    expect(await request.inputValue()).toContain('-----BEGIN CERTIFICATE REQUEST-----');
    await button('Close', dialog()).last().click();
    await gone();
    await button('Replace…').click();
    await dialog().getByLabel('Certificate, PEM').fill('no certificate');
    await button('Replace', dialog()).click();
    await dialog()
      .getByText(/There is no “BEGIN CERTIFICATE”/)
      .waitFor();
    const pair = await makeSelfSigned({
      subject: { commonName: 'settings.example' },
      names: ['localhost', '127.0.0.1'],
      now: Date.now() - 800 * day,
      random: systemRandom(),
    });
    await dialog().getByLabel('Certificate, PEM').fill(`${pair.certificate}\n${pair.key}`);
    await button('Replace', dialog()).click();
    await told('The certificate is in use');
    const { Subject } = await get(`${manager}/NetworkProtocol/HTTPS/Certificates/1`);
    expect(Subject.CommonName).toBe('settings.example');
  });

  it('warn on the overview of a password and of a certificate that expire before long', async () => {
    const own = await account('admin');
    const soon = new Date(Date.now() + 2 * day).toISOString();
    expect((await patch(own['@odata.id'], { PasswordExpiration: soon })).status).toBe(200);
    await console.goTo('/');
    const password = page.getByRole('alert').filter({ hasText: 'Your password expires' });
    await password.waitFor();
    await page.getByText(/The HTTPS certificate expires/).waitFor();
    await password.getByRole('link', { name: 'Change it' }).click();
    await page.waitForURL('**/machine/settings/users');
    expect((await patch(own['@odata.id'], { PasswordExpiration: null })).status).toBe(200);
  });

  it('are beside a serial log that follows what the host says, without being asked again', async () => {
    await console.goTo('/machine/logs/serial');
    const log = page.getByRole('region', { name: 'Output of the host' });
    await log.getByText('fake login:').waitFor();
    const nmi = { headers, body: { ResetType: 'Nmi' } };
    await ask(port, 'POST', `${root}/Systems/1/Actions/ComputerSystem.Reset`, nmi);
    await log.getByText('Uhhuh. NMI received.').waitFor();
    await page.getByRole('searchbox', { name: 'Lines with' }).fill('no such line');
    await page.getByText(/^0 of/).waitFor();
  });

  it('download the configuration, and restore it', async () => {
    await console.goTo('/machine/settings/maintenance');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      button('Download the configuration').click(),
    ]);
    const path = await download.path();
    await patch(`${root}/Systems/1`, { PowerRestorePolicy: 'AlwaysOff' });
    await page.getByLabel('Backup to restore').setInputFiles(path);
    await button('Restore', dialog()).click();
    await until(
      'it is restored',
      async () => (await get(`${root}/Systems/1`)).PowerRestorePolicy === 'AlwaysOn',
    );
    await page.getByLabel('Backup to restore').setInputFiles({
      name: 'wrong.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{"format":"something else"}'),
    });
    await button('Restore', dialog()).click();
    await page
      .getByText(/the document is no "qemu-bmc configuration"/i)
      .first()
      .waitFor();
  });

  it('reset to the defaults only when the name of the machine was typed', async () => {
    await button('Factory reset…').click();
    const reset = button('Factory reset', dialog());
    expect(await reset.isDisabled()).toBe(true);
    const label = await dialog()
      .getByText(/^Type “/)
      .innerText();
    const field = dialog().getByRole('textbox');
    await field.fill('something else');
    expect(await reset.isDisabled()).toBe(true);
    await field.fill(/“(.*)”/.exec(label)?.[1] ?? '');
    await reset.click();
    await until('the settings are as they came', async () => {
      const [system, bmc, filter] = await Promise.all(
        [`${root}/Systems/1`, manager, `${filtering}/EventFilters/1`].map(get),
      );
      return (
        system.PowerRestorePolicy !== 'AlwaysOn' &&
        bmc.Oem.QemuBmc.SystemInterfacePolicy === 'full' &&
        filter.EventOffsets.length === 4
      );
    });
    // Users stay, unless asked for otherwise.
    expect(await account('admin')).toMatchObject({ RoleId: 'Administrator' });
    expect([...console.complaints, ...console.strangers]).toEqual([]);
  });
});
