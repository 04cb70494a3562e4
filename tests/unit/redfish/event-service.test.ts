/** Subscriptions and streams over real sockets and, where time matters, on the bench's clock. */
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import type { HttpReply } from '../../../src/http/exchange.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { heartbeatMs, maxStreams, streamQueue } from '../../../src/redfish/event-streams.ts';
import { Subscriptions } from '../../../src/redfish/subscriptions.ts';
import { until } from '../../support/processes.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

const service = '/redfish/v1/EventService';
const subscriptionsUri = `${service}/Subscriptions`;

interface Received {
  readonly headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: what a receiver reads out of JSON is checked by the test that reads it
  readonly body: any;
}

/** A receiver of events. */
class Receiver {
  readonly received: Received[] = [];
  status = 204;
  readonly url: string;
  readonly #close: () => Promise<void>;

  static async start(secure: boolean): Promise<Receiver> {
    const pair = await makeSelfSigned({
      subject: { commonName: 'receiver' },
      names: ['127.0.0.1'],
      now: Date.now(),
      random: systemRandom(),
    });
    const server = secure ? createHttpsServer({ cert: pair.certificate, key: pair.key }) : createHttpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const receiver = new Receiver(
      `${secure ? 'https' : 'http'}://127.0.0.1:${port}/events`,
      () => new Promise((resolve) => server.close(() => resolve())),
    );
    server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      request.on('end', () => {
        receiver.received.push({ headers: request.headers, body: JSON.parse(text) });
        response.writeHead(receiver.status).end();
      });
    });
    return receiver;
  }

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  get ids(): string[] {
    return this.received.map(({ body }) => body.Events[0].MessageId);
  }

  stop(): Promise<void> {
    return this.#close();
  }
}

let bench: RedfishBench;
const receivers: Receiver[] = [];
const receiver = async (secure = false) => {
  const made = await Receiver.start(secure);
  receivers.push(made);
  return made;
};
beforeEach(async () => {
  bench = new RedfishBench({ eventDestinations: ['127.0.0.0/8'] });
  await bench.start();
});
afterEach(async () => {
  await bench.stop();
  await Promise.all(receivers.splice(0).map((each) => each.stop()));
});

const subscribe = (destination: string, more: object = {}) =>
  bench.ask('POST', subscriptionsUri, {
    body: { Destination: destination, Protocol: 'Redfish', ...more },
  });
const testEvent = (body: object = {}) =>
  bench.ask('POST', `${service}/Actions/EventService.SubmitTestEvent`, { body });

describe('subscriptions', () => {
  it('are told of what happens over HTTPS, with context and headers', async () => {
    const there = await receiver(true);
    const made = await subscribe(there.url, {
      Context: 'rack 7',
      VerifyCertificate: false,
      HttpHeaders: [{ Authorization: 'Bearer abc' }],
    });
    expect(made.status).toBe(201);
    expect(made.headers.location).toBe(made.body['@odata.id']);
    // Headers may hold secrets, and are not shown.
    expect(made.body).toMatchObject({ Context: 'rack 7', HttpHeaders: [], VerifyCertificate: false });
    if (!noSchemas) expect(schemaProblems(made.body)).toEqual([]);
    await testEvent({ MessageId: 'QemuBmc.1.0.Boot', Message: 'hello', MessageSeverity: 'Warning' });
    await until('the event has come', () => there.ids.includes('QemuBmc.1.0.Boot'), 5000);
    const { body, headers } = there.received.at(-1) ?? { headers: {} };
    expect(headers.authorization).toBe('Bearer abc');
    expect(headers['content-type']).toBe('application/json');
    expect(body.Context).toBe('rack 7');
    expect(body.Events[0]).toMatchObject({ Message: 'hello', MessageSeverity: 'Warning' });
    if (!noSchemas) expect(schemaProblems(body)).toEqual([]);
  });

  it('send nothing to a receiver whose certificate does not hold, unless told not to look', async () => {
    const there = await receiver(true);
    await subscribe(there.url, { DeliveryRetryPolicy: 'SuspendRetries' });
    await bench.ask('PATCH', service, { body: { DeliveryRetryAttempts: 0 } });
    await testEvent();
    await until(
      'it is given up',
      () =>
        bench.redfish.state.subscriptions
          .list()
          .some(({ id }) => bench.redfish.state.subscriptions.isSuspended(id)),
      5000,
    );
    expect(there.received).toEqual([]);
  });

  it('are told of power, resources and the SEL', async () => {
    const there = await receiver();
    await subscribe(there.url);
    await bench.ask('POST', '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset', {
      body: { ResetType: 'On' },
    });
    await bench.clock.advanceAsync(5000);
    bench.bmc.sel.add({ kind: 'oem', type: 0xc1, data: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
    const wanted = ['QemuBmc.1.0.PowerOn', 'ResourceEvent.1.4.ResourceChanged', 'QemuBmc.1.0.SelRecord'];
    await until('all have come', () => wanted.every((id) => there.ids.includes(id)), 5000);
    const changed = there.received.find(({ body }) => /ResourceChanged/.test(body.Events[0].MessageId));
    expect(changed?.body.Events[0].OriginOfCondition).toEqual({ '@odata.id': '/redfish/v1/Systems/1' });
    const sel = there.received.find(({ body }) => /SelRecord/.test(body.Events[0].MessageId));
    const entry = await bench.ask('GET', sel?.body.Events[0].LogEntry['@odata.id']);
    expect(entry.body.Message).toBe(sel?.body.Events[0].Message);
  });

  it('are told only what they ask for: messages, of whichever version, or those of a registry', async () => {
    const [some, both] = [await receiver(), await receiver()];
    const MessageIds = ['QemuBmc.Panic', 'QemuBmc.1.0.Reset', 'QemuBmc.1.7.Boot'];
    await subscribe(some.url, { MessageIds });
    await subscribe(both.url, { MessageIds, RegistryPrefixes: ['TaskEvent'] });
    const sent = ['Panic', 'Reset', 'Watchdog', 'Boot'].map((key) => `QemuBmc.1.0.${key}`);
    for (const id of ['TaskEvent.1.0.TaskStarted', 'Base.1.22.Success', ...sent]) {
      await testEvent({ MessageId: id });
    }
    const named = sent.filter((id) => !id.endsWith('Watchdog'));
    await until(
      'all have come',
      () => some.ids.includes('QemuBmc.1.0.Boot') && both.ids.includes('QemuBmc.1.0.Boot'),
      5000,
    );
    expect(some.ids).toEqual(named);
    expect(both.ids).toEqual(['TaskEvent.1.0.TaskStarted', ...named]);
  });

  it('are told by types of events, as older clients ask, which are kept and shown', async () => {
    const there = await Promise.all(Array.from({ length: 4 }, () => receiver()));
    const [alerts, changes, anything, unasked] = there as [Receiver, Receiver, Receiver, Receiver];
    const types = {
      alerts: ['Alert'],
      changes: ['StatusChange', 'ResourceAdded'],
      anything: ['Alert', 'Other'],
    };
    const made = await subscribe(alerts.url, { EventTypes: types.alerts });
    expect([made.status, made.body.EventTypes]).toEqual([201, ['Alert']]);
    if (!noSchemas) expect(schemaProblems(made.body)).toEqual([]);
    await subscribe(changes.url, { EventTypes: types.changes });
    await subscribe(anything.url, { EventTypes: types.anything });
    expect((await subscribe(unasked.url)).body).not.toHaveProperty('EventTypes');
    bench.bmc.events.add('panic', 'of a test');
    await bench.ask('PATCH', '/redfish/v1/Systems/1', { body: { AssetTag: 'a' } });
    await bench.clock.advanceAsync(1000, 100);
    await testEvent({ MessageId: 'Base.1.22.Success' });
    await testEvent({ MessageId: 'Base.1.22.Created', EventType: 'StatusChange' });
    await testEvent({ MessageId: 'Base.1.22.NoOperation', EventType: 'Other' });
    const [panic, changed, success] = [
      'QemuBmc.1.0.Panic',
      'ResourceEvent.1.4.ResourceChanged',
      'Base.1.22.Success',
    ];
    const last = 'Base.1.22.NoOperation';
    await until(
      'all have come',
      () =>
        alerts.ids.includes(success) &&
        changes.ids.includes('Base.1.22.Created') &&
        [anything, unasked].every(({ ids }) => ids.includes(last)),
      5000,
    );
    const typesTo = ({ received }: Receiver) => new Set(received.map(({ body }) => body.Events[0].EventType));
    expect(alerts.ids).toEqual(expect.arrayContaining([panic, success]));
    expect(alerts.ids.filter((id) => /ResourceEvent|Created|NoOperation/.test(id))).toEqual([]);
    expect(typesTo(alerts)).toEqual(new Set(['Alert']));
    expect(changes.ids).toContain(changed);
    expect(changes.ids.filter((id) => !/^ResourceEvent|Created$/.test(id))).toEqual([]);
    expect([...typesTo(changes)].every((type) => types.changes.includes(type))).toBe(true);
    for (const { ids } of [anything, unasked]) {
      expect(ids).toEqual(expect.arrayContaining([panic, changed, success, 'Base.1.22.Created', last]));
    }
    expect(typesTo(unasked)).toEqual(new Set(['Other']));
    // They are kept, and a list of before there were any is of subscriptions to all.
    const { store } = bench.bmc;
    const kept = store.load<{ eventTypes?: readonly string[] }[]>('redfish-subscriptions') ?? [];
    expect(kept.map(({ eventTypes }) => eventTypes)).toEqual([...Object.values(types), []]);
    store.save(
      'redfish-subscriptions',
      kept.map(({ eventTypes: _, ...older }) => older),
    );
    const { happenings } = bench.redfish.state;
    const { events, clock, random, log } = bench.bmc;
    const deliver = () => Promise.resolve();
    const next = new Subscriptions({ happenings, events, store, clock, random, log, deliver });
    expect(next.list().map(({ eventTypes }) => eventTypes)).toEqual([[], [], [], []]);
    next.stop();
  });

  it('to what no event is about are refused, with the value that is none', async () => {
    const cases: readonly [property: string, value: string][] = [
      ['RegistryPrefixes', 'Bogus'],
      ['RegistryPrefixes', 'base'],
      ['ResourceTypes', 'Bogus'],
      ['ResourceTypes', 'Task.v1_7_4.Task'],
      ['MessageIds', 'Bogus.9'],
      ['MessageIds', 'Bogus.1.0.Panic'],
      ['MessageIds', 'QemuBmc.Bogus'],
      ['MessageIds', 'QemuBmc.1.0'],
      ['MessageIds', 'QemuBmc.toString'],
      ['EventTypes', 'Nonsense'],
      ['EventTypes', 'MetricReport'],
    ];
    const good = {
      RegistryPrefixes: 'Base',
      ResourceTypes: 'Task',
      MessageIds: 'QemuBmc.Panic',
      EventTypes: 'Alert',
    };
    for (const [property, value] of cases) {
      const list = [good[property as keyof typeof good], value];
      const reply = await subscribe('https://192.0.2.1/', { [property]: list });
      expect([property, value, reply.status]).toEqual([property, value, 400]);
      expect(reply.body.error['@Message.ExtendedInfo'][0]).toMatchObject({
        MessageId: 'Base.1.22.PropertyValueNotInList',
        MessageArgs: [value, property],
        RelatedProperties: [`#/${property}/1`],
      });
    }
    expect((await bench.ask('GET', subscriptionsUri)).body['Members@odata.count']).toBe(0);
  });

  it('to whatever the service says that it tells of are taken', async () => {
    const { RegistryPrefixes, ResourceTypes } = (await bench.ask('GET', service)).body;
    const registry = await bench.ask('GET', '/redfish/v1/Registries/QemuBmc');
    const { Messages } = (await bench.ask('GET', registry.body.Location[0].Uri)).body;
    const MessageIds = Object.keys(Messages).map((key) => `QemuBmc.${key}`);
    for (let at = 0; at < ResourceTypes.length; at += 32) {
      const types = ResourceTypes.slice(at, at + 32);
      const reply = await subscribe('https://192.0.2.1/', {
        RegistryPrefixes,
        MessageIds,
        ResourceTypes: types,
      });
      expect(reply.status).toBe(201);
      expect(reply.body).toMatchObject({ RegistryPrefixes, MessageIds, ResourceTypes: types });
    }
  });

  it('are told of tests of the types that there are', async () => {
    const { status, body } = await testEvent({ EventType: 'Nonsense' });
    expect([status, body.error.code]).toEqual([400, 'Base.1.22.ActionParameterValueNotInList']);
  });

  it('try again as often and as far apart as is set, then end', async () => {
    const there = await receiver();
    there.status = 503;
    await bench.ask('PATCH', service, {
      body: { DeliveryRetryAttempts: 2, DeliveryRetryIntervalSeconds: 5 },
    });
    const { body } = await subscribe(there.url, { RegistryPrefixes: ['Base'] });
    await testEvent({ MessageId: 'Base.1.22.Success' });
    const tries = [there.received.length];
    await until(
      'it was tried three times',
      () => {
        // Each failure sets a timer; what is due runs, and nothing is due before the interval is over.
        tries.push(there.received.length);
        bench.clock.advance(1000);
        return there.received.length === 3;
      },
      5000,
    );
    // Tries 5 s apart by the bench's clock: never two within the same second.
    expect(tries.every((count, i) => i === 0 || count - (tries[i - 1] ?? 0) <= 1)).toBe(true);
    await until('it has ended', () => bench.redfish.state.subscriptions.get(body.Id) === undefined, 5000);
    expect(there.received).toHaveLength(3);
    expect((await bench.ask('GET', body['@odata.id'])).status).toBe(404);
    expect(bench.bmc.events.list().at(-1)?.text).toContain('the receiver answered 503');
  });

  it('that were suspended go on when they are resumed', async () => {
    const there = await receiver();
    there.status = 500;
    await bench.ask('PATCH', service, { body: { DeliveryRetryAttempts: 0 } });
    const { body } = await subscribe(there.url, {
      DeliveryRetryPolicy: 'SuspendRetries',
      RegistryPrefixes: ['Base'],
    });
    await testEvent({ MessageId: 'Base.1.22.Success' });
    const state = async () => (await bench.ask('GET', body['@odata.id'])).body.Status.State;
    await until('it is suspended', async () => (await state()) === 'Disabled', 5000);
    there.status = 200;
    const resume = `${body['@odata.id']}/Actions/EventDestination.ResumeSubscription`;
    expect((await bench.ask('POST', resume)).status).toBe(204);
    expect(await state()).toBe('Enabled');
    await testEvent({ MessageId: 'Base.1.22.Created' });
    await until('it is told again', () => there.ids.includes('Base.1.22.Created'), 5000);
  });

  it('are 32 at most, are kept, and go when they are deleted', async () => {
    const there = await receiver();
    for (let i = 0; i < 32; i++)
      expect((await subscribe(there.url, { MessageIds: ['QemuBmc.Panic'] })).status).toBe(201);
    const refused = await subscribe(there.url);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.body.error['@Message.ExtendedInfo'][0].MessageId).toMatch(
      /EventSubscriptionLimitExceeded$/,
    );
    const kept = bench.bmc.store.load<unknown[]>('redfish-subscriptions');
    expect(kept).toHaveLength(32);
    const [first] = (await bench.ask('GET', subscriptionsUri)).body.Members;
    expect((await bench.ask('DELETE', first['@odata.id'])).status).toBe(204);
    expect(bench.bmc.store.load<unknown[]>('redfish-subscriptions')).toHaveLength(31);
    // The next life of the BMC has them again, with what they want and how.
    const { happenings, subscriptions } = bench.redfish.state;
    const { events, store, clock, random, log } = bench.bmc;
    const deliver = () => Promise.resolve();
    const next = new Subscriptions({ happenings, events, store, clock, random, log, deliver });
    expect(next.list()).toEqual(subscriptions.list());
    next.stop();
  });

  it.each([
    ['http://127.0.0.1/x', 'loopback'],
    ['http://[::1]/x', 'loopback'],
    ['https://localhost/x', 'loopback'],
    ['http://169.254.169.254/latest', 'link-local'],
    ['http://[::ffff:127.0.0.1]/x', 'loopback'],
    ['http://2130706433/x', 'loopback'],
    ['ftp://192.0.2.1/x', 'neither http nor https'],
    ['http://user:secret@192.0.2.1/x', 'HttpHeaders'],
    ['nonsense', 'not a URL'],
  ])('are not sent to %s', async (destination, reason) => {
    await bench.stop();
    bench = new RedfishBench();
    await bench.start();
    const { status, body } = await subscribe(destination);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain(reason);
    expect((await bench.ask('GET', subscriptionsUri)).body['Members@odata.count']).toBe(0);
  });

  it.each([{ Host: 'x' }, { 'Content-Length': '3' }, { 'X-A': 'b\r\nc: d' }])(
    'take no header like %j',
    async (header) => {
      const { status } = await subscribe('https://192.0.2.1/', { HttpHeaders: [header] });
      expect(status).toBe(400);
    },
  );
});

describe('the event stream', () => {
  /** Opens a stream and collects what it says. */
  async function open(headers: Record<string, string> = {}, query = '', gone = new AbortController()) {
    const reply: HttpReply = await bench.service.handle({
      method: 'GET',
      url: `${service}/SSE${query}`,
      headers: { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}`, ...headers },
      body: new Uint8Array(),
      from: '192.0.2.9:50000',
      address: '192.0.2.9',
      gone: gone.signal,
    });
    const stream = { reply, text: '', over: false, gone };
    void (async () => {
      for await (const part of reply.body as AsyncIterable<string>) stream.text += part;
      stream.over = true;
    })();
    return stream;
  }
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const events = (text: string) =>
    [...text.matchAll(/^id: (\S+)\ndata: (.*)$/gm)].map(([, id = '', data = '']) => ({
      id,
      body: JSON.parse(data),
    }));

  it('says what happens, with IDs to come back with, and a comment when nothing does', async () => {
    const stream = await open();
    expect(stream.reply.status).toBe(200);
    expect(stream.reply.headers['content-type']).toBe('text/event-stream');
    await testEvent({ MessageId: 'Base.1.22.Success' });
    await settle();
    const [event] = events(stream.text);
    expect(event?.body.Events[0].MessageId).toBe('Base.1.22.Success');
    expect(event?.body.Id).toBe(event?.id);
    if (!noSchemas) expect(schemaProblems(event?.body)).toEqual([]);
    await bench.clock.advanceAsync(heartbeatMs + 10, 1000);
    expect(stream.text.endsWith(': heartbeat\n\n')).toBe(true);
    stream.gone.abort();
    await settle();
    expect(stream.over).toBe(true);
    expect(bench.redfish.state.streams.count).toBe(0);
  });

  it('goes on behind the event that a client has seen last', async () => {
    const first = await open();
    for (const id of ['A.1.0.One', 'A.1.0.Two', 'A.1.0.Three']) await testEvent({ MessageId: id });
    await settle();
    const [one] = events(first.text);
    first.gone.abort();
    const again = await open({ 'last-event-id': one?.id ?? '' });
    await settle();
    expect(events(again.text).map(({ body }) => body.Events[0].MessageId)).toEqual([
      'A.1.0.Two',
      'A.1.0.Three',
    ]);
    // An ID of an earlier start: all of this one.
    const stranger = await open({ 'last-event-id': 'abc-7' });
    await settle();
    expect(events(stranger.text).length).toBeGreaterThanOrEqual(3);
    again.gone.abort();
    stranger.gone.abort();
  });

  it('filters', async () => {
    const stream = await open({}, "?$filter=RegistryPrefix%20eq%20'A'");
    for (const id of ['A.1.0.One', 'B.1.0.Two', 'A.1.0.Three']) await testEvent({ MessageId: id });
    await settle();
    expect(events(stream.text).map(({ body }) => body.Events[0].MessageId)).toEqual([
      'A.1.0.One',
      'A.1.0.Three',
    ]);
    stream.gone.abort();
    const bad = await bench.ask('GET', `${service}/SSE?$filter=((`);
    expect(bad.status).toBe(400);
  });

  it.each(["Bogus eq 'Q'", "RegistryPrefix eq 'A' or 'Q' eq Bogus", 'SubordinateResources eq true'])(
    'is not filtered by %s: it could never say anything',
    async (condition) => {
      const url = `${service}/SSE?$filter=${encodeURIComponent(condition)}`;
      for (const method of ['GET', 'HEAD'] as const) expect((await bench.ask(method, url)).status).toBe(400);
      const [said] = (await bench.ask('GET', url)).body.error['@Message.ExtendedInfo'];
      expect(said.MessageId).toBe('Base.1.22.QueryParameterValueFormatError');
      expect(said.Message).toMatch(/only EventFormatType, MessageId, /);
      expect(bench.redfish.state.streams.count).toBe(0);
    },
  );

  it('is filtered by everything that the service names', async () => {
    const { SSEFilterPropertiesSupported: supported } = (await bench.ask('GET', service)).body;
    for (const [name, isSupported] of Object.entries(supported)) {
      const url = `${service}/SSE?$filter=${encodeURIComponent(`${name} ne 'x'`)}`;
      expect([name, (await bench.ask('HEAD', url)).status]).toEqual([name, isSupported ? 200 : 400]);
    }
  });

  it('keeps its session in use, and ends with it', async () => {
    const login = await bench.ask('POST', '/redfish/v1/SessionService/Sessions', {
      as: undefined,
      body: { UserName: 'admin', Password: 'admin' },
    });
    const token = login.headers['x-auth-token'] ?? '';
    const stream = await open({ 'x-auth-token': token });
    await bench.clock.advanceAsync(4_000_000, 100_000);
    expect(stream.over).toBe(false);
    expect((await bench.ask('DELETE', login.headers.location ?? '')).status).toBe(204);
    await settle();
    expect(stream.over).toBe(true);
  });

  it('of a user who is changed ends', async () => {
    const stream = await open();
    const accounts = '/redfish/v1/AccountService/Accounts';
    await bench.ask('PATCH', `${accounts}/2`, { body: { Password: 'another-one' } });
    await settle();
    expect(stream.over).toBe(true);
  });

  it('is one of 32 at most', async () => {
    const streams = [];
    for (let i = 0; i < maxStreams; i++) streams.push(await open());
    expect((await bench.ask('GET', `${service}/SSE`)).status).toBe(503);
    streams[0]?.gone.abort();
    const one = await open();
    expect(one.reply.status).toBe(200);
    for (const each of [...streams, one]) each.gone.abort();
  });

  it('of a reader that takes nothing is dropped before it costs much', async () => {
    const reply = await bench.service.handle({
      method: 'GET',
      url: `${service}/SSE`,
      headers: { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
      body: new Uint8Array(),
      from: '192.0.2.9:50000',
      address: '192.0.2.9',
      gone: new AbortController().signal,
    });
    expect(reply.status).toBe(200);
    expect(bench.redfish.state.streams.count).toBe(1);
    for (let i = 0; i <= streamQueue; i++)
      bench.redfish.state.happenings.resource('changed', '/x', 'Manager');
    expect(bench.redfish.state.streams.count).toBe(0);
    let text = '';
    for await (const part of reply.body as AsyncIterable<string>) text += part;
    expect(text).toBe('');
  });

  it('needs a login', async () => {
    expect((await bench.ask('GET', `${service}/SSE`, { as: undefined })).status).toBe(401);
  });
});

describe('registries', () => {
  it('name every message that events and logs use', async () => {
    const { body } = await bench.ask('GET', '/redfish/v1/Registries/QemuBmc');
    const registry = await bench.ask('GET', body.Location[0].Uri);
    if (!noSchemas) expect(schemaProblems(registry.body)).toEqual([]);
    const log = await bench.ask('GET', '/redfish/v1/Managers/1/LogServices/EventLog/Entries');
    for (const { MessageId: id } of log.body.Members) {
      expect(id.startsWith(`${body.Registry}.`), id).toBe(true);
      expect(registry.body.Messages, id).toHaveProperty(id.slice(body.Registry.length + 1));
    }
  });
});
