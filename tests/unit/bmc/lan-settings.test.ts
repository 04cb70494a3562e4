import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { defaultLanConfiguration, LanSettings } from '../../../src/bmc/lan-settings.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'ipmi' } as const;

function settings(store = memoryStore()) {
  const clock = new ScriptedClock();
  const events = new EventLog(clock, memoryStore(), silentLogger);
  return { store, events, lan: new LanSettings({}, { store, events, random: systemRandom(), clock }) };
}

describe('LAN settings', () => {
  it('are kept, and recorded by name without values', () => {
    const { store, events, lan } = settings();
    lan.update({ community: 'hush', kgHex: 'abcd', suiteLimits: { 3: 'operator' } }, actor);
    const again = settings(store).lan;
    expect(again.configuration).toEqual(lan.configuration);
    expect(again.suiteLimit(3)).toBe('operator');
    expect(again.suiteLimit(17)).toBe('administrator');
    expect(events.list().map(({ text }) => text)).toEqual([
      'LAN: BMC key, cipher suite limits, community string changed by admin',
    ]);
  });

  it('that are set to what they are make no event', () => {
    const { events, lan } = settings();
    lan.update({ community: 'public', md5Levels: ['callback', 'user', 'operator', 'administrator'] }, actor);
    lan.setAccess({ mode: 'always' }, actor);
    expect(events.list()).toEqual([]);
  });

  it.each([
    ['a long community', { community: 'x'.repeat(19) }],
    ['a community that is no text', { community: 'a\n' }],
    ['a long key', { kgHex: 'ab'.repeat(21) }],
    ['too few destinations', { destinations: [] }],
    [
      'an impossible threshold',
      { badPasswords: { ...defaultLanConfiguration.badPasswords, threshold: 256 } },
    ],
  ])('refuse %s', (_, change) => {
    const { lan } = settings();
    expect(() => lan.update(change, actor)).toThrow(BmcError);
    expect(lan.configuration).toEqual(defaultLanConfiguration);
  });

  it('go back to their defaults, with the BMC key that is configured, over a restart too', () => {
    const store = memoryStore();
    const clock = new ScriptedClock();
    const events = new EventLog(clock, memoryStore(), silentLogger);
    const random = systemRandom();
    const open = () => new LanSettings({ kg: Buffer.from('configured') }, { store, events, random, clock });
    const lan = open();
    const mac = '52:54:00:00:00:01';
    lan.update({ community: 'hush', kgHex: 'abcd', kgLocked: true }, actor);
    lan.setAccess({ mode: 'disabled' }, actor);
    for (const number of [0, 1]) {
      const [destination] = defaultLanConfiguration.destinations;
      if (destination) lan.setDestination(number, { ...destination, mac }, actor);
    }
    lan.resetToDefaults(random, actor);
    for (const after of [lan, open()]) {
      expect(Buffer.from(after.kg ?? []).toString()).toBe('configured');
      expect(after.configuration).toEqual({
        ...defaultLanConfiguration,
        kgHex: Buffer.from('configured').toString('hex'),
      });
      expect(after.access).toEqual(defaultLanConfiguration.access);
      expect(after.destinations).toEqual(defaultLanConfiguration.destinations);
    }
  });

  it('stay as they are when they cannot be saved', () => {
    const { store, lan } = settings();
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => lan.update({ kgHex: 'ab' }, actor)).toThrow('disk full');
    expect(lan.kg).toBeUndefined();
  });

  it('take the default for each value in the store that makes no sense', () => {
    const store = memoryStore();
    store.save('lan', { community: 7, kgHex: 'abcd', access: { mode: 'ajar' }, destinations: [{}] });
    expect(settings(store).lan.configuration).toEqual({ ...defaultLanConfiguration, kgHex: 'abcd' });
  });
});
