/** The boot override and the boot order as automation sets them, beside what IPMI reads and what the machine does. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BootCertificates } from '../../../src/bmc/trusted-certificates.ts';
import { BootOptions } from '../../../src/ipmi/boot-options.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';

const uri = '/redfish/v1/Systems/1';
const actor = { name: 'bench', face: 'bmc' } as const;

let bench: RedfishBench;
let ipmi: BootOptions;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
  ipmi = new BootOptions(bench.bmc);
});
afterEach(() => bench.stop());

const boot = async () => (await bench.ask('GET', uri)).body.Boot;
const patch = (Boot: object) => bench.ask('PATCH', uri, { body: { Boot } });
/** What is read back after a change that must be taken. */
async function set(change: object): Promise<readonly [enabled: string, target: string, mode: string]> {
  const { status, body } = await patch(change);
  expect([status, body['@Message.ExtendedInfo']], JSON.stringify(body)).toEqual([200, undefined]);
  const { BootSourceOverrideEnabled, BootSourceOverrideTarget, BootSourceOverrideMode } = await boot();
  return [BootSourceOverrideEnabled, BootSourceOverrideTarget, BootSourceOverrideMode];
}
async function start(action: 'on' | 'reset' = 'on'): Promise<void> {
  bench.bmc.power.request(action, actor);
  await bench.clock.advanceAsync(2_000, 100);
}

describe('the boot override', () => {
  it('reads back at once as it was set, as IPMI reads it, and the next boot follows it', async () => {
    expect(await set({ BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' })).toEqual([
      'Once',
      'Pxe',
      'Legacy',
    ]);
    expect(ipmi.flags).toMatchObject({
      how: { valid: true, persistent: false, efi: false },
      device: { selector: 'pxe' },
    });
    await start();
    expect(bench.machine.boots).toEqual([{ target: 'pxe', persistent: false }]);
    expect(await boot()).toMatchObject({
      BootSourceOverrideEnabled: 'Disabled',
      BootSourceOverrideTarget: 'None',
    });
    expect(ipmi.flags.how.valid).toBe(false);
  });

  it('shows what IPMI has set', async () => {
    const { flags } = ipmi;
    const how = { ...flags.how, valid: true, persistent: true, efi: true };
    ipmi.setFlags({ ...flags, how, device: { ...flags.device, selector: 'cdrom' } }, actor);
    expect(await boot()).toMatchObject({
      BootSourceOverrideEnabled: 'Continuous',
      BootSourceOverrideTarget: 'Cd',
      BootSourceOverrideMode: 'UEFI',
    });
  });

  it('stays enabled as it is when only the target changes, and is for once when there was none', async () => {
    expect(await set({ BootSourceOverrideTarget: 'Hdd' })).toEqual(['Once', 'Hdd', 'Legacy']);
    await set({ BootSourceOverrideEnabled: 'Continuous' });
    expect(await set({ BootSourceOverrideTarget: 'Pxe' })).toEqual(['Continuous', 'Pxe', 'Legacy']);
  });

  it.each([
    [{ BootSourceOverrideEnabled: 'Disabled' }],
    [{ BootSourceOverrideTarget: 'None' }],
    [{ BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None' }],
    [{ BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'None' }],
  ])('is gone after %j', async (change) => {
    await set({ BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Continuous' });
    expect(await set(change)).toEqual(['Disabled', 'None', 'Legacy']);
    expect(bench.bmc.boot.override).toBeUndefined();
  });

  it('has a mode of its own when one comes with it, after which the machine is what it was', async () => {
    const change = {
      BootSourceOverrideTarget: 'Cd',
      BootSourceOverrideEnabled: 'Once',
      BootSourceOverrideMode: 'UEFI',
    };
    expect(await set(change)).toEqual(['Once', 'Cd', 'UEFI']);
    expect(ipmi.flags.how.efi).toBe(true);
    await start();
    await start('reset');
    expect(bench.machine.firmwares).toEqual(['uefi', 'bios']);
  });

  it('leaves a mode that comes alone to the machine, for good, and reads it back before any boot', async () => {
    expect(await set({ BootSourceOverrideMode: 'UEFI' })).toEqual(['Disabled', 'None', 'UEFI']);
    expect(await set({ BootSourceOverrideTarget: 'Pxe' })).toEqual(['Once', 'Pxe', 'UEFI']);
    await start();
    await start('reset');
    expect(bench.machine.firmwares).toEqual(['uefi', 'uefi']);
    await set({
      BootSourceOverrideTarget: 'Pxe',
      BootSourceOverrideEnabled: 'Continuous',
      BootSourceOverrideMode: 'UEFI',
    });
    expect(await set({ BootSourceOverrideMode: 'Legacy' })).toEqual(['Continuous', 'Pxe', 'Legacy']);
    await start('reset');
    expect(bench.machine.firmwares.at(-1)).toBe('bios');
  });

  it('offers what the machine has and nothing else', async () => {
    const allowed = async () => (await boot())['BootSourceOverrideTarget@Redfish.AllowableValues'];
    expect(await allowed()).toEqual(['None', 'Pxe', 'Hdd', 'Cd', 'BiosSetup', 'UefiHttp', 'UefiShell']);
    for (const target of ['Usb', 'Floppy', 'UefiTarget', 'UefiBootNext', 'SDCard', 'pxe', '']) {
      const { status, body } = await patch({ BootSourceOverrideTarget: target });
      expect([target, status]).toEqual([target, 400]);
      const [told] = body.error['@Message.ExtendedInfo'];
      expect(told.MessageId).toMatch(/PropertyValueNotInList$/);
      expect(told.RelatedProperties).toEqual(['#/Boot/BootSourceOverrideTarget']);
    }
    expect(bench.bmc.boot.override).toBeUndefined();
    bench.machine.devices = [...bench.machine.devices, { id: 'stick', kind: 'usb' }];
    expect(await allowed()).toContain('Usb');
    expect(await set({ BootSourceOverrideTarget: 'Usb' })).toEqual(['Once', 'Usb', 'Legacy']);
  });

  it('lists what IPMI has set beside it, so that what was read can be written back', async () => {
    const allowed = async () => (await boot())['BootSourceOverrideTarget@Redfish.AllowableValues'];
    const { flags } = ipmi;
    const how = { ...flags.how, valid: true };
    ipmi.setFlags({ ...flags, how, device: { ...flags.device, selector: 'floppy' } }, actor);
    const { BootSourceOverrideTarget: target, BootSourceOverrideEnabled: enabled } = await boot();
    expect(target).toBe('Floppy');
    expect(await allowed()).toContain('Floppy');
    expect(await set({ BootSourceOverrideTarget: target, BootSourceOverrideEnabled: enabled })).toEqual([
      'Once',
      'Floppy',
      'Legacy',
    ]);
    expect(await set({ BootSourceOverrideTarget: 'Pxe' })).toEqual(['Once', 'Pxe', 'Legacy']);
    expect(await allowed()).not.toContain('Floppy');
  });

  it('is told alike over IPMI whether target and mode come together or one by one', async () => {
    await set({ BootSourceOverrideTarget: 'Hdd', BootSourceOverrideEnabled: 'Once' });
    expect(await set({ BootSourceOverrideMode: 'UEFI' })).toEqual(['Once', 'Hdd', 'UEFI']);
    const oneByOne = ipmi.flags;
    expect(oneByOne.how).toMatchObject({ valid: true, efi: true });
    await set({ BootSourceOverrideEnabled: 'Disabled' });
    await set({
      BootSourceOverrideTarget: 'Hdd',
      BootSourceOverrideEnabled: 'Once',
      BootSourceOverrideMode: 'UEFI',
    });
    expect(ipmi.flags).toEqual(oneByOne);
  });

  it('is not enabled without a target, and a body that is half wrong changes nothing of it', async () => {
    expect((await patch({ BootSourceOverrideEnabled: 'Once' })).status).toBe(400);
    const both = await patch({ BootSourceOverrideTarget: 'Pxe', BootOrder: ['nowhere'] });
    expect(both.status).toBe(400);
    expect(bench.bmc.boot.override).toBeUndefined();
  });

  it('that IPMI has set for a minute still ends when only the order or an address changes, and no more once Redfish names it', async () => {
    const { flags } = ipmi;
    const byIpmi = () => {
      const how = { ...flags.how, valid: true };
      ipmi.setFlags({ ...flags, how, device: { ...flags.device, selector: 'pxe' } }, actor);
    };
    byIpmi();
    await patch({ BootOrder: ['cd0', 'disk0', 'nic0'], HttpBootUri: 'http://a/b' });
    await bench.clock.advanceAsync(61_000, 1_000);
    expect((await boot()).BootSourceOverrideTarget).toBe('None');
    byIpmi();
    await set({ BootSourceOverrideTarget: 'Pxe' });
    await bench.clock.advanceAsync(61_000, 1_000);
    expect((await boot()).BootSourceOverrideTarget).toBe('Pxe');
  });

  it('is set by operators, and not by readers', async () => {
    const body = { Boot: { BootSourceOverrideTarget: 'Pxe' } };
    expect((await bench.ask('PATCH', uri, { body, as: 'reader' })).status).toBe(403);
    expect((await bench.ask('PATCH', uri, { body, as: 'operator' })).status).toBe(200);
  });
});

const shell = { id: 'Boot0003', name: 'Shell', enabled: true, path: 'Fv(1)/FvFile(2)' };
const disk = { id: 'Boot0001', name: 'UEFI Disk', enabled: false, path: 'PciRoot(0x0)/Pci(0x2,0x0)' };

describe('an override that only UEFI knows', () => {
  const address = 'http://10.0.0.1:8080/deploy.efi';

  it('boots by UEFI from an address, once, which stays to be read', async () => {
    const change = {
      BootSourceOverrideTarget: 'UefiHttp',
      BootSourceOverrideEnabled: 'Once',
      HttpBootUri: address,
    };
    expect(await set(change)).toEqual(['Once', 'UefiHttp', 'UEFI']);
    expect(await boot()).toMatchObject({ HttpBootUri: address });
    // IPMI has no selector for it: a valid boot by UEFI, of no device that it knows.
    expect(ipmi.flags).toMatchObject({
      how: { valid: true, persistent: false, efi: true },
      device: { selector: 'none' },
    });
    await start();
    expect(bench.machine.boots).toEqual([
      { target: 'uefi-http', persistent: false, firmware: 'uefi', choice: address },
    ]);
    expect(bench.machine.firmwares).toEqual(['uefi']);
    expect(await boot()).toMatchObject({
      BootSourceOverrideTarget: 'None',
      BootSourceOverrideMode: 'Legacy',
      HttpBootUri: address,
    });
  });

  it('takes an address that comes alone, before it or after it, and none at all', async () => {
    await set({ HttpBootUri: address });
    expect(bench.bmc.boot.override).toBeUndefined();
    await set({ BootSourceOverrideTarget: 'UefiHttp', BootSourceOverrideEnabled: 'Continuous' });
    await start();
    await set({ HttpBootUri: 'https://boot.example/b.iso' });
    await start('reset');
    await set({ HttpBootUri: null });
    expect(await boot()).toMatchObject({ HttpBootUri: null, BootSourceOverrideTarget: 'UefiHttp' });
    await start('reset');
    expect(bench.machine.boots.map((each) => each?.choice)).toEqual([
      address,
      'https://boot.example/b.iso',
      undefined,
    ]);
  });

  it.each([
    'ftp://10.0.0.1/x',
    'http://',
    'http://a b/',
    'http://a/\u0000',
    'http://a/\r\nHost: b',
    'http://user:secret@a/x',
    'http://bücher.example/x',
    'http://a:99999/',
    `http://a/${'x'.repeat(1024)}`,
    '',
  ])('does not take the address %j', async (HttpBootUri) => {
    const { status, body } = await patch({ BootSourceOverrideTarget: 'UefiHttp', HttpBootUri });
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining('#/Boot/HttpBootUri')]);
    expect(bench.bmc.boot.override).toBeUndefined();
    expect(bench.bmc.boot.choices).toEqual({});
  });

  it('is not made by legacy firmware, and takes the place of a legacy override', async () => {
    const both = { BootSourceOverrideTarget: 'UefiShell', BootSourceOverrideMode: 'Legacy' };
    const refused = await patch(both);
    expect(refused.status).toBe(400);
    expect(refused.body.error['@Message.ExtendedInfo'][0].RelatedProperties).toEqual([
      '#/Boot/BootSourceOverrideMode',
    ]);
    await set({ BootSourceOverrideTarget: 'Pxe', BootSourceOverrideMode: 'Legacy' });
    expect(await set({ BootSourceOverrideTarget: 'UefiShell' })).toEqual(['Once', 'UefiShell', 'UEFI']);
    expect((await patch({ BootSourceOverrideMode: 'Legacy' })).status).toBe(400);
    expect(await set({})).toEqual(['Once', 'UefiShell', 'UEFI']);
  });

  it('names one of the firmware’s own entries, which are boot options behind the devices', async () => {
    bench.machine.bootEntries = [disk, shell];
    const { body } = await bench.ask('GET', `${uri}/BootOptions`);
    expect(
      body.Members.map((member: { '@odata.id': string }) => member['@odata.id'].split('/').pop()),
    ).toEqual(['disk0', 'cd0', 'nic0', 'Boot0001', 'Boot0003']);
    expect((await bench.ask('GET', `${uri}/BootOptions/Boot0001`)).body).toMatchObject({
      BootOptionReference: 'Boot0001',
      DisplayName: 'UEFI Disk',
      BootOptionEnabled: false,
      UefiDevicePath: disk.path,
    });
    expect(await boot()).toMatchObject({
      BootOrder: ['disk0', 'cd0', 'nic0'],
      'UefiTargetBootSourceOverride@Redfish.AllowableValues': [disk.path, shell.path],
    });
    await set({ BootSourceOverrideTarget: 'UefiTarget', UefiTargetBootSourceOverride: shell.path });
    await start();
    await set({ BootSourceOverrideTarget: 'UefiBootNext', BootNext: 'Boot0001' });
    await start('reset');
    expect(bench.machine.boots.map((each) => [each?.target, each?.choice])).toEqual([
      ['uefi-target', shell.path],
      ['uefi-boot-next', 'Boot0001'],
    ]);
  });

  it.each([
    [{ BootSourceOverrideTarget: 'UefiTarget' }, 'BootSourceOverrideTarget'],
    [{ BootSourceOverrideTarget: 'UefiBootNext', BootNext: null }, 'BootSourceOverrideTarget'],
    [{ BootSourceOverrideTarget: 'UefiBootNext', BootNext: 'Boot0009' }, 'BootNext'],
    [{ UefiTargetBootSourceOverride: 'Pci(0x9,0x0)' }, 'UefiTargetBootSourceOverride'],
  ])('is refused without an entry that is there: %j', async (change, name) => {
    bench.machine.bootEntries = [disk, shell];
    const { status, body } = await patch(change);
    expect([status, body.error['@Message.ExtendedInfo'][0].RelatedProperties]).toEqual([
      400,
      [`#/Boot/${name}`],
    ]);
    expect(bench.bmc.boot.override).toBeUndefined();
  });

  it('outlives IPMI’s flags when they are written back as they were read, and no others', async () => {
    await set({ BootSourceOverrideTarget: 'UefiShell', BootSourceOverrideEnabled: 'Continuous' });
    ipmi.setFlags(ipmi.flags, actor);
    expect(await set({})).toEqual(['Continuous', 'UefiShell', 'UEFI']);
    const { flags } = ipmi;
    ipmi.setFlags({ ...flags, device: { ...flags.device, selector: 'pxe' } }, actor);
    expect(await set({})).toEqual(['Continuous', 'Pxe', 'UEFI']);
  });
});

describe('whom firmware trusts at HTTPS boot', () => {
  const list = `${uri}/Boot/Certificates`;

  it('are the public authorities, until somebody names others, which a restart of the BMC keeps', async () => {
    expect((await boot()).Certificates).toEqual({ '@odata.id': list });
    const { body: own } = await bench.ask(
      'GET',
      '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates/1',
    );
    const pem = own.CertificateString;
    const body = { CertificateString: pem, CertificateType: 'PEM' };
    const added = await bench.ask('POST', list, { body });
    expect([added.status, added.headers.location]).toEqual([201, `${list}/1`]);
    await start();
    await bench.ask('DELETE', `${list}/1`);
    expect((await bench.ask('POST', list, { body })).headers.location).toBe(`${list}/2`);
    expect((await bench.ask('GET', `${list}/2`)).body.CertificateString).toBe(pem);
    expect(new BootCertificates(bench.bmc).all).toEqual([{ id: 2, pem }]);
    await bench.ask('DELETE', `${list}/2`);
    await start('reset');
    expect(bench.machine.setups.map(({ bootAuthorities }) => bootAuthorities)).toEqual([[pem], []]);
    expect((await bench.ask('GET', list)).body.Members).toEqual([]);
  });

  it('are no more than 16, one at a time, and certificates', async () => {
    const { body: own } = await bench.ask(
      'GET',
      '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates/1',
    );
    const post = async (CertificateString: string) =>
      (await bench.ask('POST', list, { body: { CertificateString, CertificateType: 'PEM' } })).status;
    const pem = own.CertificateString;
    expect([await post('x'), await post(`${pem}\n${pem}`)]).toEqual([400, 400]);
    for (let i = 0; i < 16; i++) expect(await post(pem)).toBe(201);
    expect(await post(pem)).toBe(507);
    bench.bmc.resetToDefaults('all', actor);
    expect(bench.bmc.bootCertificates.all).toEqual([]);
  });
});

describe('the boot order', () => {
  it('names every device once, is changed for good, and is what the machine boots by', async () => {
    expect((await boot()).BootOrder).toEqual(['disk0', 'cd0', 'nic0']);
    await patch({ BootOrder: ['nic0', 'disk0', 'cd0'] });
    expect((await boot()).BootOrder).toEqual(['nic0', 'disk0', 'cd0']);
    await start();
    await start('reset');
    expect(bench.machine.bootOrders).toEqual([
      ['nic0', 'disk0', 'cd0'],
      ['nic0', 'disk0', 'cd0'],
    ]);
    const options = await bench.ask('GET', `${uri}/BootOptions?$expand=.`);
    expect(options.body.Members).toMatchObject([
      { BootOptionReference: 'nic0', Alias: 'Pxe' },
      { BootOptionReference: 'disk0', Alias: 'Hdd' },
      { BootOptionReference: 'cd0', Alias: 'Cd' },
    ]);
  });

  it.each([
    [['disk0']],
    [['disk0', 'disk0', 'cd0']],
    [['disk0', 'cd0', 'nic1']],
    [[]],
    [['disk0', 'cd0', 7]],
    ['disk0'],
  ])('is not %j', async (BootOrder) => {
    expect((await patch({ BootOrder } as object)).status).toBe(400);
    expect((await boot()).BootOrder).toEqual(['disk0', 'cd0', 'nic0']);
  });
});
