/** Restart causes as numbers: the same in Get System Restart Cause and in events of the system boot sensor. */
import type { RestartCause } from '../bmc/restart.ts';

/** IPMI 2.0 Table 28-11. */
export const RestartCauseCode = {
  unknown: 0x0,
  command: 0x1,
  'reset-button': 0x2,
  'power-button': 0x3,
  watchdog: 0x4,
  'always-on': 0x6,
  previous: 0x7,
  'event-filter-reset': 0x8,
  'event-filter-cycle': 0x9,
  guest: 0xa,
} as const satisfies Record<RestartCause, number>;
