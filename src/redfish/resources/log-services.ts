/**
 * Logs: the SEL that IPMI clients share, the event log, the part of it that says who changed what, and what the host said
 * on its serial port. DSP0268: LogService, LogEntry.
 */
import { Type } from 'typebox';
import type { Face } from '../../bmc/actor.ts';
import { consoleRingBytes } from '../../bmc/console.ts';
import { type EventEntry, eventLogCapacity } from '../../bmc/event-log.ts';
import type { SelEntry } from '../../bmc/sel.ts';
import type { Context } from '../context.ts';
import { action, collection, plain, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { message } from '../messages.ts';
import { toldEvent, toldSelRecord } from '../own-registry.ts';
import { findManager, findSystem, link, managerUri, systemUri } from '../paths.ts';
import { selWords } from '../sel-words.ts';
import { selSensor } from '../sensor-names.ts';
import { dateTime } from './manager.ts';
import { oemObject } from './oem-object.ts';

const readable = { get: ['Login'] } as const;
/** Entries are shown whole, so many at once. */
const pageSize = 100;

const serviceType = '#LogService.v1_9_0.LogService';
const collectionType = '#LogEntryCollection.LogEntryCollection';
const entryType = '#LogEntry.v1_21_0.LogEntry';

function positive(text: string): number {
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN;
}

function common({ bmc }: Context): JsonObject {
  return {
    DateTime: dateTime(bmc.clock.wallTime()),
    DateTimeLocalOffset: '+00:00',
    ServiceEnabled: true,
    Status: { State: 'Enabled', Health: 'OK' },
  };
}

// The SEL, under the system whose hardware it is about, and under the manager that keeps it: one log.

type SystemPath = '/redfish/v1/Systems/:systemId';
type ManagerPath = '/redfish/v1/Managers/:managerId';
type LogOwner = { readonly systemId: string } | { readonly managerId: string };

function findOwner(params: LogOwner): true | undefined {
  return 'systemId' in params ? findSystem(params) : findManager(params);
}

function selResources(path: SystemPath | ManagerPath, uri: string): readonly Resource[] {
  const findLog = (params: unknown) => findOwner(params as LogOwner);
  const findEntry = (params: unknown, { bmc }: Context) =>
    findLog(params) && bmc.sel.get(positive((params as { readonly entryId: string }).entryId));
  return [
    resource({
      path: `${path}/LogServices/SEL`,
      type: serviceType,
      privileges: { ...readable, post: ['ConfigureManager'] },
      find: findLog,
      volatile: ['DateTime'],
      read: (_, context) => ({
        Id: 'SEL',
        Name: 'System Event Log',
        Description: 'What the hardware reported: the log that IPMI clients read, add to and clear.',
        LogEntryType: 'SEL',
        LogPurposes: ['Diagnostic'],
        MaxNumberOfRecords: context.bmc.sel.capacity,
        OverWritePolicy: 'NeverOverWrites',
        Overflow: context.bmc.sel.overflow,
        Persistency: true,
        ...common(context),
        Entries: link(`${uri}/LogServices/SEL/Entries`),
      }),
      actions: [
        action({
          name: '#LogService.ClearLog',
          parameters: Type.Object({ LogEntriesETag: Type.Optional(Type.String({ maxLength: 64 })) }),
          run({ LogEntriesETag: etag }, _, { bmc, actor }) {
            if (etag !== undefined) {
              throw new RedfishError(message('ActionParameterNotSupported', 'LogEntriesETag', 'ClearLog'));
            }
            bmc.sel.clear(actor);
            return undefined;
          },
        }),
      ],
    }),
    collection({
      path: `${path}/LogServices/SEL/Entries`,
      type: collectionType,
      name: 'Entries of the System Event Log',
      privileges: readable,
      find: findLog,
      pageSize,
      members: (_, { bmc }) => bmc.sel.entries.map(({ id }) => `${uri}/LogServices/SEL/Entries/${id}`),
    }),
    resource({
      path: `${path}/LogServices/SEL/Entries/:entryId`,
      type: entryType,
      privileges: { ...readable, delete: ['ConfigureManager'] },
      find: findEntry,
      read: ({ found }, context) => selEntryBody(found, context),
      remove({ found }, { bmc, actor }) {
        bmc.sel.delete(found.id, actor);
        return undefined;
      },
    }),
  ];
}

export function selEntryBody({ id, time, content }: SelEntry, { bmc, state }: Context): JsonObject {
  const sensor =
    content.kind === 'system' ? selSensor(bmc, content.sensorNumber, state.sensorKey) : undefined;
  const { sensorType, entryCode, text, severity } = selWords(content, sensor?.measures);
  const name = sensor?.name ?? 'OEM';
  const change = content.kind === 'system' && !content.asserted ? 'ended' : 'began';
  const told = toldSelRecord([name, text, change], severity);
  return {
    Id: String(id),
    Name: `SEL entry ${id}`,
    EntryType: 'SEL',
    // The kind of record that has no room for a time.
    ...(content.kind !== 'oem-untimed' && { Created: dateTime(time * 1000) }),
    SensorType: sensorType,
    ...(content.kind === 'system'
      ? {
          SensorNumber: content.sensorNumber,
          GeneratorId: `0x${content.generatorId.toString(16).padStart(4, '0')}`,
        }
      : { OemSensorType: `type ${content.type.toString(16)}h` }),
    EntryCode: entryCode,
    ...(entryCode === 'OEM' && { OemLogEntryCode: Buffer.from(content.data).toString('hex') }),
    Severity: told.severity,
    Message: told.text,
    MessageId: told.messageId,
    MessageArgs: told.args,
  };
}

// The event log and the audit log, which is the part of it with somebody who asked.

function isAudited({ actor }: EventEntry): boolean {
  return actor !== undefined && actor.face !== 'bmc';
}

function eventLogResources(
  id: 'EventLog' | 'AuditLog',
  { name, description, purpose }: { name: string; description: string; purpose: string },
): readonly Resource[] {
  const path = `/redfish/v1/Managers/:managerId/LogServices/${id}` as const;
  const uri = `${managerUri}/LogServices/${id}`;
  const isHere = (entry: EventEntry) => id === 'EventLog' || isAudited(entry);
  const findEntry = (params: { managerId: string; entryId: string }, { bmc }: Context) => {
    const entry = findManager(params) && bmc.events.get(positive(params.entryId));
    return entry && isHere(entry) ? entry : undefined;
  };
  return [
    resource({
      path,
      type: serviceType,
      privileges: readable,
      find: findManager,
      volatile: ['DateTime'],
      read: (_, context) => ({
        Id: id,
        Name: name,
        Description: description,
        LogEntryType: 'Event',
        LogPurposes: [purpose],
        MaxNumberOfRecords: eventLogCapacity,
        OverWritePolicy: 'WrapsWhenFull',
        Persistency: true,
        ...common(context),
        Entries: link(`${uri}/Entries`),
      }),
    }),
    collection({
      path: `${path}/Entries`,
      type: collectionType,
      name: `Entries of the ${name.toLowerCase()}`,
      privileges: readable,
      find: findManager,
      pageSize,
      members: (_, { bmc }) =>
        bmc.events
          .list()
          .filter(isHere)
          .map((entry) => `${uri}/Entries/${entry.id}`),
    }),
    resource({
      path: `${path}/Entries/:entryId`,
      type: entryType,
      privileges: readable,
      find: findEntry,
      read: ({ found }) => eventEntryBody(found),
    }),
  ];
}

/** Which face somebody came by, as the scheme of an address; others are no places of a network. */
const schemes: Partial<Record<Face, string>> = { ipmi: 'ipmi', redfish: 'https' };

/** Every face by name, as Redfish writes names. */
const faceNames = {
  ipmi: 'IPMI',
  'in-band': 'SystemInterface',
  redfish: 'Redfish',
  admin: 'Admin',
  bmc: 'Bmc',
} as const satisfies Record<Face, string>;

/** Of an entry of the event log: what Redfish has no words for. */
export const auditObject = oemObject(
  'QemuBmcLogEntry',
  'What an event is made of, by which face somebody came, and which values are others now.',
  {
    Face: Type.Optional(
      Type.Enum(Object.values(faceNames), {
        title: 'Face',
        description: 'The face that somebody came by.',
      }),
    ),
    Facts: Type.Optional(
      Type.Array(
        Type.Object(
          {
            Name: Type.String({ description: 'What it is.' }),
            Value: Type.String({ description: 'As it was when this happened.' }),
          },
          { title: 'Fact', description: 'A part of what the message says.', additionalProperties: false },
        ),
        { description: 'What the message is made of, for clients that word it themselves.' },
      ),
    ),
    Changes: Type.Optional(
      Type.Array(
        Type.Object(
          {
            Name: Type.String({ description: 'Names from the setting to the value, with dots between.' }),
            Before: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
              description: 'The value before; null where there was none.',
            }),
            After: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
              description: 'The value after; null where there is none.',
            }),
          },
          { title: 'Change', description: 'One value that is another now.', additionalProperties: false },
        ),
        { description: 'The values that are others now.' },
      ),
    ),
  },
);

function auditOem(entry: EventEntry): JsonObject | undefined {
  const { actor, changes, facts } = entry;
  const isSomebody = actor && isAudited(entry);
  if (!isSomebody && !facts) return undefined;
  return auditObject.oem({
    ...(isSomebody && { Face: faceNames[actor.face] }),
    ...(facts && { Facts: Object.entries(facts).map(([Name, Value]) => ({ Name, Value })) }),
    ...(isSomebody &&
      changes && {
        Changes: changes.map(({ name, before, after }) => ({ Name: name, Before: before, After: after })),
      }),
  });
}

function eventEntryBody(entry: EventEntry): JsonObject {
  const { messageId, text, args, severity } = toldEvent(entry);
  const { id, time, actor } = entry;
  return {
    Id: String(id),
    Name: `Event ${id}`,
    EntryType: 'Event',
    Created: new Date(time).toISOString(),
    EventTimestamp: new Date(time).toISOString(),
    Severity: severity,
    Message: text,
    MessageId: messageId,
    MessageArgs: args,
    ...(actor &&
      (isAudited(entry)
        ? {
            Originator: actor.name,
            OriginatorType: 'Client',
            Username: actor.name,
            ...(actor.from !== undefined &&
              schemes[actor.face] !== undefined && {
                OriginAddress: `${schemes[actor.face]}://${actor.from}`,
              }),
          }
        : { Originator: actor.name, OriginatorType: 'Internal' })),
    Oem: auditOem(entry),
  };
}

// What the host said on its serial port: one entry, with the text as an attachment.

const consoleUri = `${systemUri}/LogServices/SerialConsole`;
const attachmentUri = `${consoleUri}/Entries/1/attachment`;

function consoleText({ bmc }: Context): Uint8Array {
  return bmc.console.history(consoleRingBytes);
}

const consoleLog: readonly Resource[] = [
  resource({
    path: '/redfish/v1/Systems/:systemId/LogServices/SerialConsole',
    type: serviceType,
    privileges: readable,
    find: findSystem,
    volatile: ['DateTime'],
    read: (_, context) => ({
      Id: 'SerialConsole',
      Name: 'Serial console of the host',
      Description: `The last ${consoleRingBytes / 1024} KiB of what the host said on its serial port.`,
      LogEntryType: 'OEM',
      LogPurposes: ['Diagnostic'],
      MaxNumberOfRecords: 1,
      OverWritePolicy: 'WrapsWhenFull',
      Persistency: false,
      ...common(context),
      Entries: link(`${consoleUri}/Entries`),
    }),
  }),
  collection({
    path: '/redfish/v1/Systems/:systemId/LogServices/SerialConsole/Entries',
    type: collectionType,
    name: 'Serial console of the host',
    privileges: readable,
    find: findSystem,
    pageSize,
    members: (_, context) => (context.bmc.console.end > 0 ? [`${consoleUri}/Entries/1`] : []),
  }),
  resource({
    path: '/redfish/v1/Systems/:systemId/LogServices/SerialConsole/Entries/:entryId',
    type: entryType,
    privileges: readable,
    find: (params: { systemId: string; entryId: string }, { bmc }) =>
      findSystem(params) && params.entryId === '1' && bmc.console.end > 0 ? bmc.console : undefined,
    volatile: ['AdditionalDataSizeBytes'],
    read: (_, context) => ({
      Id: '1',
      Name: 'What the host said on its serial port',
      EntryType: 'Oem',
      OemRecordFormat: 'Serial console output',
      Severity: 'OK',
      Message: 'The output of the serial console is at AdditionalDataURI.',
      DiagnosticDataType: 'OEM',
      OEMDiagnosticDataType: 'SerialConsole',
      AdditionalDataURI: attachmentUri,
      AdditionalDataSizeBytes: consoleText(context).length,
    }),
  }),
  plain({
    path: '/redfish/v1/Systems/:systemId/LogServices/SerialConsole/Entries/1/attachment',
    // Passwords are typed there: who may use the console may read it.
    privileges: { get: ['ConfigureComponents'] },
    answer({ uri, params }, context) {
      if (!findSystem(params)) throw new RedfishError(message('ResourceMissingAtURI', uri));
      const text = consoleText(context);
      return {
        status: 200,
        headers: {
          'content-type': 'application/octet-stream',
          'content-disposition': 'attachment; filename="console.log"',
        },
        body: once(text),
      };
    },
  }),
];

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

const systemLogs = collection({
  path: '/redfish/v1/Systems/:systemId/LogServices',
  type: '#LogServiceCollection.LogServiceCollection',
  name: 'Logs of the system',
  privileges: readable,
  find: findSystem,
  members: () => [`${systemUri}/LogServices/SEL`, consoleUri],
});

const managerLogs = collection({
  path: '/redfish/v1/Managers/:managerId/LogServices',
  type: '#LogServiceCollection.LogServiceCollection',
  name: 'Logs of the manager',
  privileges: readable,
  find: findManager,
  members: () => ['SEL', 'EventLog', 'AuditLog'].map((id) => `${managerUri}/LogServices/${id}`),
});

export const logServiceResources: readonly Resource[] = [
  systemLogs,
  managerLogs,
  ...selResources('/redfish/v1/Systems/:systemId', systemUri),
  ...selResources('/redfish/v1/Managers/:managerId', managerUri),
  ...eventLogResources('EventLog', {
    name: 'Event log',
    description: 'What happened to this server and its BMC, oldest first.',
    purpose: 'Operations',
  }),
  ...eventLogResources('AuditLog', {
    name: 'Audit log',
    description: 'The events that somebody asked for: who, from where, what.',
    purpose: 'Security',
  }),
  ...consoleLog,
];
