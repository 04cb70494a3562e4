import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { HostAccess, type HostAccessPolicy } from '../../../src/bmc/host-access.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'redfish' } as const;

function access(configured: HostAccessPolicy, store: Store = memoryStore()) {
  const events = new EventLog(new ScriptedClock(), memoryStore(), silentLogger);
  const host = new HostAccess({ configured, store, events });
  let told = 0;
  host.onChange(() => told++);
  return { host, store, texts: () => events.list().map(({ text }) => text), told: () => told };
}

describe('how far the host is trusted', () => {
  it('is what the configuration says at the first start, without a word about it', () => {
    const { host, texts } = access('no-users');
    expect([host.policy, host.fitted, texts()]).toEqual(['no-users', true, []]);
  });

  it('can be changed for good, is told and recorded, and once only', () => {
    const { host, store, texts, told } = access('full');
    host.set('read-only', actor);
    host.set('read-only', actor);
    expect([host.policy, told(), texts().length]).toEqual(['read-only', 1, 1]);
    const again = access('full', store);
    expect([again.host.policy, again.texts()]).toEqual(['read-only', []]);
  });

  it('is that of the configuration again when that has changed, and stays so', () => {
    const { host, store } = access('full');
    host.set('off', actor);
    const other = access('no-users', store);
    expect([other.host.policy, other.texts()]).toEqual([
      'no-users',
      ['access from the host: no-users, set anew from the configuration'],
    ]);
    const again = access('no-users', store);
    expect([again.host.policy, again.texts()]).toEqual(['no-users', []]);
  });

  it('is never more than the configuration says when what was kept makes no sense', () => {
    for (const kept of [{}, { policy: 'all', configured: 'read-only' }, { policy: 'full' }]) {
      const store = memoryStore();
      store.save('host-access', kept);
      expect(access('read-only', store).host.policy).toBe('read-only');
    }
  });

  it('can be turned off and on at run time, but not on where the machine has no interface', () => {
    const { host } = access('full');
    host.set('off', actor);
    expect(host.fitted).toBe(true);
    host.set('full', actor);
    const none = access('off');
    expect([none.host.fitted, none.host.policy]).toEqual([false, 'off']);
    none.host.set('off', actor);
    expect(() => none.host.set('full', actor)).toThrow('no system interface');
    expect([none.host.policy, none.told(), none.texts()]).toEqual(['off', 0, []]);
  });

  it('goes back to the configuration with a reset to defaults', () => {
    const { host, told } = access('no-users');
    host.set('full', actor);
    host.resetToDefaults(actor);
    expect([host.policy, told()]).toEqual(['no-users', 2]);
  });

  it('does not change when it cannot be kept', () => {
    const store = memoryStore();
    const { host, told, texts } = access('no-users', store);
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => host.set('full', actor)).toThrow('disk full');
    expect([host.policy, told(), texts()]).toEqual(['no-users', 0, []]);
  });
});
