/** Reads a log a page at a time, newest first, although the service counts from the oldest. */
import { useMemo } from 'react';
import type { Answer } from '../../api/client.ts';
import { useReading } from '../../api/queries.ts';
import type { Collection } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { containsText, type LogFilter, odataFilter } from './log-filter.ts';
import type { Entry } from './log-kinds.ts';

export const pageSize = 50;

export interface LogPage {
  /** Newest first. */
  readonly entries: readonly Entry[];
  /** Of all that the filter lets through. */
  readonly total: number;
}

/**
 * Where the page lies in the log, counted from the oldest entry.
 * @param page 0 for the newest
 */
export function windowOf(total: number, page: number): { readonly skip: number; readonly top: number } {
  const end = Math.max(0, total - page * pageSize);
  const skip = Math.max(0, end - pageSize);
  return { skip, top: end - skip };
}

function queryOf(parts: Readonly<Record<string, string | number | undefined>>): string {
  const words = Object.entries(parts).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return words.length === 0 ? '' : `?${words.join('&')}`;
}

/** Every entry that the service's part of the filter lets through, oldest first. @throws {ApiError} */
export async function readAll(
  uri: string,
  condition: string | undefined,
  signal?: AbortSignal,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let next: string | undefined = `${uri}${queryOf({ $filter: condition })}`;
  while (next !== undefined) {
    const { body }: Answer<Collection<Entry>> = await client.get<Collection<Entry>>(next, { signal });
    entries.push(...body.Members);
    next = body['Members@odata.nextLink'];
  }
  return entries;
}

async function readPage(
  uri: string,
  condition: string | undefined,
  page: number,
  signal: AbortSignal,
): Promise<LogPage> {
  const head = await client.get<Collection<Entry>>(`${uri}${queryOf({ $filter: condition, $top: 1 })}`, {
    signal,
  });
  const total = head.body['Members@odata.count'];
  const { skip, top } = windowOf(total, page);
  if (top <= 0) return { total, entries: [] };
  const { body } = await client.get<Collection<Entry>>(
    `${uri}${queryOf({ $filter: condition, $skip: skip, $top: top })}`,
    { signal },
  );
  return { total, entries: [...body.Members].reverse() };
}

/** @param shown what the user sees of an entry, for the search by text */
export function useLogPage(uri: string, filter: LogFilter, page: number, shown: (entry: Entry) => string) {
  // A period ends when it was chosen, so that the same question is the same until then.
  const condition = useMemo(() => odataFilter(filter, Date.now()), [filter]);
  const text = filter.text.trim();
  const bySearch = text !== '';
  const reading = useReading<LogPage>(
    uri,
    ['log', condition, bySearch ? 'all' : page],
    async (log, signal) => {
      if (!bySearch) return readPage(log, condition, page, signal);
      const all = await readAll(log, condition, signal);
      return { total: all.length, entries: [...all].reverse() };
    },
  );
  const found = useMemo<LogPage | undefined>(() => {
    if (!reading.data || !bySearch) return reading.data;
    const matching = reading.data.entries.filter((entry) => containsText(entry, text, shown(entry)));
    return { total: matching.length, entries: matching.slice(page * pageSize, (page + 1) * pageSize) };
  }, [reading.data, bySearch, text, page, shown]);
  return { reading, found, condition };
}
