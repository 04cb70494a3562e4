/**
 * Where a BMC keeps what must survive it. `save` and `append` return when the change is on the disk, so that
 * an acknowledged change is a kept one.
 */
export interface Store {
  /** @returns what was last saved under `name`; undefined when nothing was, or when it is damaged (then reported) */
  load<T>(name: string): T | undefined;
  /** Whether what was kept under `name` was found damaged in this life: there was something, and nobody knows what. */
  wasDamaged(name: string): boolean;
  /** Replaces what is under `name`, whole or not at all. @throws {BmcError} `no-space` or `timed-out` */
  save(name: string, value: unknown): void;
  /** All records appended under `name`, oldest first; a damaged one is left out and reported. */
  records<T>(name: string): T[];
  append(name: string, record: unknown): void;
  /** Replaces all records under `name`. */
  rewrite(name: string, records: readonly unknown[]): void;
}

/** A store that forgets, for tests and machines that need no memory. */
export function memoryStore(): Store {
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  return {
    load: (name) => {
      const kept = values.get(name);
      return kept === undefined ? undefined : JSON.parse(kept);
    },
    wasDamaged: () => false,
    save: (name, value) => void values.set(name, JSON.stringify(value)),
    records: (name) => (lists.get(name) ?? []).map((line) => JSON.parse(line)),
    append: (name, record) => {
      const list = lists.get(name) ?? [];
      list.push(JSON.stringify(record));
      lists.set(name, list);
    },
    rewrite: (name, records) =>
      void lists.set(
        name,
        records.map((record) => JSON.stringify(record)),
      ),
  };
}
