/** What a form is about to change: only what the user has touched; the rest follows what others do meanwhile. */
import { useState } from 'react';

export interface Draft<T extends object> {
  readonly value: T;
  /** What is another than at present. */
  readonly changes: Partial<T>;
  readonly differs: boolean;
  set(part: Partial<T>): void;
  revert(): void;
}

export function changesOf<T extends object>(present: T, touched: Partial<T>): Partial<T> {
  const entries = Object.entries(touched).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(present[name as keyof T]),
  );
  return Object.fromEntries(entries) as Partial<T>;
}

export function useDraft<T extends object>(present: T): Draft<T> {
  const [touched, setTouched] = useState<Partial<T>>({});
  const changes = changesOf(present, touched);
  return {
    value: { ...present, ...touched },
    changes,
    differs: Object.keys(changes).length > 0,
    set: (part) => setTouched((before) => ({ ...before, ...part })),
    revert: () => setTouched({}),
  };
}
