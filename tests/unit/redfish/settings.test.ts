import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { hostNames } from '../../../src/redfish/endpoints.ts';
import { RedfishSettings } from '../../../src/redfish/settings.ts';
import { tester } from '../../support/actors.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'redfish' } as const;

function settings(store = memoryStore()) {
  const events = new EventLog(new ScriptedClock(), memoryStore(), silentLogger);
  const kept = new RedfishSettings({ store, events });
  return { store, kept, texts: () => events.list().map(({ text }) => text) };
}

describe('settings of Redfish', () => {
  it('are kept and recorded, once for each change', () => {
    const { store, kept, texts } = settings();
    kept.setHttpBasicAuth('Disabled', actor);
    kept.setHttpBasicAuth('Disabled', actor);
    kept.setIdentification('rack 7', actor);
    expect(settings(store).kept).toMatchObject({ httpBasicAuth: 'Disabled', identification: 'rack 7' });
    expect(texts()).toEqual([
      'Redfish: HTTP Basic authentication now Disabled by admin',
      'Redfish: identification of the service changed by admin',
    ]);
    kept.resetToDefaults(tester);
    expect(settings(store).kept).toMatchObject({ httpBasicAuth: 'Enabled', identification: '' });
  });

  it('stay as they are when they cannot be saved', () => {
    const { store, kept } = settings();
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => kept.setHttpBasicAuth('Disabled', actor)).toThrow('disk full');
    expect(kept.httpBasicAuth).toBe('Enabled');
  });

  it.each([null, [], { httpBasicAuth: 'Sometimes', identification: 7 }])(
    'kept as %j are the usual ones',
    (odd) => {
      const store = memoryStore();
      store.save('redfish-settings', odd);
      expect(settings(store).kept).toMatchObject({ httpBasicAuth: 'Enabled', identification: '' });
    },
  );
});

describe('the names of the host', () => {
  it('are told apart from its domain', () => {
    expect(hostNames('bmc7.lab.example')).toEqual({ hostName: 'bmc7', fqdn: 'bmc7.lab.example' });
    expect(hostNames('bmc7')).toEqual({ hostName: 'bmc7', fqdn: undefined });
  });
});
