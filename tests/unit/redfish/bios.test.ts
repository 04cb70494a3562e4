/** The firmware's settings, what the machine becomes by them, and what describes them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

const uri = '/redfish/v1/Systems/1';
const settings = `${uri}/Bios/Settings`;
const actor = { name: 'bench', face: 'bmc' } as const;

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const attributes = async (url: string) => (await bench.ask('GET', url)).body.Attributes;
const patch = (Attributes: object, more: object = {}) =>
  bench.ask('PATCH', settings, { body: { Attributes, ...more } });
async function request(action: 'on' | 'reset' | 'off'): Promise<void> {
  bench.bmc.power.request(action, actor);
  await bench.clock.advanceAsync(2_000, 100);
}

describe('the firmware’s settings', () => {
  it('wait for the next reset, and are then what the machine, Redfish and the core’s other faces show', async () => {
    await request('on');
    const change = { ProcessorCount: 8, ProcessorSockets: 2, HyperThreading: 'Enabled', MemorySizeMiB: 4096 };
    const { status } = await patch(change, { '@Redfish.SettingsApplyTime': { ApplyTime: 'OnReset' } });
    expect(status).toBe(200);
    expect(await attributes(settings)).toMatchObject(change);
    expect(await attributes(`${uri}/Bios`)).toMatchObject({ ProcessorCount: 2, MemorySizeMiB: 2048 });
    await request('reset');
    expect(await attributes(`${uri}/Bios`)).toMatchObject(change);
    expect(bench.machine.hardware).toMatchObject({ cpus: 8, sockets: 2, threadsPerCore: 2, memoryMb: 4096 });
    const { body } = await bench.ask('GET', uri);
    expect(body.ProcessorSummary).toMatchObject({ Count: 2, CoreCount: 4, LogicalProcessorCount: 8 });
    expect(body.MemorySummary.TotalSystemMemoryGiB).toBe(4);
    const processor = await bench.ask('GET', `${uri}/Processors/cpu1`);
    expect(processor.body).toMatchObject({ TotalCores: 2, TotalThreads: 4, ProcessorArchitecture: 'x86' });
  });

  it('choose the firmware and what it boots from', async () => {
    await patch({ BootMode: 'Uefi', NetworkBoot: 'Disabled' });
    const { body } = await bench.ask('GET', uri);
    expect(body.Boot).toMatchObject({ BootSourceOverrideMode: 'UEFI', BootOrder: ['disk0', 'cd0'] });
    expect(body.Boot['BootSourceOverrideTarget@Redfish.AllowableValues']).not.toContain('Pxe');
    expect(body.BiosVersion).toBe('uefi-in-memory-1');
    await request('on');
    expect(bench.machine.firmwares).toEqual(['uefi']);
    expect(bench.machine.bootOrders).toEqual([['disk0', 'cd0']]);
  });

  it.each([
    [{ ProcessorCount: 3, HyperThreading: 'Enabled' }],
    [{ ProcessorCount: 0 }],
    [{ ProcessorCount: '4' }],
    [{ MemorySizeMiB: 1 }],
    [{ BootMode: 'Auto' }],
    [{ Colour: 'red' }],
  ])('are refused as a whole: %j', async (change) => {
    const { status, body } = await patch(change);
    expect(status).toBe(400);
    expect(body.error['@Message.ExtendedInfo'].length).toBeGreaterThan(0);
    expect(bench.bmc.machineSettings.wishes).toEqual({});
  });

  it('go back to what is configured by ResetBios, at the next start', async () => {
    await patch({ ProcessorCount: 4, BootMode: 'Uefi' });
    await bench.ask('PATCH', uri, { body: { Boot: { BootOrder: ['cd0', 'disk0', 'nic0'] } } });
    await request('on');
    const { status } = await bench.ask('POST', `${uri}/Bios/Actions/Bios.ResetBios`);
    expect(status).toBe(204);
    expect(await attributes(settings)).toMatchObject({ ProcessorCount: 2, BootMode: 'LegacyBios' });
    expect(await attributes(`${uri}/Bios`)).toMatchObject({ ProcessorCount: 4, BootMode: 'Uefi' });
    await request('reset');
    expect(bench.machine.hardware).toMatchObject({
      cpus: 2,
      firmware: 'bios',
      bootOrder: ['cd0', 'disk0', 'nic0'],
    });
  });

  it('are each described in the registry, with what they are by default', async () => {
    const { body: bios } = await bench.ask('GET', `${uri}/Bios`);
    const file = await bench.ask('GET', '/redfish/v1/Registries/BiosAttributeRegistry');
    expect(file.body.Registry).toBe(bios.AttributeRegistry);
    const { body, status } = await bench.ask('GET', file.body.Location[0].Uri);
    expect(status).toBe(200);
    const described = body.RegistryEntries.Attributes as { AttributeName: string; DefaultValue: unknown }[];
    expect(Object.fromEntries(described.map((each) => [each.AttributeName, each.DefaultValue]))).toEqual(
      bios.Attributes,
    );
    if (!noSchemas) expect(schemaProblems(body)).toEqual([]);
    const members = (await bench.ask('GET', '/redfish/v1/Registries')).body.Members as object[];
    expect(members).toContainEqual({ '@odata.id': '/redfish/v1/Registries/BiosAttributeRegistry' });
  });
});
