/** Event filters, and an event, for tests of PEF and its alerts. */
import type { DataMatch, EventFilter } from '../../src/bmc/event-filter.ts';
import type { SystemEvent } from '../../src/bmc/sel.ts';

export const anyData: DataMatch = { mask: 0, exact: 0, value: 0 };

/** Alerts by policy 1, whatever the event. */
export const alertAlways: EventFilter = {
  enabled: true,
  preconfigured: false,
  actions: ['alert'],
  policyNumber: 1,
  severity: 'critical',
  generatorAddress: undefined,
  generatorChannel: undefined,
  sensorType: undefined,
  sensorNumber: undefined,
  trigger: undefined,
  offsets: 0xffff,
  data: [anyData, anyData, anyData],
};

/** What a guest's operating system says that has stopped. */
export const osStopped: SystemEvent = {
  kind: 'system',
  generatorId: 0x0020,
  messageRevision: 4,
  sensorType: 0x20,
  sensorNumber: 0x05,
  asserted: true,
  eventType: 0x6f,
  data: [0x01, 0xff, 0xff],
};
