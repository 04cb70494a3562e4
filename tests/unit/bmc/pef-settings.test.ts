import { describe, expect, it } from 'vitest';
import { matches } from '../../../src/bmc/event-filter.ts';
import { factorySettings } from '../../../src/bmc/pef-settings.ts';
import type { SystemEvent } from '../../../src/bmc/sel.ts';
import { osStopped as event } from '../../support/event-filters.ts';

describe('event filtering', () => {
  it('comes with filters for what an administrator wants to know', () => {
    const applying = (each: SystemEvent) =>
      factorySettings.filters.filter((f) => f.enabled && matches(f, each));
    expect(applying(event)).toHaveLength(1);
    expect(applying({ ...event, data: [0x03, 0xff, 0xff] })).toHaveLength(0);
    const hot: SystemEvent = { ...event, sensorType: 1, eventType: 1, data: [0x59, 90, 90] };
    expect(applying(hot).map(({ severity }) => severity)).toEqual(['critical']);
    expect(applying({ ...hot, asserted: false })).toHaveLength(0);
  });
});
