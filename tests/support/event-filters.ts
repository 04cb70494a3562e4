/** Event filters for tests of PEF and its alerts. */
import type { DataMatch, EventFilter } from '../../src/bmc/pef.ts';

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
