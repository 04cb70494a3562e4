import { expect, it } from 'vitest';
import { pageSize, windowOf } from '../../../../src/web/pages/logs/log-pages.ts';

it('shows the newest entries first although the service counts from the oldest', () => {
  expect(windowOf(120, 0)).toEqual({ skip: 70, top: pageSize });
  expect(windowOf(120, 1)).toEqual({ skip: 20, top: pageSize });
});

it('shows the rest on the last page, and each entry on exactly one page', () => {
  expect(windowOf(120, 2)).toEqual({ skip: 0, top: 20 });
  expect(windowOf(0, 0)).toEqual({ skip: 0, top: 0 });
  expect(windowOf(10, 5).top).toBe(0);
});
