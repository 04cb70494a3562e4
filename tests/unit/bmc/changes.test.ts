import { describe, expect, test } from 'vitest';
import { changesBetween, changesText, hidden, maxChanges } from '../../../src/bmc/changes.ts';
import { eventLog, tester } from '../../support/actors.ts';

describe('what a change changed', () => {
  test('is each value that differs, by its path', () => {
    const before = { enabled: false, level: { limit: 'user', sol: true }, places: [{ a: 1 }, { a: 2 }] };
    const after = { enabled: true, level: { limit: 'operator', sol: true }, places: [{ a: 1 }, { a: 3 }] };
    expect(changesBetween(before, after)).toEqual([
      { name: 'enabled', before: false, after: true },
      { name: 'level.limit', before: 'user', after: 'operator' },
      { name: 'places.1.a', before: 2, after: 3 },
    ]);
  });

  test('is nothing where both are the same', () => {
    expect(changesBetween({ a: [1, 2], b: Uint8Array.of(1) }, { a: [1, 2], b: Uint8Array.of(1) })).toEqual(
      [],
    );
  });

  test('tells that a secret is another one, and never which', () => {
    const before = {
      password: Buffer.from('old one'),
      kgHex: '',
      community: 'public',
      http: { HttpHeaders: [] },
    };
    const after = {
      password: Buffer.from('new one'),
      kgHex: 'c0ffee',
      community: 'rack7',
      http: { HttpHeaders: [{ Authorization: 'Bearer abc' }] },
    };
    const changes = changesBetween(before, after);
    expect(changes).toContainEqual({ name: 'password', before: hidden, after: hidden });
    expect(changes).toContainEqual({ name: 'kgHex', before: null, after: hidden });
    expect(JSON.stringify(changes)).not.toMatch(/old|new|c0ffee|public|rack7|abc/);
  });

  test('shows of bytes only how many they are', () => {
    expect(changesBetween({ box: Uint8Array.of(1, 2) }, { box: Uint8Array.of(1, 3) })).toEqual([
      { name: 'box', before: '2 bytes', after: '2 bytes' },
    ]);
  });

  test('is bounded', () => {
    const many = (value: string) =>
      Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`n${i}`, value]));
    const changes = changesBetween(many('a'.repeat(1000)), many('b'.repeat(1000)));
    expect(changes).toHaveLength(maxChanges);
    expect(JSON.stringify(changes).length).toBeLessThan(maxChanges * 400);
  });

  test('is put in words in which a client’s own text stays in quotes', () => {
    const changes = changesBetween({ tag: '' }, { tag: 'a", by admin\n' });
    expect(changesText(changes)).toBe('tag: "" → "a\\", by admin\\n"');
  });
});

describe('the audit log', () => {
  test('has who, from where, by which face, and before and after', () => {
    const events = eventLog();
    events.changed(tester, 'SOL', { enabled: true }, { enabled: false });
    events.changed(tester, 'SOL', { enabled: false }, { enabled: false });
    expect(events.list()).toMatchObject([
      {
        kind: 'configuration',
        text: 'SOL: enabled: true → false, by tester (192.0.2.1:40000)',
        actor: tester,
        changes: [{ name: 'enabled', before: true, after: false }],
      },
    ]);
  });
});
