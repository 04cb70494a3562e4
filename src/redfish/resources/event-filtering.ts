/**
 * Platform event filtering, the one that IPMI's clients configure: which events of the SEL the BMC acts on, by which
 * policy alerts go out, and to whom. IPMI 2.0 §17. Redfish has no resources for it: its own subscriptions carry other
 * events to other receivers. So these are ours, below the manager.
 *
 * Whoever may log in may look, as at the rest of the manager; changing takes what IPMI's Administrator level has. The
 * community string of the traps can be set and is not shown.
 */
import { isIP } from 'node:net';
import { Type } from 'typebox';
import { BmcError } from '../../bmc/errors.ts';
import type { DataMatch, EventFilter, EventSeverity, PefAction } from '../../bmc/event-filter.ts';
import { type AlertDestination, destinationCount, maxCommunityBytes } from '../../bmc/lan-settings.ts';
import {
  type AlertPolicy,
  type AlertRule,
  filterCount,
  type PefSettings,
  policyCount,
} from '../../bmc/pef-settings.ts';
import { delay } from '../../lib/clock.ts';
import type { Context } from '../context.ts';
import { action, collection, type Outcome, type Resource, resource, type Target } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { about, inWords, message } from '../messages.ts';
import { together } from '../patch.ts';
import { eventFilteringUri, findManager, link } from '../paths.ts';
import { filterWords } from '../sel-words.ts';
import { accepted } from '../tasks.ts';
import { oemCollection, oemEntity, reference, writable } from './oem-object.ts';

const privileges = {
  get: ['Login'],
  patch: ['ConfigureManager'],
} as const satisfies Resource['privileges'];
/** A test that takes longer becomes a task: whoever acknowledges alerts may take his time. */
const quickMs = 2000;

const actionNames = {
  'power-off': 'PowerOff',
  'power-cycle': 'PowerCycle',
  reset: 'Reset',
  'diagnostic-interrupt': 'DiagnosticInterrupt',
  alert: 'Alert',
} as const satisfies Record<PefAction, string>;
const severityNames = {
  unspecified: 'Unspecified',
  monitor: 'Monitor',
  information: 'Information',
  ok: 'OK',
  'non-critical': 'NonCritical',
  critical: 'Critical',
  'non-recoverable': 'NonRecoverable',
} as const satisfies Record<EventSeverity, string>;
const ruleNames = {
  always: 'Always',
  'unless-sent': 'UnlessSent',
  'stop-if-sent': 'StopIfSent',
  'other-channel-if-sent': 'OtherChannelIfSent',
  'other-type-if-sent': 'OtherTypeIfSent',
} as const satisfies Record<AlertRule, string>;

/** From a name of Redfish back to the core's. */
function keyOf<K extends string, N extends string>(names: Readonly<Record<K, N>>, name: N): K {
  const found = (Object.keys(names) as K[]).find((key) => names[key] === name);
  if (found === undefined) throw new RangeError(`no name ${name}`);
  return found;
}

const flag = (description: string) => Type.Boolean({ description, ...writable });
const whole = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description, ...writable });
/** A byte, where FFh means any. */
const orAny = (description: string) =>
  Type.Union([Type.Integer({ minimum: 0, maximum: 0xfe }), Type.Null()], {
    description: `${description}; null for any.`,
    ...writable,
  });
const dataBytes = (description: string) =>
  Type.Array(Type.Integer({ minimum: 0, maximum: 0xff }), {
    minItems: 3,
    maxItems: 3,
    description,
    ...writable,
  });
const actionList = (description: string) =>
  Type.Array(
    Type.Enum(Object.values(actionNames), { title: 'FilterAction', description: 'What the BMC does.' }),
    { maxItems: Object.keys(actionNames).length, description, ...writable },
  );

const filter = oemEntity(
  'QemuBmcEventFilter',
  'An event filter: which events of the SEL the BMC acts on, and how.',
  {
    Enabled: flag('An indication of whether the filter is looked at.'),
    Preconfigured: Type.Boolean({
      description: 'An indication of whether its maker marked it as part of the platform.',
    }),
    FilterActions: actionList('What is done about an event that matches.'),
    AlertPolicyNumber: whole(0, 15, 'The alert policies that an alert follows; 0 for none.'),
    EventSeverity: Type.Enum(Object.values(severityNames), {
      title: 'EventSeverity',
      description: 'How grave alerts say that it is.',
      ...writable,
    }),
    GeneratorAddress: orAny('The slave address or software ID that the event comes from'),
    GeneratorChannel: orAny('The second byte of the generator ID'),
    SensorType: orAny('The type of the sensor, by its number in IPMI'),
    SensorNumber: orAny('The number of the sensor'),
    EventTrigger: orAny('The event type, with bit 7 for the end of a state'),
    EventOffsets: Type.Array(Type.Integer({ minimum: 0, maximum: 15 }), {
      maxItems: 16,
      description: 'The offsets of the event type that match.',
      ...writable,
    }),
    EventDataMask: dataBytes('Of each byte of event data the bits that count.'),
    EventDataExact: dataBytes(
      'Of these those that must all be as in EventDataValue; of the others one suffices.',
    ),
    EventDataValue: dataBytes('What event data are compared with.'),
  },
);

const policy = oemEntity(
  'QemuBmcAlertPolicy',
  'An entry of an alert policy: where alerts go, and in which order.',
  {
    Enabled: flag('An indication of whether the entry is followed.'),
    PolicyNumber: whole(1, 15, 'The policy that the entry belongs to.'),
    Rule: Type.Enum(Object.values(ruleNames), {
      title: 'AlertRule',
      description: 'When the entry is followed, after the one before it in the same policy.',
      ...writable,
    }),
    Channel: whole(0, 15, 'The channel that alerts go out over; 1 is the LAN.'),
    Destination: whole(0, 15, 'The number of the alert destination.'),
    EventSpecificString: flag('An indication of whether the filter that matched chooses the string.'),
    StringSelector: whole(0, 127, 'The string, or the set of strings, that goes with the alert.'),
  },
);

const destination = oemEntity(
  'QemuBmcAlertDestination',
  'Where alerts go, as platform event traps of SNMP over UDP.',
  {
    Address: Type.Union([Type.String(), Type.Null()], {
      description: 'The IPv4 or IPv6 address of the receiver; null for none.',
      ...writable,
    }),
    Acknowledged: flag('An indication of whether the receiver is expected to acknowledge alerts.'),
    RetryCount: whole(0, 7, 'How often an alert is sent again.'),
    RetryIntervalSeconds: whole(0, 255, 'How long to wait for an acknowledgement, or between repeats.'),
  },
  { SendTestAlert: 'Sends an alert about nothing, to see whether it arrives.' },
);

const filters = oemCollection(filter, 'The event filters.');
const policies = oemCollection(policy, 'The entries of the alert policies.');
const destinations = oemCollection(destination, 'The alert destinations.');

const community = Type.String({ maxLength: maxCommunityBytes, pattern: '^[ -~]*$' });

const eventFiltering = oemEntity('QemuBmcEventFiltering', 'What the BMC does about events by itself.', {
  Enabled: flag('An indication of whether events are filtered at all.'),
  LogActions: flag('An indication of whether the SEL tells of an action before it is taken.'),
  AllowedActions: actionList('What filters are allowed to do at all.'),
  StartupDelayEnabled: flag('An indication of whether filtering waits after a start of the machine.'),
  StartupDelaySeconds: whole(0, 255, 'How long filtering waits.'),
  AlertStartupDelayEnabled: flag('An indication of whether alerts wait after a start of the machine.'),
  AlertStartupDelaySeconds: whole(0, 255, 'How long alerts wait.'),
  TrapCommunity: Type.Union([community, Type.Null()], {
    description: 'The community string of the traps; null when read.',
    ...writable,
  }),
  TrapPort: Type.Integer({
    minimum: 1,
    maximum: 65_535,
    description: 'The UDP port of the receivers that traps are sent to, by the configuration.',
  }),
  EventFilters: reference(filters.name, 'The event filters.'),
  AlertPolicies: reference(policies.name, 'The entries of the alert policies.'),
  AlertDestinations: reference(destinations.name, 'The alert destinations.'),
});

export const oemEntities = [eventFiltering, filter, policy, destination] as const;
export const oemCollections = [filters, policies, destinations] as const;

const {
  EventFilters: _filters,
  AlertPolicies: _policies,
  AlertDestinations: _destinations,
  TrapCommunity: _community,
  TrapPort: _port,
  ...writableOfAll
} = eventFiltering.schema.properties;

const eventFilteringResource = resource({
  path: '/redfish/v1/Managers/:managerId/Oem/QemuBmc/EventFiltering',
  type: eventFiltering.type,
  privileges,
  find: findManager,
  read: (_, { bmc: { pef }, state }) => {
    const { settings } = pef;
    return {
      Id: 'EventFiltering',
      Name: 'Platform event filtering',
      Enabled: settings.enabled,
      LogActions: settings.logActions,
      AllowedActions: settings.allowedActions.map((each) => actionNames[each]),
      StartupDelayEnabled: settings.startupDelayEnabled,
      StartupDelaySeconds: settings.startupDelayS,
      AlertStartupDelayEnabled: settings.alertStartupDelayEnabled,
      AlertStartupDelaySeconds: settings.alertStartupDelayS,
      TrapCommunity: null,
      TrapPort: state.endpoints.trapPort,
      EventFilters: link(`${eventFilteringUri}/EventFilters`),
      AlertPolicies: link(`${eventFilteringUri}/AlertPolicies`),
      AlertDestinations: link(`${eventFilteringUri}/AlertDestinations`),
    };
  },
  patch: together(
    Type.Object({ ...writableOfAll, TrapCommunity: community }),
    ({ AllowedActions: allowed, TrapCommunity: traps, ...change }, __, { bmc, actor }) => {
      const next = {
        enabled: change.Enabled,
        logActions: change.LogActions,
        startupDelayEnabled: change.StartupDelayEnabled,
        startupDelayS: change.StartupDelaySeconds,
        alertStartupDelayEnabled: change.AlertStartupDelayEnabled,
        alertStartupDelayS: change.AlertStartupDelaySeconds,
        allowedActions: allowed?.map((name) => keyOf(actionNames, name)),
      } satisfies { [K in keyof PefSettings]?: PefSettings[K] | undefined };
      bmc.pef.update(defined(next), actor);
      if (traps !== undefined) bmc.lan.update({ community: traps }, actor);
    },
  ),
});

/** What was sent; the rest stays. */
function defined<T extends object>(change: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(change).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** @returns the place in the table, 0 and up; undefined for what is no number from 1 to `count` */
function placeOf(id: string, count: number): number | undefined {
  if (!/^[1-9]\d?$/.test(id)) return undefined;
  return Number(id) <= count ? Number(id) - 1 : undefined;
}

interface Numbered<T> {
  readonly index: number;
  readonly entry: T;
}

/** @param all of a table, in order */
function numbered<T>(all: readonly T[], id: string): Numbered<T> | undefined {
  const index = placeOf(id, all.length);
  const entry = index === undefined ? undefined : all[index];
  return index === undefined || entry === undefined ? undefined : { index, entry };
}

function numberedUris(uri: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${uri}/${index + 1}`);
}

const filterCollection = collection({
  path: '/redfish/v1/Managers/:managerId/Oem/QemuBmc/EventFiltering/EventFilters',
  type: filters.type,
  name: 'Event filters',
  privileges: { get: privileges.get },
  find: findManager,
  members: () => numberedUris(`${eventFilteringUri}/EventFilters`, filterCount),
});

const { Preconfigured: _preconfigured, ...writableOfFilter } = filter.schema.properties;

const filterResource = resource({
  path: '/redfish/v1/Managers/:managerId/Oem/QemuBmc/EventFiltering/EventFilters/:filterId',
  type: filter.type,
  privileges,
  find: ({ managerId, filterId }, { bmc }) =>
    findManager({ managerId }) && numbered(bmc.pef.settings.filters, filterId),
  read: ({ found: { index, entry } }) => ({
    Id: String(index + 1),
    Name: `Event filter ${index + 1}`,
    Description: filterWords(entry),
    Enabled: entry.enabled,
    Preconfigured: entry.preconfigured,
    FilterActions: entry.actions.map((each) => actionNames[each]),
    AlertPolicyNumber: entry.policyNumber,
    EventSeverity: severityNames[entry.severity],
    GeneratorAddress: entry.generatorAddress ?? null,
    GeneratorChannel: entry.generatorChannel ?? null,
    SensorType: entry.sensorType ?? null,
    SensorNumber: entry.sensorNumber ?? null,
    EventTrigger: entry.trigger ?? null,
    EventOffsets: offsets.filter((offset) => (entry.offsets >> offset) & 1),
    EventDataMask: entry.data.map(({ mask }) => mask),
    EventDataExact: entry.data.map(({ exact }) => exact),
    EventDataValue: entry.data.map(({ value }) => value),
  }),
  patch: together(
    Type.Object(writableOfFilter),
    (change, { found: { index, entry } }: Target<unknown, Numbered<EventFilter>>, { bmc, actor }) => {
      const orBefore = (value: number | null | undefined, before: number | undefined) =>
        value === undefined ? before : (value ?? undefined);
      const { EventSeverity: severity, FilterActions: actions, EventOffsets: matching } = change;
      const { EventDataMask: mask, EventDataExact: exact, EventDataValue: value } = change;
      const next: EventFilter = {
        ...entry,
        enabled: change.Enabled ?? entry.enabled,
        actions: actions?.map((name) => keyOf(actionNames, name)) ?? entry.actions,
        policyNumber: change.AlertPolicyNumber ?? entry.policyNumber,
        severity: severity === undefined ? entry.severity : keyOf(severityNames, severity),
        generatorAddress: orBefore(change.GeneratorAddress, entry.generatorAddress),
        generatorChannel: orBefore(change.GeneratorChannel, entry.generatorChannel),
        sensorType: orBefore(change.SensorType, entry.sensorType),
        sensorNumber: orBefore(change.SensorNumber, entry.sensorNumber),
        trigger: orBefore(change.EventTrigger, entry.trigger),
        offsets: matching?.reduce((bits, offset) => bits | (1 << offset), 0) ?? entry.offsets,
        data: eachByte(
          ({ mask: m, exact: e, value: v }, byte) => ({
            mask: mask?.[byte] ?? m,
            exact: exact?.[byte] ?? e,
            value: value?.[byte] ?? v,
          }),
          entry.data,
        ),
      };
      bmc.pef.update({ filters: bmc.pef.settings.filters.with(index, next) }, actor);
    },
  ),
});

const offsets = Array.from({ length: 16 }, (__, offset) => offset);

function eachByte(
  to: (match: DataMatch, byte: number) => DataMatch,
  [first, second, third]: EventFilter['data'],
): EventFilter['data'] {
  return [to(first, 0), to(second, 1), to(third, 2)];
}

const policyCollection = collection({
  path: '/redfish/v1/Managers/:managerId/Oem/QemuBmc/EventFiltering/AlertPolicies',
  type: policies.type,
  name: 'Alert policies',
  privileges: { get: privileges.get },
  find: findManager,
  members: () => numberedUris(`${eventFilteringUri}/AlertPolicies`, policyCount),
});

const policyResource = resource({
  path: '/redfish/v1/Managers/:managerId/Oem/QemuBmc/EventFiltering/AlertPolicies/:policyId',
  type: policy.type,
  privileges,
  find: ({ managerId, policyId }, { bmc }) =>
    findManager({ managerId }) && numbered(bmc.pef.settings.policies, policyId),
  read: ({ found: { index, entry } }) => ({
    Id: String(index + 1),
    Name: `Entry ${index + 1} of the alert policies`,
    Enabled: entry.enabled,
    PolicyNumber: entry.policyNumber,
    Rule: ruleNames[entry.rule],
    Channel: entry.channel,
    Destination: entry.destination,
    EventSpecificString: entry.eventSpecificString,
    StringSelector: entry.stringSelector,
  }),
  patch: together(
    policy.schema,
    (
      { Rule: rule, ...change },
      { found: { index, entry } }: Target<unknown, Numbered<AlertPolicy>>,
      { bmc, actor },
    ) => {
      const next: AlertPolicy = {
        ...entry,
        ...defined({
          enabled: change.Enabled,
          policyNumber: change.PolicyNumber,
          rule: rule === undefined ? undefined : keyOf(ruleNames, rule),
          channel: change.Channel,
          destination: change.Destination,
          eventSpecificString: change.EventSpecificString,
          stringSelector: change.StringSelector,
        }),
      };
      bmc.pef.update({ policies: bmc.pef.settings.policies.with(index, next) }, actor);
    },
  ),
});

const noAddress = '0.0.0.0';

const destinationCollection = collection({
  path: '/redfish/v1/Managers/:managerId/Oem/QemuBmc/EventFiltering/AlertDestinations',
  type: destinations.type,
  name: 'Alert destinations',
  privileges: { get: privileges.get },
  find: findManager,
  members: () => numberedUris(`${eventFilteringUri}/AlertDestinations`, destinationCount),
});

const destinationResource = resource({
  path: '/redfish/v1/Managers/:managerId/Oem/QemuBmc/EventFiltering/AlertDestinations/:destinationId',
  type: destination.type,
  privileges: { ...privileges, post: ['ConfigureManager'] },
  // Without the volatile one, which is number 0.
  find: ({ managerId, destinationId }, { bmc }) =>
    findManager({ managerId }) && numbered(bmc.lan.configuration.destinations.slice(1), destinationId),
  read: ({ found: { index, entry } }) => ({
    Id: String(index + 1),
    Name: `Alert destination ${index + 1}`,
    Address: entry.address === noAddress ? null : entry.address,
    Acknowledged: entry.acknowledged,
    RetryCount: entry.retries,
    RetryIntervalSeconds: entry.retryIntervalS,
  }),
  patch: together(
    destination.schema,
    (change, { found: { index, entry } }: Target<unknown, Numbered<AlertDestination>>, { bmc, actor }) => {
      const { Address: address } = change;
      const next = {
        ...entry,
        ...defined({
          address: address === undefined ? undefined : addressOf(address),
          acknowledged: change.Acknowledged,
          retries: change.RetryCount,
          retryIntervalS: change.RetryIntervalSeconds,
        }),
      };
      bmc.lan.setDestination(index + 1, next, actor);
    },
  ),
  actions: [
    action({
      name: '#QemuBmcAlertDestination.SendTestAlert',
      parameters: Type.Object({}),
      run: (__, { found: { index, entry } }: Target<unknown, Numbered<AlertDestination>>, context) => {
        const number = index + 1;
        if (entry.address !== noAddress) return sendTest(number, context);
        throw new BmcError('bad-argument', `alert destination ${number} has no address`);
      },
    }),
  ],
});

/** @throws {RedfishError} for what is no address of one receiver */
function addressOf(text: string | null): string {
  if (text === null) return noAddress;
  const first = Number.parseInt(text, 10);
  const isGroup = isIP(text) === 6 ? /^(ff|::$)/i.test(text) : first === 0 || first >= 224;
  if (isIP(text) !== 0 && !isGroup) return text;
  throw new RedfishError(
    about(
      '#/Address',
      inWords(
        `The IPv4 or IPv6 address of one receiver is wanted, not ${text}.`,
        message('PropertyValueFormatError', text, 'Address'),
      ),
    ),
  );
}

/** @throws {RedfishError} when it is known soon that the alert did not arrive */
async function sendTest(number: number, { bmc, state, actor, user }: Context): Promise<Outcome> {
  const sent = bmc.pef.test(number, actor).then((outcome): Outcome => {
    if (outcome === 'sent') return undefined;
    const text =
      outcome === 'not-sent'
        ? 'The network did not take the alert.'
        : 'The alert was sent, and nobody has acknowledged it.';
    throw new RedfishError(inWords(text, message('OperationTimeout')));
  });
  const quick = await Promise.race([sent.then(() => true), delay(bmc.clock, quickMs).then(() => false)]);
  if (quick) return undefined;
  return accepted(
    state.tasks.start({
      name: `Test alert to destination ${number}`,
      actor,
      userId: user?.id,
      run: () => sent,
    }),
  );
}

export const eventFilteringResources: readonly Resource[] = [
  eventFilteringResource,
  filterCollection,
  filterResource,
  policyCollection,
  policyResource,
  destinationCollection,
  destinationResource,
];
