/** Which entries of a log are wanted: as the URL of the page has it, and as the service is asked. */
import type { Entry } from './log-kinds.ts';

export const severityChoices = ['all', 'warning', 'critical'] as const;
export type SeverityChoice = (typeof severityChoices)[number];

/** `range`: between two times of the user's choice. */
export const periods = ['all', 'hour', 'day', 'week', 'range'] as const;
export type Period = (typeof periods)[number];

const periodMs: Readonly<Partial<Record<Period, number>>> = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
};

export interface LogFilter {
  /** This severe or more so. */
  readonly severity: SeverityChoice;
  /** Each of its words occurs in what is shown of the entry. */
  readonly text: string;
  readonly period: Period;
  /** Local, as `datetime-local` has it: `2026-05-01T12:30`; empty: without an end. */
  readonly from: string;
  readonly to: string;
}

export const noFilter: LogFilter = { severity: 'all', text: '', period: 'all', from: '', to: '' };

export function filterFromSearch(search: URLSearchParams): LogFilter {
  const oneOf = <T extends string>(all: readonly T[], text: string | null, other: T) =>
    all.find((each) => each === text) ?? other;
  return {
    severity: oneOf(severityChoices, search.get('severity'), 'all'),
    text: search.get('text') ?? '',
    period: oneOf(periods, search.get('period'), 'all'),
    from: search.get('from') ?? '',
    to: search.get('to') ?? '',
  };
}

/** What is as without a filter is left out. */
export function searchOfFilter({ severity, text, period, from, to }: LogFilter): URLSearchParams {
  const search = new URLSearchParams();
  if (severity !== 'all') search.set('severity', severity);
  if (text !== '') search.set('text', text);
  if (period !== 'all') search.set('period', period);
  if (period === 'range' && from !== '') search.set('from', from);
  if (period === 'range' && to !== '') search.set('to', to);
  return search;
}

export function isFiltered(filter: LogFilter): boolean {
  return searchOfFilter({ ...filter, text: filter.text.trim() }).size > 0;
}

/**
 * The part that the service sifts by itself; the text is none of it, since DSP0266 §7.3.4 has no `contains`.
 * @param now milliseconds since 1970, for periods that end now
 * @returns undefined for everything
 */
export function odataFilter({ severity, period, from, to }: LogFilter, now: number): string | undefined {
  const conditions: string[] = [];
  if (severity === 'warning') conditions.push("(Severity eq 'Warning' or Severity eq 'Critical')");
  if (severity === 'critical') conditions.push("Severity eq 'Critical'");
  const since = periodMs[period];
  if (since !== undefined) conditions.push(`Created ge '${new Date(now - since).toISOString()}'`);
  if (period === 'range') {
    const [begin, end] = [timeOf(from), timeOf(to)];
    if (begin !== undefined) conditions.push(`Created ge '${begin}'`);
    if (end !== undefined) conditions.push(`Created le '${end}'`);
  }
  return conditions.length === 0 ? undefined : conditions.join(' and ');
}

function timeOf(local: string): string | undefined {
  const time = local === '' ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** @param shown what the user sees of the entry, beside its own words */
export function containsText(entry: Entry, text: string, shown = ''): boolean {
  const words = folded(text).split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { Id: id, Message: message, Originator: who = '', OriginAddress: from = '' } = entry;
  const all = folded([id, message, shown, who, from, entry.SensorType ?? ''].join(' '));
  return words.every((word) => all.includes(word));
}

/** Half and full width, upper and lower case are the same to whoever searches. */
function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
