import { describe, expect, test } from 'vitest';
import { Asset } from '../../../src/bmc/asset.ts';
import { BmcError } from '../../../src/bmc/errors.ts';
import { Fru } from '../../../src/bmc/fru.ts';
import type { Identity } from '../../../src/bmc/identity.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
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
    const asset = new Asset(store, identity);
    let told = 0;
    asset.onChange(() => told++);
    asset.setTag('rack 7');
    asset.setTag('rack 7');
    asset.setControllerName('node-1');
    expect(told).toBe(2);
    const later = new Asset(store, identity);
    expect([later.tag, later.controllerName]).toEqual(['rack 7', 'node-1']);
  });

  test('begin as an empty tag and a name made of the serial number', () => {
    const asset = new Asset(memoryStore(), identity);
    expect([asset.tag, asset.controllerName]).toEqual(['', 'bmc-QB0']);
  });

  test.each([['x'.repeat(64)], ['日本']])('refuse %s and stay as they are', (text) => {
    const asset = new Asset(memoryStore(), identity);
    expect(() => asset.setTag(text)).toThrow(BmcError);
    expect(asset.tag).toBe('');
  });

  test('that the store refuses do not change', () => {
    const store = memoryStore();
    const asset = new Asset(store, identity);
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => asset.setTag('a')).toThrow('disk full');
    expect(asset.tag).toBe('');
  });
});

describe('the FRU', () => {
  test('was made when it was first looked at, for good', () => {
    const store = memoryStore();
    const clock = new ScriptedClock(Date.UTC(2026, 4, 5, 6, 7, 8));
    const make = () => new Fru({ identity, asset: new Asset(store, identity), store, clock });
    expect(make().fields.board.manufacturedAt).toBe(Date.UTC(2026, 4, 5, 6, 7));
    clock.advance(3_600_000);
    expect(make().fields.board.manufacturedAt).toBe(Date.UTC(2026, 4, 5, 6, 7));
  });

  test('follows the identity until somebody writes it, then keeps what was written', () => {
    const store = memoryStore();
    const clock = new ScriptedClock();
    const asset = new Asset(store, identity);
    const fru = new Fru({ identity, asset, store, clock });
    const { fields } = fru;
    fru.update({ ...fields, product: { ...fields.product, name: 'mine', assetTag: 'tag' } });
    expect(asset.tag).toBe('tag');
    const next = { ...identity, product: 'other' };
    const later = new Fru({ identity: next, asset: new Asset(store, next), store, clock });
    expect(later.fields.product).toMatchObject({ name: 'mine', assetTag: 'tag' });
    const fresh = memoryStore();
    const unwritten = new Fru({ identity: next, asset: new Asset(fresh, next), store: fresh, clock });
    expect(unwritten.fields.product.name).toBe('other');
  });
});
