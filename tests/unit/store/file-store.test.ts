import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DamageReport, fileStore } from '../../../src/store/file-store.ts';

let folder: string;
let damage: DamageReport[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-store-'));
  damage = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () => fileStore(folder, (report) => damage.push(report));

describe('the store on disk', () => {
  it('gives back what was saved, also to the next life', () => {
    open().save('boot', { target: 'pxe', n: [1, 2] });
    expect(open().load('boot')).toEqual({ target: 'pxe', n: [1, 2] });
    expect(open().load('never')).toBeUndefined();
    expect(statSync(join(folder, 'boot.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['boot.json']);
  });

  it('keeps records in order and replaces them on request', () => {
    const store = open();
    for (const n of [1, 2, 3]) store.append('events', { n });
    expect(open().records('events')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    store.rewrite('events', [{ n: 3 }]);
    expect(open().records('events')).toEqual([{ n: 3 }]);
  });

  it('notices every flipped bit, keeps the damaged file aside and says so', () => {
    open().save('power', { wanted: 'on' });
    const good = readFileSync(join(folder, 'power.json'));
    for (let offset = 0; offset < good.length - 1; offset++) {
      const bad = Buffer.from(good);
      bad[offset] = (bad[offset] as number) ^ 0x01;
      writeFileSync(join(folder, 'power.json'), bad);
      damage = [];
      expect(open().load('power'), `bit flipped at ${offset}`).toBeUndefined();
      expect(damage).toHaveLength(1);
      expect(readFileSync(join(folder, damage[0]?.keptAs ?? ''))).toEqual(bad);
    }
  });

  it.each([0, 1, 10, 40])('notices a file cut to %i bytes', (length) => {
    open().save('power', { wanted: 'on', policy: 'previous' });
    const file = join(folder, 'power.json');
    writeFileSync(file, readFileSync(file).subarray(0, length));
    expect(open().load('power')).toBeUndefined();
    expect(damage).toHaveLength(1);
  });

  it('keeps the good records of a file whose last one was cut', () => {
    const store = open();
    store.append('events', { n: 1 });
    store.append('events', { n: 2 });
    const file = join(folder, 'events.jsonl');
    writeFileSync(file, readFileSync(file).subarray(0, -5));
    expect(open().records('events')).toEqual([{ n: 1 }]);
    expect(damage).toHaveLength(1);
    store.append('events', { n: 3 });
    expect(open().records('events')).toEqual([{ n: 1 }, { n: 3 }]);
    expect(damage).toHaveLength(1);
  });

  it('refuses a folder that others can read', () => {
    chmodSync(folder, 0o755);
    expect(open).toThrow(/open to others \(chmod 700/);
  });

  it('leaves the old value whole when the disk refuses the new one', () => {
    const store = open();
    store.save('boot', { n: 1 });
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    expect(() => store.save('boot', cyclic)).toThrow(/state boot not saved/);
    expect(open().load('boot')).toEqual({ n: 1 });
    expect(readdirSync(folder)).toEqual(['boot.json']);
  });

  it('survives a directory in the place of a file', () => {
    rmSync(folder, { recursive: true });
    const store = open();
    store.save('x', 1);
    rmSync(join(folder, 'x.json'));
    fileStore(join(folder, 'x.json'), () => undefined);
    expect(open().load('x')).toBeUndefined();
    expect(damage).toHaveLength(1);
  });
});
