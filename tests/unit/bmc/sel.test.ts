import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { Sel, type SelChange, type SelContent, type SelEntry } from '../../../src/bmc/sel.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { eventLog, tester } from '../../support/actors.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const start = Date.UTC(2026, 0, 1) / 1000;

function oem(tag: number): SelContent {
  return { kind: 'oem-untimed', type: 0xe0, data: [tag, ...Array<number>(12).fill(0)] };
}

function setUp(capacity = 5, store: Store = memoryStore()) {
  const clock = new ScriptedClock(start * 1000);
  return { clock, store, sel: new Sel({ clock, store, events: eventLog(), capacity }) };
}

/** A store whose next writes are refused as a full disk refuses them. */
function fillableStore(): Store & { full: boolean } {
  const store = memoryStore();
  const guarded =
    <Args extends unknown[]>(write: (...args: Args) => void) =>
    (...args: Args) => {
      if (filling.full) throw new BmcError('no-space', 'disk full');
      write(...args);
    };
  const filling = {
    ...store,
    full: false,
    save: guarded(store.save),
    append: guarded(store.append),
    rewrite: guarded(store.rewrite),
  };
  return filling;
}

/** All that a client can see. */
function view(sel: Sel) {
  const { entries, free, overflow, lastAdded, lastErased, time, utcOffsetMinutes } = sel;
  return { entries: [...entries], free, overflow, lastAdded, lastErased, time, utcOffsetMinutes };
}

describe('the SEL', () => {
  it('gives rising IDs and its own time to what is added', () => {
    const { sel, clock } = setUp();
    sel.add(oem(1));
    clock.advance(2500);
    sel.add(oem(2));
    expect(sel.entries).toEqual([
      { id: 1, time: start, content: oem(1) },
      { id: 2, time: start + 2, content: oem(2) },
    ]);
    expect(sel.after(1)?.id).toBe(2);
    expect(sel.after(2)).toBeUndefined();
  });

  it('keeps its order when the wall clock jumps back', () => {
    const { sel, clock } = setUp();
    sel.add(oem(1));
    clock.jumpWallTime(-3_600_000);
    sel.add(oem(2));
    expect(sel.entries.map(({ id, time }) => [id, time - start])).toEqual([
      [1, 0],
      [2, -3600],
    ]);
  });

  it('goes on at 1 after FFFEh, past IDs that are taken', () => {
    const store = memoryStore();
    for (const id of [1, 2, 0xfffd]) store.append('sel', { entry: { id, time: start, content: oem(id) } });
    const { sel } = setUp(10, store);
    expect([sel.add(oem(0)).id, sel.add(oem(0)).id]).toEqual([0xfffe, 3]);
    expect(sel.entries.map(({ id }) => id)).toEqual([1, 2, 0xfffd, 0xfffe, 3]);
  });

  it('stops when full, keeps the last place for who says so, and notes what it lost', () => {
    const { sel, store } = setUp(3);
    const heard: SelChange[] = [];
    sel.onChange((change) => {
      heard.push(change);
      if (change === 'nearly-full') sel.addLast(oem(99));
    });
    sel.add(oem(1));
    sel.add(oem(2));
    expect(sel.overflow).toBe(false);
    expect(() => sel.add(oem(3))).toThrow('places are taken');
    expect(() => sel.add(oem(4))).toThrow(BmcError);
    expect(heard).toEqual(['added', 'added', 'nearly-full', 'added', 'overflowed']);
    expect(sel.entries.map(({ content }) => content)).toEqual([oem(1), oem(2), oem(99)]);
    expect(view(setUp(3, store).sel)).toEqual({ ...view(sel), overflow: true, free: 0 });
    sel.clear(tester);
    expect(view(setUp(3, store).sel)).toMatchObject({ overflow: false, entries: [], free: 3 });
  });

  it('begins again at ID 1 when it was cleared, and remembers when what happened', () => {
    const { sel, clock, store } = setUp();
    sel.add(oem(1));
    clock.advance(5000);
    sel.clear(tester);
    expect(view(sel)).toMatchObject({ entries: [], lastAdded: start, lastErased: start + 5 });
    expect(view(new Sel({ clock, store, events: eventLog(), capacity: 5 }))).toEqual(view(sel));
    expect(sel.add(oem(2)).id).toBe(1);
  });

  it('forgets deleted entries in the store now and then, and nothing else', () => {
    const { sel, store, clock } = setUp(3);
    sel.add(oem(1));
    sel.add(oem(2));
    expect(() => sel.add(oem(3))).toThrow(BmcError);
    sel.delete(2, tester);
    clock.advance(7000);
    sel.add(oem(4));
    sel.delete(2, tester);
    expect(store.records('sel')).toHaveLength(6);
    sel.delete(1, tester);
    expect(store.records('sel').length).toBeLessThan(6);
    expect(view(sel)).toMatchObject({ entries: [], overflow: true, lastAdded: start + 7 });
    expect(view(new Sel({ clock, store, events: eventLog(), capacity: 3 }))).toEqual(view(sel));
  });

  it('has a clock of its own to set, and a time zone', () => {
    const { sel, clock, store } = setUp();
    sel.setTime(1_000_000, tester);
    sel.setUtcOffset(-300, tester);
    clock.advance(10_000);
    expect(sel.time).toBe(1_000_010);
    expect(clock.wallTime()).toBe(start * 1000 + 10_000);
    const next = new Sel({ clock, store, events: eventLog() });
    expect([next.time, next.utcOffsetMinutes]).toEqual([1_000_010, -300]);
    next.setUtcOffset(undefined, tester);
    expect(new Sel({ clock, store, events: eventLog() }).utcOffsetMinutes).toBeUndefined();
    expect(() => sel.setUtcOffset(1441, tester)).toThrow(BmcError);
  });

  it('is unchanged by whatever the disk refuses', () => {
    const store = fillableStore();
    const { sel, clock } = setUp(5, store);
    sel.add(oem(1));
    sel.add(oem(2));
    const before = view(sel);
    store.full = true;
    for (const change of [
      () => sel.add(oem(3)),
      () => sel.delete(1, tester),
      () => sel.clear(tester),
      () => sel.setTime(5, tester),
      () => sel.setUtcOffset(60, tester),
    ]) {
      expect(change).toThrow('disk full');
      expect(view(sel)).toEqual(before);
      expect(view(new Sel({ clock, store, events: eventLog(), capacity: 5 }))).toEqual(before);
    }
    store.full = false;
    expect(sel.add(oem(3)).id).toBe(3);
  });

  it('agrees with a naive list under any sequence of changes and restarts', () => {
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.record({ do: fc.constant('add' as const), tag: fc.nat(255) }) },
      { weight: 10, arbitrary: fc.record({ do: fc.constant('delete' as const), tag: fc.nat(12) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), tag: fc.constant(0) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('restart' as const), tag: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const capacity = 8;
        const clock = new ScriptedClock(start * 1000);
        const store = memoryStore();
        let sel = new Sel({ clock, store, events: eventLog(), capacity });
        let model: SelEntry[] = [];
        let overflow = false;
        let lastAdded: number | undefined;
        let lastErased: number | undefined;
        for (const { do: what, tag } of steps) {
          clock.advance(1000);
          if (what === 'add') {
            if (model.length < capacity - 1) {
              const id = (model.at(-1)?.id ?? 0) + 1;
              model.push({ id, time: sel.time, content: oem(tag) });
              expect(sel.add(oem(tag)).id).toBe(id);
              lastAdded = sel.time;
            } else {
              expect(() => sel.add(oem(tag))).toThrow(BmcError);
              overflow = true;
            }
          } else if (what === 'delete') {
            const id = model[tag % 9]?.id;
            if (id === undefined) expect(() => sel.delete(0xffff, tester)).toThrow(BmcError);
            else sel.delete(id, tester);
            if (id !== undefined) lastErased = sel.time;
            model = model.filter((entry) => entry.id !== id);
          } else if (what === 'clear') {
            sel.clear(tester);
            lastErased = sel.time;
            model = [];
            overflow = false;
          } else {
            sel = new Sel({ clock, store, events: eventLog(), capacity });
          }
          expect(sel.entries).toEqual(model);
          expect([sel.overflow, sel.lastAdded, sel.lastErased]).toEqual([overflow, lastAdded, lastErased]);
          expect(store.records('sel').length).toBeLessThanOrEqual(2 * capacity + 1);
          for (const [index, { id }] of model.entries()) {
            expect(sel.get(id)).toEqual(model[index]);
            expect(sel.after(id)).toEqual(model[index + 1]);
          }
        }
      }),
    );
  });
});
