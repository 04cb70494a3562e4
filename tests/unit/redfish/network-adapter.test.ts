import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

const root = '/redfish/v1';
let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const get = async (uri: string) => (await bench.ask('GET', uri)).body;

describe('a network card', () => {
  it('is an adapter of the chassis and an interface of the system, with one port and one function', async () => {
    const { NetworkInterfaces } = await get(`${root}/Systems/1`);
    const [member] = (await get(NetworkInterfaces['@odata.id'])).Members;
    const shown = await get(member['@odata.id']);
    const { NetworkAdapters } = await get(`${root}/Chassis/1`);
    const adapter = `${NetworkAdapters['@odata.id']}/nic0`;
    expect(shown.Links.NetworkAdapter).toEqual({ '@odata.id': adapter });
    const { Controllers, Ports, NetworkDeviceFunctions } = await get(adapter);
    expect([shown.Ports, shown.NetworkDeviceFunctions]).toEqual([Ports, NetworkDeviceFunctions]);
    expect(Controllers[0].Links.Ports).toEqual((await get(Ports['@odata.id'])).Members);
    const card = await get(`${root}/Systems/1/EthernetInterfaces/nic0`);
    const port = await get(`${adapter}/Ports/1`);
    expect(port.Ethernet.AssociatedMACAddresses).toEqual([card.MACAddress]);
    const own = await get(`${adapter}/NetworkDeviceFunctions/1`);
    expect(own.Ethernet.MACAddress).toBe(card.MACAddress);
    expect(own.Links.EthernetInterfaces).toEqual([{ '@odata.id': card['@odata.id'] }]);
    expect((await bench.ask('GET', `${adapter}/Ports/2`)).status).toBe(404);
    expect((await bench.ask('GET', `${root}/Chassis/1/NetworkAdapters/nic9`)).status).toBe(404);
  });

  it('has the port’s link as it is, and none to tell of while nothing is attached', async () => {
    const adapter = `${root}/Chassis/1/NetworkAdapters/nic0`;
    expect(await get(`${adapter}/Ports/1`)).not.toHaveProperty('LinkStatus');
    const card = { id: 'nic0', mac: '52:54:00:00:00:01', mtu: 9000, queues: 1, note: undefined };
    bench.machine.nics = [{ ...card, backend: 'tc', wire: 'eth2', linkUp: true }];
    expect(await get(`${adapter}/Ports/1`)).toMatchObject({ LinkStatus: 'LinkUp', SignalDetected: true });
    expect((await get(`${adapter}/NetworkDeviceFunctions/1`)).Ethernet.MTUSize).toBe(9000);
    bench.machine.nics = [{ ...card, backend: 'tc', wire: 'eth2', linkUp: false, note: 'eth2 has gone' }];
    expect(await get(`${adapter}/Ports/1`)).toMatchObject({
      LinkStatus: 'LinkDown',
      Status: { Health: 'Warning' },
    });
    bench.machine.nics = [{ ...card, backend: 'none', wire: undefined, linkUp: false }];
    expect(await get(adapter)).toMatchObject({ Status: { State: 'Absent' } });
    bench.bmc.machineSettings.set({ networkBoot: false }, { name: 'bench', face: 'bmc' });
    expect(await get(`${adapter}/NetworkDeviceFunctions/1`)).toMatchObject({ BootMode: 'Disabled' });
  });
});

it('tells what has gone through a card, and nothing while nobody counts', async () => {
  const { Metrics } = await get(`${root}/Chassis/1/NetworkAdapters/nic0/Ports/1`);
  expect(await get(Metrics['@odata.id'])).not.toHaveProperty('RXBytes');
  bench.machine.counters.set('nic0', {
    ...{ receivedBytes: 1, receivedFrames: 2, receivedErrors: 3, receivedDrops: 4 },
    ...{ sentBytes: 5, sentFrames: 6, sentErrors: 7, sentDrops: 8 },
  });
  expect(await get(Metrics['@odata.id'])).toMatchObject({
    ...{ RXBytes: 1, TXBytes: 5, RXErrors: 3, TXErrors: 7 },
    Networking: { RXFrames: 2, TXFrames: 6, RXDiscards: 4, TXDiscards: 8 },
  });
});

describe('what is ours', () => {
  it('has schemas, in CSDL and JSON, that the documents of the service lead to', async () => {
    const { text: metadata } = await bench.ask('GET', `${root}/$metadata`, { as: undefined });
    const { Actions: actions } = await get(`${root}/Managers/1`);
    const media = await get(`${root}/Systems/1/VirtualMedia/Cd`);
    const names = [...Object.keys(actions.Oem), ...Object.keys(media.Actions.Oem)];
    expect(names).toContain('#QemuBmcManager.ExportConfiguration');
    expect(names).toContain('#QemuBmcVirtualMedia.UploadMedia');
    for (const name of names) {
      const [namespace = '', action = ''] = name.slice(1).split('.');
      const [, uri = ''] =
        new RegExp(`Uri="(/redfish[^"]+)">\\s+<edmx:Include Namespace="${namespace}"`).exec(metadata) ?? [];
      const csdl = await bench.ask('GET', uri, { as: undefined });
      expect(csdl.headers['content-type']).toContain('application/xml');
      expect(csdl.text).toContain(`<Action Name="${action}" IsBound="true">`);
      const file = await get(`${root}/JsonSchemas/${namespace}`);
      const schema = await get(file.Location[0].Uri);
      expect(schema.definitions).toHaveProperty(action);
    }
  });
});
