import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinkedList, type ListNode } from '../../../src/lib/linked-list.ts';

function valuesOf<T>(list: LinkedList<T>): T[] {
  const values: T[] = [];
  list.find((value) => {
    values.push(value);
    return false;
  });
  return values;
}

describe('a linked list', () => {
  it('agrees with an array, whatever comes, goes and moves', () => {
    const step = fc.record({ kind: fc.constantFrom('push', 'remove', 'move'), which: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const list = new LinkedList<number>();
        const model: ListNode<number>[] = [];
        for (const [number, { kind, which }] of steps.entries()) {
          const [node] = kind === 'push' ? [] : model.splice(which % (model.length || 1), 1);
          if (kind === 'push') model.push(list.push(number));
          else if (node && kind === 'remove') list.remove(node);
          else if (node) {
            list.moveToEnd(node);
            model.push(node);
          }
          const values = model.map(({ value }) => value);
          expect(valuesOf(list)).toEqual(values);
          expect([list.size, list.first]).toEqual([values.length, values[0]]);
        }
      }),
    );
  });

  it('finds the first that is wanted, also while those that are looked at go', () => {
    const list = new LinkedList<string>();
    const nodes = new Map(['a', 'b', 'c'].map((value) => [value, list.push(value)]));
    expect(list.find((value) => value > 'a')).toBe('b');
    expect(list.find((value) => value > 'c')).toBeUndefined();
    list.find((value) => {
      const node = nodes.get(value);
      if (node) list.remove(node);
      return false;
    });
    expect([list.size, list.first]).toEqual([0, undefined]);
  });
});
