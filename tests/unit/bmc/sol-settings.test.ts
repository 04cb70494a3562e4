import { describe, expect, test } from 'vitest';
import { defaultSolConfiguration, SolSettings } from '../../../src/bmc/sol-settings.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { eventLog, tester } from '../../support/actors.ts';

describe('SOL settings', () => {
  test('begin as the defaults', () => {
    expect(new SolSettings({ store: memoryStore(), events: eventLog() }).configuration).toEqual(
      defaultSolConfiguration,
    );
  });

  test('a change outlives the BMC; the volatile bit rate and a set in progress do not', () => {
    const store = memoryStore();
    const settings = new SolSettings({ store, events: eventLog() });
    settings.update({ retryCount: 3, bitRate: '57.6' }, tester);
    settings.setVolatileBitRate('9.6', tester);
    settings.setInProgress.begin({ open: true });
    const next = new SolSettings({ store, events: eventLog() });
    expect(next.configuration).toEqual({ ...defaultSolConfiguration, retryCount: 3, bitRate: '57.6' });
    expect(next.volatileBitRate).toBe('57.6');
    expect(next.setInProgress.active).toBe(false);
  });

  test.each([
    { accumulateMs: 0 },
    { accumulateMs: 7 },
    { accumulateMs: 1280 },
    { sendThreshold: 256 },
    { retryCount: 8 },
    { retryIntervalMs: 2560 },
    { retryIntervalMs: 15 },
  ])('refuses %o and changes nothing', (change) => {
    const settings = new SolSettings({ store: memoryStore(), events: eventLog() });
    expect(() => settings.update(change, tester)).toThrow(expect.objectContaining({ kind: 'bad-argument' }));
    expect(settings.configuration).toEqual(defaultSolConfiguration);
  });

  test('damaged values in the store become defaults, the others stay', () => {
    const store = memoryStore();
    store.save('sol', { retryCount: 'many', sendThreshold: 12, privilege: 'root', extra: 1 });
    expect(new SolSettings({ store, events: eventLog() }).configuration).toEqual({
      ...defaultSolConfiguration,
      sendThreshold: 12,
    });
    store.save('sol', 'nonsense');
    expect(new SolSettings({ store, events: eventLog() }).configuration).toEqual(defaultSolConfiguration);
  });

  test('one client at a time announces changes, for as long as it is there', () => {
    const settings = new SolSettings({ store: memoryStore(), events: eventLog() });
    const first = { open: true };
    settings.setInProgress.begin(first);
    settings.setInProgress.begin(first);
    expect(() => settings.setInProgress.begin({ open: true })).toThrow(
      expect.objectContaining({ kind: 'busy' }),
    );
    first.open = false;
    expect(settings.setInProgress.active).toBe(false);
    settings.setInProgress.begin({ open: true });
    settings.setInProgress.complete();
    expect(settings.setInProgress.active).toBe(false);
  });
});
