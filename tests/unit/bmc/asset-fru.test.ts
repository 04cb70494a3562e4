import { describe, expect, test } from 'vitest';
import { Asset } from '../../../src/bmc/asset.ts';
import { BmcError } from '../../../src/bmc/errors.ts';
import { Fru } from '../../../src/bmc/fru.ts';
import type { Identity } from '../../../src/bmc/identity.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { eventLog, tester } from '../../support/actors.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const identity: Identity = {
  uuid: '12345678-9abc-4def-8123-456789abcdef',
  serialNumber: 'QB0',
  manufacturer: 'qemu-bmc',
  product: 'bench',
  firmwareVersion: '1.2.3',
};

describe('asset texts', () => {
  test('are kept, and told when they change', () => {
    const store = memoryStore();
    const asset = new Asset({ store, events: eventLog(), identity });
    let told = 0;
    asset.onChange(() => told++);
    asset.setTag('rack 7', tester);
    asset.setTag('rack 7', tester);
    asset.setControllerName('node-1', tester);
    expect(told).toBe(2);
    const later = new Asset({ store, events: eventLog(), identity });
    expect([later.tag, later.controllerName]).toEqual(['rack 7', 'node-1']);
  });

  test('begin as an empty tag and a name made of the serial number', () => {
    const asset = new Asset({ store: memoryStore(), events: eventLog(), identity });
    expect([asset.tag, asset.controllerName]).toEqual(['', 'bmc-QB0']);
  });

  test.each([['x'.repeat(64)], ['日本']])('refuse %s and stay as they are', (text) => {
    const asset = new Asset({ store: memoryStore(), events: eventLog(), identity });
    expect(() => asset.setTag(text, tester)).toThrow(BmcError);
    expect(asset.tag).toBe('');
  });

  test('that the store refuses do not change', () => {
    const store = memoryStore();
    const asset = new Asset({ store, events: eventLog(), identity });
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => asset.setTag('a', tester)).toThrow('disk full');
    expect(asset.tag).toBe('');
  });
});

describe('the FRU', () => {
  test('was made when it was first looked at, for good', () => {
    const store = memoryStore();
    const clock = new ScriptedClock(Date.UTC(2026, 4, 5, 6, 7, 8));
    const make = () =>
      new Fru({
        events: eventLog(),
        identity,
        asset: new Asset({ store, events: eventLog(), identity }),
        store,
        clock,
      });
    expect(make().fields.board.manufacturedAt).toBe(Date.UTC(2026, 4, 5, 6, 7));
    clock.advance(3_600_000);
    expect(make().fields.board.manufacturedAt).toBe(Date.UTC(2026, 4, 5, 6, 7));
  });

  test('follows the identity until somebody writes it, then keeps what was written', () => {
    const store = memoryStore();
    const clock = new ScriptedClock();
    const asset = new Asset({ store, events: eventLog(), identity });
    const fru = new Fru({ events: eventLog(), identity, asset, store, clock });
    const { fields } = fru;
    fru.update({ ...fields, product: { ...fields.product, name: 'mine', assetTag: 'tag' } }, tester);
    expect(asset.tag).toBe('tag');
    const next = { ...identity, product: 'other' };
    const later = new Fru({
      events: eventLog(),
      identity: next,
      asset: new Asset({ store, events: eventLog(), identity: next }),
      store,
      clock,
    });
    expect(later.fields.product).toMatchObject({ name: 'mine', assetTag: 'tag' });
    const fresh = memoryStore();
    const unwritten = new Fru({
      events: eventLog(),
      identity: next,
      asset: new Asset({ store: fresh, events: eventLog(), identity: next }),
      store: fresh,
      clock,
    });
    expect(unwritten.fields.product.name).toBe('other');
  });
});
