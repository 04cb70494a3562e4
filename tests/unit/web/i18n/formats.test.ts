import { describe, expect, it } from 'vitest';
import { formatsFor } from '../../../../src/web/i18n/formats.ts';
import { languageOf } from '../../../../src/web/i18n/preferences.ts';

const en = formatsFor('en', 'UTC');
const ja = formatsFor('ja', 'UTC');

describe('formats', () => {
  it('write sizes in binary units', () => {
    expect([0, 1023, 1024, 1536, 512 * 1024 ** 2, 3 * 1024 ** 5].map((count) => en.bytes(count))).toEqual([
      '0 B',
      '1,023 B',
      '1 KiB',
      '1.5 KiB',
      '512 MiB',
      '3,072 TiB',
    ]);
  });

  it('write durations by their two largest parts', () => {
    expect([0, 59_000, 61_000, 3_600_000, 90_061_000].map((ms) => en.duration(ms))).toEqual([
      '0s',
      '59s',
      '1m 1s',
      '1h',
      '1d 1h',
    ]);
    expect(ja.duration(61_000)).toBe('1 分 1 秒');
  });

  it('leave the date out of today’s times only', () => {
    const now = Date.parse('2026-11-21T20:00:00Z');
    expect(en.shortTime('2026-11-21T08:15:30Z', now)).toBe('08:15:30');
    expect(en.shortTime('2026-11-20T08:15:30Z', now)).toBe('20 Nov, 08:15');
  });

  it('tell how long ago something was', () => {
    expect(en.ago(0, 125_000)).toBe('2 minutes ago');
    expect(ja.ago(0, 125_000)).toBe('2 分前');
  });
});

describe('language', () => {
  it('is the one that was chosen, then the first that the browser wants and we have, then English', () => {
    expect(languageOf('ja', ['en-US'])).toBe('ja');
    expect(languageOf(null, ['fr-FR', 'ja-JP', 'en'])).toBe('ja');
    expect(languageOf('xx', ['fr'])).toBe('en');
  });
});
