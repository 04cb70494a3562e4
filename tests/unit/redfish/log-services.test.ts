import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SystemEvent } from '../../../src/bmc/sel.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

const system = '/redfish/v1/Systems/1/LogServices';
const manager = '/redfish/v1/Managers/1/LogServices';

const record = (change: Partial<SystemEvent> = {}): SystemEvent => ({
  kind: 'system',
  generatorId: 0x20,
  messageRevision: 4,
  sensorType: 0x01,
  sensorNumber: 0x20,
  asserted: true,
  eventType: 0x01,
  data: [0x59, 0x5f, 0x5a],
  ...change,
});

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const conforms = (body: unknown) => {
  if (!noSchemas) expect(schemaProblems(body as Record<string, unknown>)).toEqual([]);
};

describe('the SEL as a log service', () => {
  it('tells a crossed threshold in words, with what the sensor measures', async () => {
    const { id } = bench.bmc.sel.add(record());
    for (const logs of [system, manager]) {
      const { status, body } = await bench.ask('GET', `${logs}/SEL/Entries/${id}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        EntryType: 'SEL',
        SensorType: 'Temperature',
        SensorNumber: 0x20,
        GeneratorId: '0x0020',
        EntryCode: 'Upper Critical - going high',
        Severity: 'Critical',
        MessageId: 'QemuBmc.1.0.SelRecord',
        Created: '2026-01-01T00:00:00+00:00',
      });
      expect(body.Message).toBe(
        `Sensor ${bench.bmc.sensors.analog('cpuTemp').definition.name}: upper Critical - going high, reading 95 °C, threshold 90 °C (began).`,
      );
      conforms(body);
    }
  });

  it('tells a fan’s bytes in revolutions, and the bytes themselves where another reports', async () => {
    const { resolution, name } = bench.bmc.sensors.analog('fan1').definition;
    const fan = record({ sensorType: 0x04, sensorNumber: 0x30, data: [0x52, 32, 48] });
    const message = async (content: SystemEvent) => {
      const { id } = bench.bmc.sel.add(content);
      return (await bench.ask('GET', `${system}/SEL/Entries/${id}`)).body.Message;
    };
    expect([resolution, 32 * resolution, 48 * resolution]).toEqual([50, 1600, 2400]);
    expect(await message(fan)).toBe(
      `Sensor ${name}: lower Critical - going low, reading 1600 RPM, threshold 2400 RPM (began).`,
    );
    expect(await message({ ...fan, generatorId: 0x41 })).toContain('raw reading 32, raw threshold 48');
    expect(await message({ ...fan, sensorNumber: 0xef })).toContain('raw reading 32, raw threshold 48');
  });

  it('tells records of others: unknown sensors and types, ends of states, OEM records', async () => {
    bench.bmc.sel.add(
      record({ sensorType: 0x0c, eventType: 0x6f, sensorNumber: 0xef, asserted: false, data: [1, 255, 255] }),
    );
    bench.bmc.sel.add(record({ sensorType: 0xc5, eventType: 0x70 }));
    bench.bmc.sel.add({ kind: 'oem', type: 0xc1, data: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
    bench.bmc.sel.add({ kind: 'oem-untimed', type: 0xe1, data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] });
    const { body } = await bench.ask('GET', `${system}/SEL/Entries`);
    const [memory, foreign, oem, untimed] = body.Members.slice(-4);
    expect(memory).toMatchObject({
      SensorType: 'Memory',
      EntryCode: 'Deassert',
      Severity: 'OK',
      Message: 'Sensor number 239: uncorrectable error (ended).',
    });
    expect(foreign).toMatchObject({ SensorType: 'OEM', EntryCode: 'Assert' });
    expect(oem).toMatchObject({ EntryCode: 'OEM', OemLogEntryCode: '010203040506070809' });
    expect(untimed.Created).toBeUndefined();
    for (const each of [memory, foreign, oem, untimed]) conforms(each);
  });

  it('deletes one entry, and clears all of them, for those who may', async () => {
    const first = bench.bmc.sel.add(record());
    const second = bench.bmc.sel.add(record());
    const entry = `${system}/SEL/Entries/${first.id}`;
    expect((await bench.ask('DELETE', entry, { as: 'operator' })).status).toBe(403);
    expect((await bench.ask('DELETE', entry)).status).toBe(204);
    expect((await bench.ask('GET', entry)).status).toBe(404);
    expect(bench.bmc.sel.get(first.id)).toBeUndefined();
    expect(bench.bmc.sel.get(second.id)).toBeDefined();
    const clear = `${manager}/SEL/Actions/LogService.ClearLog`;
    expect((await bench.ask('POST', clear, { as: 'reader' })).status).toBe(403);
    expect((await bench.ask('POST', clear)).status).toBe(204);
    expect(bench.bmc.sel.entries).toEqual([]);
  });

  it.each(['0', '01', '1e3', '-1', '99999999999', 'x'])('has no entry %s', async (id) => {
    bench.bmc.sel.add(record());
    expect((await bench.ask('GET', `${system}/SEL/Entries/${id}`)).status).toBe(404);
  });

  it('shows a full log page by page, each entry once, a page in a fraction of a second', async () => {
    while (bench.bmc.sel.free > 1) bench.bmc.sel.add(record());
    const ids: string[] = [];
    const times: number[] = [];
    for (let uri: string | undefined = `${system}/SEL/Entries`; uri !== undefined; ) {
      const since = performance.now();
      const { body } = await bench.ask('GET', uri);
      times.push(performance.now() - since);
      ids.push(...body.Members.map(({ Id }: { Id: string }) => Id));
      expect(body.Members.length).toBeLessThanOrEqual(100);
      uri = body['Members@odata.nextLink'];
    }
    expect(ids).toEqual(bench.bmc.sel.entries.map(({ id }) => String(id)));
    const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
    console.info(`page of ${ids.length} entries: ${median.toFixed(1)} ms (median of ${times.length})`);
    expect(median).toBeLessThan(500);
  });
});

describe('event log and audit log', () => {
  it('say what happened, the audit log only what somebody asked for, and who', async () => {
    await bench.ask('PATCH', '/redfish/v1/SessionService', { body: { SessionTimeout: 77 } });
    const audit = await bench.ask('GET', `${manager}/AuditLog/Entries`);
    expect(audit.body.Members).toHaveLength(1);
    const [entry] = audit.body.Members;
    expect(entry).toMatchObject({
      EntryType: 'Event',
      MessageId: 'QemuBmc.1.0.Configuration',
      Username: 'admin',
      OriginAddress: 'https://192.0.2.9:50000',
      OriginatorType: 'Client',
    });
    expect(entry.Message).toContain('77 s');
    const { Face, Changes } = entry.Oem.QemuBmc;
    expect(Face).toBe('Redfish');
    expect(Changes).toContainEqual(expect.objectContaining({ Before: 1800, After: 77 }));
    conforms(entry);
    const all = await bench.ask('GET', `${manager}/EventLog/Entries`);
    expect(all.body['Members@odata.count']).toBe(bench.bmc.events.list().length);
    expect(all.body['Members@odata.count']).toBeGreaterThan(1);
    for (const each of all.body.Members) conforms(each);
    // An entry that nobody asked for is none of the audit log.
    const started = bench.bmc.events.list().find(({ kind }) => kind === 'bmc-started');
    expect((await bench.ask('GET', `${manager}/EventLog/Entries/${started?.id}`)).status).toBe(200);
    expect((await bench.ask('GET', `${manager}/AuditLog/Entries/${started?.id}`)).status).toBe(404);
  });

  it('find an entry in thousands at once', async () => {
    for (let i = 0; i < 4000; i++) bench.bmc.events.add('configuration', `change ${i}`);
    const { id } = bench.bmc.events.list()[2000] ?? { id: 0 };
    const one = await bench.ask('GET', `${manager}/EventLog/Entries/${id}`);
    expect(one.body.Id).toBe(String(id));
    const since = performance.now();
    await bench.ask('GET', `${manager}/EventLog/Entries?$skip=3900`);
    const ms = performance.now() - since;
    console.info(`last page of 4,000 events: ${ms.toFixed(1)} ms`);
    expect(ms).toBeLessThan(500);
  });
});

describe('the serial console as a log', () => {
  it('gives what the host said as an attachment to those who may use the console', async () => {
    const entries = `${system}/SerialConsole/Entries`;
    expect((await bench.ask('GET', entries)).body['Members@odata.count']).toBe(0);
    bench.bmc.power.request('on', { name: 'bench', face: 'bmc' });
    await bench.clock.advanceAsync(10_000);
    const said = Buffer.from(bench.bmc.console.history(1 << 18)).toString();
    expect(said).toContain('login');
    const { body } = await bench.ask('GET', entries);
    const [entry] = body.Members;
    expect(entry.AdditionalDataSizeBytes).toBe(said.length);
    conforms(entry);
    const attachment = await bench.ask('GET', entry.AdditionalDataURI, { as: 'operator' });
    expect(attachment.headers['content-type']).toBe('application/octet-stream');
    expect(attachment.text).toBe(said);
    expect((await bench.ask('GET', entry.AdditionalDataURI, { as: 'reader' })).status).toBe(403);
    expect((await bench.ask('GET', entry.AdditionalDataURI.replace('Systems/1', 'Systems/2'))).status).toBe(
      404,
    );
  });
});
