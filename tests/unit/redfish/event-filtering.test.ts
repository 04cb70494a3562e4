/** Event filters, alert policies and destinations over Redfish: the ones that IPMI's clients configure. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AlertOutcome } from '../../../src/bmc/pef.ts';
import { IpmiState } from '../../../src/ipmi/ipmi-state.ts';
import { until } from '../../support/processes.ts';
import { type BenchReply, RedfishBench } from '../../support/redfish-bench.ts';

const filtering = '/redfish/v1/Managers/1/Oem/QemuBmc/EventFiltering';
const trap = '192.0.2.162';

describe('event filtering', () => {
  let bench: RedfishBench;
  beforeEach(async () => {
    bench = new RedfishBench();
    await bench.start();
  });
  afterEach(() => bench.stop());

  const get = async (path: string) => (await bench.ask('GET', `${filtering}${path}`)).body;
  const patch = (path: string, body: object) => bench.ask('PATCH', `${filtering}${path}`, { body });
  const test = (number: number) =>
    bench.ask(
      'POST',
      `${filtering}/AlertDestinations/${number}/Actions/QemuBmcAlertDestination.SendTestAlert`,
      { body: {} },
    );

  it('is what the manager links to, with tables as long as those of IPMI', async () => {
    const { body } = await bench.ask('GET', '/redfish/v1/Managers/1');
    expect(body.Oem.QemuBmc.EventFiltering).toEqual({ '@odata.id': filtering });
    const counts = ['EventFilters', 'AlertPolicies', 'AlertDestinations'].map(
      async (name) => (await get(`/${name}`))['Members@odata.count'],
    );
    expect(await Promise.all(counts)).toEqual([40, 16, 4]);
    for (const path of ['/EventFilters/0', '/EventFilters/41', '/AlertDestinations/5', '/AlertPolicies/x'])
      expect((await bench.ask('GET', `${filtering}${path}`)).status).toBe(404);
  });

  it('changes a filter value by value, and keeps what was not sent', async () => {
    const before = bench.bmc.pef.settings.filters[0];
    expect(await get('/EventFilters/1')).toMatchObject({
      Description: expect.stringMatching(/^Temperature: lower critical - going low, /),
      Enabled: true,
      FilterActions: ['Alert'],
      EventSeverity: 'Critical',
      SensorNumber: null,
      EventOffsets: [2, 4, 9, 11],
    });
    const { status } = await patch('/EventFilters/1', {
      FilterActions: ['PowerOff', 'Alert'],
      EventSeverity: 'NonRecoverable',
      SensorNumber: 7,
      EventOffsets: [9],
      EventDataMask: [0, 255, 0],
    });
    expect(status).toBe(200);
    expect(bench.bmc.pef.settings.filters[0]).toEqual({
      ...before,
      actions: ['power-off', 'alert'],
      severity: 'non-recoverable',
      sensorNumber: 7,
      offsets: 1 << 9,
      data: [
        { mask: 0, exact: 0, value: 0 },
        { mask: 255, exact: 0, value: 0 },
        { mask: 0, exact: 0, value: 0 },
      ],
    });
    await patch('/EventFilters/1', { SensorNumber: null });
    expect(bench.bmc.pef.settings.filters[0]?.sensorNumber).toBeUndefined();
  });

  it('refuses what is no value, with nothing changed', async () => {
    const before = JSON.stringify(bench.bmc.pef.settings);
    const bad = [
      ['/EventFilters/1', { FilterActions: ['Explode'] }, 'PropertyValueNotInList'],
      ['/EventFilters/1', { SensorNumber: 255 }, 'PropertyValueOutOfRange'],
      ['/EventFilters/1', { EventDataMask: [1, 2] }, 'ArraySizeTooShort'],
      ['/AlertPolicies/1', { PolicyNumber: 0 }, 'PropertyValueOutOfRange'],
      ['/AlertPolicies/1', { Rule: 'Never' }, 'PropertyValueNotInList'],
      ['', { Enabled: 'yes' }, 'PropertyValueTypeError'],
      ['', { StartupDelaySeconds: 256 }, 'PropertyValueOutOfRange'],
      ['', { TrapCommunity: 'more than eighteen bytes' }, 'StringValueTooLong'],
      ['', { TrapCommunity: null }, 'PropertyValueTypeError'],
    ] as const;
    for (const [path, body, told] of bad) {
      const reply = await patch(path, body);
      expect([path, reply.status], reply.text).toEqual([path, 400]);
      expect(reply.text).toContain(`.${told}"`);
    }
    for (const Address of ['nowhere', '224.0.0.1', '0.0.0.0', 'ff02::1', '::', '192.0.2.1:162']) {
      const reply = await patch('/AlertDestinations/1', { Address });
      expect([Address, reply.status]).toEqual([Address, 400]);
      expect(reply.text).toContain('PropertyValueFormatError');
    }
    expect(JSON.stringify(bench.bmc.pef.settings)).toBe(before);
    expect(bench.bmc.lan.destinations[1]?.address).toBe('0.0.0.0');
    expect(bench.bmc.lan.configuration.community).toBe('public');
  });

  it('sets the community string of the traps and shows it to nobody', async () => {
    expect((await patch('', { TrapCommunity: 'lab-traps' })).status).toBe(200);
    expect(bench.bmc.lan.configuration.community).toBe('lab-traps');
    expect((await get('')).TrapCommunity).toBeNull();
    expect(JSON.stringify(bench.bmc.events.list())).not.toContain('lab-traps');
  });

  it('tells the UDP port that alerts go to, which nobody sets here', async () => {
    expect((await get('')).TrapPort).toBe(9162);
    const reply = await patch('', { TrapPort: 162 });
    expect([reply.status, reply.text]).toEqual([400, expect.stringContaining('.PropertyNotWritable"')]);
  });

  it('leads an event to a destination, all of it set over Redfish', async () => {
    const sent: string[] = [];
    new IpmiState(bench.bmc, { sendTrap: async (_, address) => void sent.push(address) });
    await patch('/AlertDestinations/2', { Address: trap });
    await patch('/AlertPolicies/3', { Enabled: true, PolicyNumber: 5, Destination: 2 });
    await patch('/EventFilters/12', {
      Enabled: true,
      FilterActions: ['Alert'],
      AlertPolicyNumber: 5,
      SensorType: 5,
      EventTrigger: 0x6f,
      EventOffsets: [0],
    });
    bench.bmc.sensors.override('chassisIntrusion', ['intrusion']);
    await bench.clock.advanceAsync(1000);
    expect(sent).toEqual([trap]);
    await patch('/EventFilters/12', { Enabled: false });
    bench.bmc.sensors.override('chassisIntrusion', []);
    await bench.clock.advanceAsync(1000);
    bench.bmc.sensors.override('chassisIntrusion', ['intrusion']);
    await bench.clock.advanceAsync(1000);
    expect(sent).toEqual([trap]);
  });

  describe('tries a destination', () => {
    it('and says so when the alert was sent, and who asked', async () => {
      const sent: string[] = [];
      new IpmiState(bench.bmc, { sendTrap: async (_, address) => void sent.push(address) });
      await patch('/AlertDestinations/1', { Address: trap });
      expect((await test(1)).status).toBe(204);
      expect(sent).toEqual([trap]);
      expect(bench.bmc.events.list().at(-1)).toMatchObject({
        text: expect.stringContaining('test alert to destination 1: sent, by admin'),
        actor: { name: 'admin', face: 'redfish' },
      });
    });

    it('that has no address: refused, with nothing sent', async () => {
      new IpmiState(bench.bmc, { sendTrap: () => Promise.reject(new Error('not to be asked')) });
      const reply = await test(3);
      expect(reply.status).toBe(400);
      expect(reply.text).toContain('Alert destination 3 has no address.');
    });

    it('that the network does not reach: an error that says so', async () => {
      new IpmiState(bench.bmc, { sendTrap: () => Promise.reject(new Error('network unreachable')) });
      await patch('/AlertDestinations/1', { Address: trap });
      const reply = await test(1);
      expect(reply.status).toBeGreaterThanOrEqual(500);
      expect(reply.text).toContain('The network did not take the alert.');
    });

    it('that takes its time to acknowledge: by a task', async () => {
      let over: (outcome: AlertOutcome) => void = () => undefined;
      await patch('/AlertDestinations/1', { Address: trap });
      bench.bmc.pef.testBy(
        () =>
          new Promise((resolve) => {
            over = resolve;
          }),
      );
      let answer: BenchReply | undefined;
      void test(1).then((reply) => {
        answer = reply;
      });
      const reply = await until('it is answered', async () => {
        await bench.clock.advanceAsync(500);
        return answer;
      });
      expect(reply.status).toBe(202);
      over('not-acknowledged');
      await bench.clock.advanceAsync(1);
      const task = (await bench.ask('GET', String(reply.body['@odata.id']))).body;
      expect(task.TaskState).toBe('Exception');
      expect(JSON.stringify(task.Messages)).toContain('nobody has acknowledged it');
    });
  });

  it('is everybody’s to see, without the community string, and the administrator’s to change', async () => {
    const destination = `${filtering}/AlertDestinations/1`;
    const body = { Address: trap };
    await patch('', { TrapCommunity: 'lab-traps' });
    const paths = ['', '/AlertDestinations', '/AlertDestinations/1', '/AlertPolicies/1', '/EventFilters/1'];
    for (const path of paths) {
      const reply = await bench.ask('GET', `${filtering}${path}`, { as: 'reader' });
      expect([path, reply.status]).toEqual([path, 200]);
      expect(reply.text).not.toContain('lab-traps');
    }
    for (const as of ['reader', 'operator'] as const)
      expect((await bench.ask('PATCH', destination, { as, body })).status).toBe(403);
    expect(bench.bmc.lan.destinations[1]?.address).toBe('0.0.0.0');
  });
});
