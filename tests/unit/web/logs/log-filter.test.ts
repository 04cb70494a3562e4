import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../../../src/redfish/filter.ts';
import {
  containsText,
  filterFromSearch,
  isFiltered,
  noFilter,
  odataFilter,
  searchOfFilter,
} from '../../../../src/web/pages/logs/log-filter.ts';
import type { Entry } from '../../../../src/web/pages/logs/log-kinds.ts';

const now = Date.parse('2026-05-01T12:00:00Z');

describe('the filter of a log', () => {
  it('goes into the URL and comes back the same', () => {
    const filter = {
      severity: 'warning',
      text: 'fan & =1',
      period: 'range',
      from: '2026-05-01T12:30',
      to: '',
    } as const;
    expect(filterFromSearch(new URLSearchParams(searchOfFilter(filter).toString()))).toEqual(filter);
  });

  it('leaves the URL empty where nothing is filtered', () => {
    expect(searchOfFilter(noFilter).toString()).toBe('');
    expect(isFiltered(noFilter)).toBe(false);
    expect(isFiltered({ ...noFilter, text: '  ' })).toBe(false);
  });

  it('takes what a URL says wrongly for no filter', () => {
    const search = new URLSearchParams('severity=worst&period=aeon');
    expect(filterFromSearch(search)).toEqual(noFilter);
  });

  it.each([
    ['warning', 'OK', false],
    ['warning', 'Warning', true],
    ['warning', 'Critical', true],
    ['critical', 'Warning', false],
    ['critical', 'Critical', true],
  ] as const)(
    'asks the service so that with %s an entry of %s is let through: %s',
    (severity, level, let_) => {
      const condition = odataFilter({ ...noFilter, severity }, now) ?? '';
      expect(parseFilter(condition)({ Severity: level })).toBe(let_);
    },
  );

  it('asks the service for the last hour alone', () => {
    const condition = odataFilter({ ...noFilter, severity: 'warning', period: 'hour' }, now) ?? '';
    const filter = parseFilter(condition);
    expect(filter({ Severity: 'Warning', Created: '2026-05-01T11:30:00Z' })).toBe(true);
    expect(filter({ Severity: 'Warning', Created: '2026-05-01T10:30:00Z' })).toBe(false);
    expect(filter({ Severity: 'OK', Created: '2026-05-01T11:30:00Z' })).toBe(false);
  });

  it('asks for nothing where a time is half typed', () => {
    expect(odataFilter({ ...noFilter, period: 'range', from: '20', to: '' }, now)).toBeUndefined();
  });

  it('finds words in any order, in full and half width, in what is shown as well', () => {
    const entry = { Id: '7', Message: 'Sensor FAN1: going high', Severity: 'OK' } as Entry;
    expect(containsText(entry, 'high ｆａｎ１')).toBe(true);
    expect(containsText(entry, 'センサー', 'センサー FAN1')).toBe(true);
    expect(containsText(entry, 'fan2')).toBe(false);
  });
});
