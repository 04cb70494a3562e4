/** Events: subscriptions, the event stream, test events. DSP0266 §14; DSP0268: EventService, EventDestination. */
import { Type } from 'typebox';
import type { Context } from '../context.ts';
import { action, always, collection, create, plain, type Resource, resource } from '../definition.ts';
import { destinationProblem } from '../deliver.ts';
import { RedfishError } from '../errors.ts';
import type { StreamRequest } from '../event-streams.ts';
import { type Filter, parseFilter } from '../filter.ts';
import { eventMessages, eventTypes, testMessage } from '../happenings.ts';
import type { Json, JsonObject } from '../json.ts';
import { about, inWords, message } from '../messages.ts';
import { together } from '../patch.ts';
import { link, root, systemUri } from '../paths.ts';
import {
  retryAttempts,
  retryIntervalS,
  retryPolicies,
  type Subscription,
  uriOfSubscription,
  withoutVersion,
} from '../subscriptions.ts';

const uri = `${root}/EventService`;
const streamUri = `${uri}/SSE`;

export const registryPrefixes = Object.keys(eventMessages);

/** What a stream can be filtered by. */
const streamFilterProperties = [
  'EventFormatType',
  'MessageId',
  'MetricReportDefinition',
  'OriginResource',
  'RegistryPrefix',
  'ResourceType',
] as const;

const eventService = resource({
  path: '/redfish/v1/EventService',
  type: '#EventService.v1_12_0.EventService',
  privileges: { get: ['Login'], patch: ['ConfigureManager'], post: ['ConfigureManager'] },
  find: always,
  read: (_, { state }) => ({
    Id: 'EventService',
    Name: 'Event service',
    ServiceEnabled: true,
    Status: { State: 'Enabled', Health: 'OK' },
    DeliveryRetryAttempts: state.subscriptions.settings.attempts,
    DeliveryRetryIntervalSeconds: state.subscriptions.settings.intervalS,
    EventFormatTypes: ['Event'],
    RegistryPrefixes: registryPrefixes,
    ResourceTypes: state.happenings.resourceTypes as Json,
    SubordinateResourcesSupported: false,
    IncludeOriginOfConditionSupported: false,
    ServerSentEventUri: streamUri,
    SSEFilterPropertiesSupported: {
      ...Object.fromEntries(streamFilterProperties.map((name) => [name, true])),
      SubordinateResources: false,
    },
    Subscriptions: link(`${uri}/Subscriptions`),
  }),
  patch: together(
    Type.Object({
      DeliveryRetryAttempts: Type.Optional(
        Type.Integer({ minimum: retryAttempts.least, maximum: retryAttempts.most }),
      ),
      DeliveryRetryIntervalSeconds: Type.Optional(
        Type.Integer({ minimum: retryIntervalS.least, maximum: retryIntervalS.most }),
      ),
    }),
    ({ DeliveryRetryAttempts: attempts, DeliveryRetryIntervalSeconds: intervalS }, _, { state, actor }) =>
      state.subscriptions.setDelivery(
        {
          ...(attempts !== undefined && { attempts }),
          ...(intervalS !== undefined && { intervalS }),
        },
        actor,
      ),
  ),
  actions: [
    action({
      name: '#EventService.SubmitTestEvent',
      parameters: Type.Object({
        EventGroupId: Type.Optional(Type.Integer({ minimum: 0 })),
        EventId: Type.Optional(Type.String({ maxLength: 255 })),
        EventTimestamp: Type.Optional(Type.String({ maxLength: 64 })),
        EventType: Type.Optional(Type.Enum([...eventTypes])),
        Message: Type.Optional(Type.String({ maxLength: 1024 })),
        MessageArgs: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 16 })),
        MessageId: Type.Optional(
          Type.String({ maxLength: 128, pattern: '^[A-Za-z0-9]+(\\.[0-9]+)*\\.[A-Za-z0-9]+$' }),
        ),
        MessageSeverity: Type.Optional(Type.Enum(['OK', 'Warning', 'Critical'])),
        OriginOfCondition: Type.Optional(Type.String({ maxLength: 255, pattern: '^/redfish/v1' })),
        Severity: Type.Optional(Type.Enum(['OK', 'Warning', 'Critical'])),
      }),
      run(given, _, { state }) {
        const severity = given.MessageSeverity ?? given.Severity ?? 'OK';
        const origin = given.OriginOfCondition ?? systemUri;
        state.happenings.report({
          messageId: given.MessageId ?? testMessage.id,
          text: given.Message ?? testMessage.text,
          ...(given.EventType && { eventTypes: [given.EventType] }),
          ...(given.MessageArgs && { args: given.MessageArgs }),
          severity,
          origin,
          resourceType: 'ComputerSystem',
          more: {
            ...(given.EventId !== undefined && { EventId: given.EventId }),
            ...(given.EventTimestamp !== undefined && { EventTimestamp: timestamp(given.EventTimestamp) }),
            ...(given.EventGroupId !== undefined && { EventGroupId: given.EventGroupId }),
          },
        });
        return undefined;
      },
    }),
  ],
});

function timestamp(text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return text;
  throw new RedfishError(
    about(
      '#/EventTimestamp',
      message('ActionParameterValueFormatError', text, 'EventTimestamp', 'SubmitTestEvent'),
    ),
  );
}

const names = (maxItems = 32) => Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { maxItems });
/** RFC 9110 §5.1; one object for each header. */
const headers = Type.Array(
  Type.Record(
    Type.String({ pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$" }),
    Type.String({ maxLength: 2048 }),
  ),
  { maxItems: 16 },
);

const writable = {
  Context: Type.Optional(Type.String({ maxLength: 256 })),
  DeliveryRetryPolicy: Type.Optional(Type.Enum([...retryPolicies])),
  VerifyCertificate: Type.Optional(Type.Boolean()),
  HttpHeaders: Type.Optional(headers),
};

const subscriptions = collection({
  path: '/redfish/v1/EventService/Subscriptions',
  type: '#EventDestinationCollection.EventDestinationCollection',
  name: 'Event subscriptions',
  privileges: { get: ['Login'], post: ['ConfigureManager', 'ConfigureComponents'] },
  find: always,
  members: (_, { state }) => state.subscriptions.list().map(({ id }) => uriOfSubscription(id)),
  create: create({
    schema: Type.Object({
      Destination: Type.String({ maxLength: 2048 }),
      Protocol: Type.Enum(['Redfish']),
      ...writable,
      EventFormatType: Type.Optional(Type.Enum(['Event'])),
      SubscriptionType: Type.Optional(Type.Enum(['RedfishEvent'])),
      EventTypes: Type.Optional(Type.Array(Type.Enum([...eventTypes]), { maxItems: 32 })),
      RegistryPrefixes: Type.Optional(Type.Array(Type.Enum([...registryPrefixes]), { maxItems: 32 })),
      ResourceTypes: Type.Optional(names()),
      MessageIds: Type.Optional(names(128)),
    }),
    async run(given, _, context) {
      const { state, actor } = context;
      refuseUnknown('ResourceTypes', given.ResourceTypes, (type) =>
        state.happenings.resourceTypes.includes(type),
      );
      refuseUnknown('MessageIds', given.MessageIds, isMessageId);
      const problem = destinationProblem(given.Destination, state.destinations);
      if (problem !== undefined) {
        throw new RedfishError(
          about(
            '#/Destination',
            inWords(
              `Events cannot be sent to ${given.Destination}: ${problem}.`,
              message('PropertyValueError', 'Destination'),
            ),
          ),
        );
      }
      const made = state.subscriptions.add(
        {
          destination: given.Destination,
          context: given.Context ?? '',
          eventTypes: given.EventTypes ?? [],
          registryPrefixes: given.RegistryPrefixes ?? [],
          resourceTypes: given.ResourceTypes ?? [],
          messageIds: given.MessageIds ?? [],
          httpHeaders: headersOf(given.HttpHeaders),
          verifyCertificate: given.VerifyCertificate ?? true,
          retryPolicy: given.DeliveryRetryPolicy ?? 'TerminateAfterRetries',
        },
        actor,
      );
      await state.happenings.ready();
      const location = uriOfSubscription(made.id);
      return {
        status: 201,
        headers: { location },
        body: { '@odata.id': location, '@odata.type': destinationType, ...destinationBody(made, context) },
      };
    },
  }),
});

/** @throws {RedfishError} for what no event of ours will ever be about: its receiver would wait for nothing */
function refuseUnknown(
  property: string,
  values: readonly string[] | undefined,
  isKnown: (value: string) => boolean,
): void {
  const at = values?.findIndex((value) => !isKnown(value)) ?? -1;
  const unknown = values?.[at];
  if (unknown === undefined) return;
  throw new RedfishError(about(`#/${property}/${at}`, message('PropertyValueNotInList', unknown, property)));
}

/** With or without the version of its registry. */
function isMessageId(id: string): boolean {
  const [prefix = '', key = '', ...more] = withoutVersion(id).split('.');
  return (
    more.length === 0 && registryPrefixes.includes(prefix) && eventMessages[prefix]?.includes(key) === true
  );
}

const reserved = new Set([
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'expect',
]);

/** @throws {RedfishError} for headers that the delivery itself needs, or that are no text */
function headersOf(list: readonly Readonly<Record<string, string>>[] | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of (list ?? []).flatMap((each) => Object.entries(each))) {
    if (reserved.has(name.toLowerCase()) || !/^[\t\x20-\x7e]*$/.test(value)) {
      throw new RedfishError(
        about('#/HttpHeaders', message('PropertyValueFormatError', name, 'HttpHeaders')),
      );
    }
    result[name] = value;
  }
  return result;
}

const destinationType = '#EventDestination.v1_16_0.EventDestination';

const subscription = resource({
  path: '/redfish/v1/EventService/Subscriptions/:subscriptionId',
  type: destinationType,
  privileges: {
    get: ['Login'],
    patch: ['ConfigureManager', 'ConfigureComponents'],
    post: ['ConfigureManager', 'ConfigureComponents'],
    delete: ['ConfigureManager', 'ConfigureComponents'],
  },
  find: (params: { subscriptionId: string }, { state }) => state.subscriptions.get(params.subscriptionId),
  read: ({ found }, context) => destinationBody(found, context),
  patch: together(
    Type.Object(writable),
    (given, { found }: { readonly found: Subscription }, { state, actor }) =>
      state.subscriptions.change(
        found.id,
        {
          ...(given.Context !== undefined && { context: given.Context }),
          ...(given.DeliveryRetryPolicy !== undefined && { retryPolicy: given.DeliveryRetryPolicy }),
          ...(given.VerifyCertificate !== undefined && { verifyCertificate: given.VerifyCertificate }),
          ...(given.HttpHeaders !== undefined && { httpHeaders: headersOf(given.HttpHeaders) }),
        },
        actor,
      ),
  ),
  remove({ found }, { state, actor }) {
    state.subscriptions.remove(found.id, actor);
    return undefined;
  },
  actions: [
    action({
      name: '#EventDestination.ResumeSubscription',
      parameters: Type.Object({}),
      run(_, { found }: { readonly found: Subscription }, { state }) {
        state.subscriptions.resume(found.id);
        return undefined;
      },
    }),
  ],
});

function destinationBody(subscription: Subscription, { state }: Context): JsonObject {
  const { id, destination, context, verifyCertificate, retryPolicy } = subscription;
  return {
    Id: id,
    Name: 'Event subscription',
    Destination: destination,
    Protocol: 'Redfish',
    SubscriptionType: 'RedfishEvent',
    EventFormatType: 'Event',
    Context: context,
    // Deprecated since there are registries: told to those who have asked by it.
    ...(subscription.eventTypes.length > 0 && { EventTypes: subscription.eventTypes }),
    RegistryPrefixes: subscription.registryPrefixes as Json,
    ResourceTypes: subscription.resourceTypes as Json,
    MessageIds: subscription.messageIds as Json,
    // They may hold secrets.
    HttpHeaders: [],
    VerifyCertificate: verifyCertificate,
    DeliveryRetryPolicy: retryPolicy,
    SubordinateResources: false,
    Status: state.subscriptions.isSuspended(id)
      ? { State: 'Disabled', Health: 'Warning' }
      : { State: 'Enabled', Health: 'OK' },
  };
}

const stream = plain({
  path: '/redfish/v1/EventService/SSE',
  privileges: { get: ['Login'] },
  answer(_, context) {
    const { request, state, bmc, user, sessionId } = context;
    const { wanted, wantsReports } = filterOf(request.url);
    const head = {
      status: 200,
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    };
    if (request.method === 'HEAD') return head;
    const lastEventId = request.headers['last-event-id'];
    const cleanUps: (() => void)[] = [];
    const { body, cut, end } = state.streams.open({
      lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
      wanted,
      wantsReports,
      gone: request.gone,
      ended() {
        for (const cleanUp of cleanUps) cleanUp();
      },
    });
    // A stream keeps its session in use, and ends with it, or with the user that the request named.
    if (sessionId !== undefined) {
      cleanUps.push(
        state.sessions.hold(sessionId),
        state.sessions.onEnd(({ session }) => {
          if (session.id === sessionId) end();
        }),
      );
    } else {
      cleanUps.push(
        bmc.users.onChange((changed) => {
          if (changed.id === user?.id) end();
        }),
      );
    }
    return { ...head, body, cut };
  },
});

/** `$filter` on {@link streamFilterProperties}. @throws {RedfishError} for another query or another property */
function filterOf(url: string): Pick<StreamRequest, 'wanted' | 'wantsReports'> {
  const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
  const unknown = [...query.keys()].find((name) => name.startsWith('$') && name !== '$filter');
  if (unknown !== undefined) throw new RedfishError(message('QueryParameterUnsupported', unknown));
  const text = query.get('$filter');
  if (text === null) return { wanted: () => true, wantsReports: () => false };
  const filter: Filter = parseFilter(text, streamFilterProperties);
  // Clients that have not heard of metric reports filter by what events have.
  const knowsReports = /\b(EventFormatType|MetricReportDefinition)\b/.test(text);
  return {
    wanted: ({ messageId, registryPrefix, resourceType, origin }) =>
      filter({
        EventFormatType: 'Event',
        MessageId: messageId,
        OriginResource: origin,
        RegistryPrefix: registryPrefix,
        ResourceType: resourceType,
      }),
    wantsReports: (definition) =>
      knowsReports && filter({ EventFormatType: 'MetricReport', MetricReportDefinition: definition }),
  };
}

export const eventServiceResources: readonly Resource[] = [eventService, subscriptions, subscription, stream];
