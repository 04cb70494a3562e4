/**
 * What happens to this server and its resources, as Redfish tells it: one stream of event records that subscriptions and
 * event streams are fed from. It comes from the core's event log, the SEL, and what changes.ts finds changed; nobody
 * reports an event of the hardware here by hand.
 *
 * The latest records are kept in memory, so that a stream that broke off can go on where it was.
 */
import type { Bmc } from '../bmc/bmc.ts';
import { Emitter } from '../lib/emitter.ts';
import { type Resource, shortType } from './definition.ts';
import type { Json, JsonObject } from './json.ts';
import { baseMessages, baseRegistry } from './messages.ts';
import {
  ownMessageKeys,
  ownRegistry,
  type Severity,
  type Subject,
  toldEvent,
  toldSelRecord,
} from './own-registry.ts';
import { managerUri, onlyId, root, systemUri } from './paths.ts';
import { selWords } from './sel-words.ts';
import type { SelSensor } from './sensor-names.ts';
import { taskEventRegistry, taskMessages } from './task-messages.ts';

/**
 * What clients that do not know of registries ask for: EventTypes of a subscription. What logs and tasks say are alerts,
 * however good the news: such clients hear of it by no other name. `Other` is any of them, and stands where nothing was
 * asked for; metric reports are sent to streams alone.
 */
export const eventTypes = [
  'Alert',
  'Other',
  'ResourceAdded',
  'ResourceRemoved',
  'ResourceUpdated',
  'StatusChange',
] as const;
export type EventType = (typeof eventTypes)[number];

/** So many records are kept for streams that come back. */
export const ringCapacity = 1024;

export interface Happening {
  /** Rises by one, from 1 at each start. */
  readonly sequence: number;
  /** An EventRecord of Event.v1_13_0, without what depends on who is told: `MemberId`, `Context`, `EventType`. */
  readonly record: JsonObject;
  /** `QemuBmc.1.0.PowerOn` */
  readonly messageId: string;
  /** `QemuBmc` */
  readonly registryPrefix: string;
  /** What kind of resource it is about: `ComputerSystem`. */
  readonly resourceType: string;
  readonly origin: string;
  readonly severity: Severity;
  /** What it counts as. */
  readonly eventTypes: readonly EventType[];
}

interface Report {
  readonly messageId: string;
  readonly text: string;
  readonly args?: readonly string[];
  readonly severity: Severity;
  /** Path of the resource it is about. */
  readonly origin: string;
  readonly resourceType: string;
  /** An alert unless given. */
  readonly eventTypes?: readonly EventType[];
  /** Milliseconds since 1970; now unless given. */
  readonly time?: number;
  readonly more?: JsonObject;
}

const origins: Readonly<Record<Subject, { origin: string; resourceType: string }>> = {
  system: { origin: systemUri, resourceType: 'ComputerSystem' },
  manager: { origin: managerUri, resourceType: 'Manager' },
  accounts: { origin: `${root}/AccountService`, resourceType: 'AccountService' },
  sessions: { origin: `${root}/SessionService`, resourceType: 'SessionService' },
};

const resourceEvents = {
  created: ['ResourceCreated', 'The resource was created successfully.', ['ResourceAdded']],
  changed: [
    'ResourceChanged',
    'One or more resource properties have changed.',
    ['ResourceUpdated', 'StatusChange'],
  ],
  removed: ['ResourceRemoved', 'The resource was removed successfully.', ['ResourceRemoved']],
} as const satisfies Record<string, readonly [string, string, readonly EventType[]]>;
const resourceEventPrefix = 'ResourceEvent.1.4';

/** What a test event says unless its client has words of its own. */
export const testMessage = { id: `${resourceEventPrefix}.TestMessage`, text: 'Test message.' } as const;

/** The registries whose messages events are made of, and the keys of these messages. */
export const eventMessages: Readonly<Record<string, readonly string[]>> = {
  [ownRegistry.prefix]: ownMessageKeys,
  ResourceEvent: [...Object.values(resourceEvents).map(([key]) => key), 'TestMessage'],
  [taskEventRegistry.prefix]: Object.keys(taskMessages),
  [baseRegistry.prefix]: Object.keys(baseMessages),
};

export interface HappeningsOptions {
  readonly bmc: Bmc;
  /** What events may be about. */
  readonly resources: readonly Pick<Resource, 'type'>[];
  selSensor(number: number): SelSensor;
  /** Begins to watch the resources; done when each change of them will be told. Called more than once. */
  ready(): Promise<void>;
}

export class Happenings {
  /** The kinds of resources that events are about. */
  readonly resourceTypes: readonly string[];
  /** Done when everything that happens is told: who listens waits for it. */
  readonly ready: () => Promise<void>;
  readonly #bmc: Bmc;
  readonly #heard = new Emitter<Happening>();
  readonly #ring: Happening[] = [];
  readonly #unsubscribe: readonly (() => void)[];
  #sequence = 0;

  constructor({ bmc, resources, selSensor, ready }: HappeningsOptions) {
    this.ready = ready;
    const types = resources.flatMap(({ type }) => (type === undefined ? [] : [shortType(type)]));
    this.resourceTypes = [...new Set(types)].sort();
    this.#bmc = bmc;
    this.#unsubscribe = [
      bmc.events.onAdd((entry) => {
        const { about, ...told } = toldEvent(entry);
        const { origin, resourceType } = origins[about];
        const logEntry = `${managerUri}/LogServices/EventLog/Entries/${entry.id}`;
        this.report({
          ...told,
          origin,
          resourceType,
          time: entry.time,
          more: {
            LogEntry: { '@odata.id': logEntry },
            ...(entry.actor && { Username: entry.actor.name }),
          },
        });
      }),
      bmc.sel.onChange((change) => {
        const entry = bmc.sel.entries.at(-1);
        if (change !== 'added' || !entry) return;
        const { content, id } = entry;
        const sensor = content.kind === 'system' ? selSensor(content.sensorNumber) : undefined;
        const { text, severity } = selWords(content, sensor?.measures);
        const ended = content.kind === 'system' && !content.asserted;
        const name = sensor?.name ?? 'OEM';
        this.report({
          ...toldSelRecord([name, text, ended ? 'ended' : 'began'], severity),
          ...origins.system,
          more: { LogEntry: { '@odata.id': `${systemUri}/LogServices/SEL/Entries/${id}` } },
        });
      }),
    ];
  }

  /** What streams' positions begin with: those of an earlier start mean nothing now. */
  get latest(): number {
    return this.#sequence;
  }

  /** A resource has come, changed or gone. */
  resource(what: keyof typeof resourceEvents, origin: string, resourceType: string): void {
    const [id, text, eventTypes] = resourceEvents[what];
    this.report({
      messageId: `${resourceEventPrefix}.${id}`,
      text,
      severity: 'OK',
      origin,
      resourceType,
      eventTypes,
    });
  }

  report(report: Report): Happening {
    const { messageId, text, args = [], severity, origin, resourceType, more = {} } = report;
    const sequence = ++this.#sequence;
    const happening: Happening = {
      sequence,
      messageId,
      registryPrefix: messageId.slice(0, messageId.indexOf('.')),
      resourceType,
      origin,
      severity,
      eventTypes: report.eventTypes ?? ['Alert'],
      record: {
        EventId: String(sequence),
        EventTimestamp: new Date(report.time ?? this.#bmc.clock.wallTime()).toISOString(),
        Severity: severity,
        MessageSeverity: severity,
        Message: text,
        MessageId: messageId,
        ...(args.length > 0 && { MessageArgs: args as Json }),
        OriginOfCondition: { '@odata.id': origin },
        ...more,
      },
    };
    this.#ring.push(happening);
    if (this.#ring.length > ringCapacity) this.#ring.shift();
    this.#heard.emit(happening);
    return happening;
  }

  /** What is kept of what came after this one, oldest first. */
  since(sequence: number): readonly Happening[] {
    return this.#ring.filter((happening) => happening.sequence > sequence);
  }

  on(listener: (happening: Happening) => void): () => void {
    return this.#heard.on(listener);
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }
}

/**
 * The body that is sent: one record. Event.v1_13_0.
 * @param asked the types of events that its receiver asked for
 */
export function eventBody(happening: Happening, context: string, asked: readonly EventType[]): JsonObject {
  const { record, sequence } = happening;
  const EventType = happening.eventTypes.find((type) => asked.includes(type)) ?? 'Other';
  return {
    '@odata.type': '#Event.v1_13_0.Event',
    Id: String(sequence),
    Name: 'Event',
    Context: context,
    Events: [{ MemberId: onlyId, Context: context, EventType, ...record }],
    'Events@odata.count': 1,
  };
}
