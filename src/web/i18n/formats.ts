/** Numbers, times and sizes as the user's language writes them. */
import { useMemo } from 'react';
import { type Language, useLanguage } from './words.ts';

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', ja: 'ja-JP' };
const byteUnits = ['byte', 'kibibyte', 'mebibyte', 'gibibyte', 'tebibyte'] as const;
const byteSigns: Readonly<Record<(typeof byteUnits)[number], string>> = {
  byte: 'B',
  kibibyte: 'KiB',
  mebibyte: 'MiB',
  gibibyte: 'GiB',
  tebibyte: 'TiB',
};

export interface Formats {
  number(value: number, digits?: number): string;
  percent(share: number): string;
  /** Binary units: 1536 is `1.5 KiB`. */
  bytes(count: number): string;
  /** Date and time to the second. */
  dateTime(time: string | number): string;
  /** The time alone for today's, otherwise date and time. */
  shortTime(time: string | number, now?: number): string;
  /** Hours, minutes and seconds. */
  timeOfDay(time: string | number): string;
  /** Hours and minutes, always as wide. */
  hourMinute(time: string | number): string;
  date(time: string | number): string;
  /** `3 minutes ago` */
  ago(time: string | number, now?: number): string;
  /** `2 h 5 min`: its two largest parts. */
  duration(ms: number): string;
}

/** Independent of React, for tests. */
export function formatsFor(language: Language, timeZone?: string): Formats {
  const locale = locales[language];
  const zone = timeZone === undefined ? {} : { timeZone };
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', ...zone });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', ...zone });
  const hourMinute = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', ...zone });
  const shortDateTime = new Intl.DateTimeFormat(locale, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    ...zone,
  });
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', ...zone });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit: name,
      unitDisplay: language === 'en' ? 'narrow' : 'short',
    }).format(value);
  return {
    number: (value, digits = 0) =>
      new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value),
    percent: (share) =>
      new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }).format(share),
    bytes(count) {
      const step = count < 1 ? 0 : Math.min(byteUnits.length - 1, Math.floor(Math.log2(count) / 10));
      const value = new Intl.NumberFormat(locale, { maximumFractionDigits: step === 0 ? 0 : 1 });
      return `${value.format(count / 1024 ** step)} ${byteSigns[byteUnits[step] ?? 'byte']}`;
    },
    dateTime: (at) => dateTime.format(new Date(at)),
    shortTime(at, now = Date.now()) {
      const then = new Date(at);
      return date.format(then) === date.format(now) ? time.format(then) : shortDateTime.format(then);
    },
    timeOfDay: (at) => time.format(new Date(at)),
    hourMinute: (at) => hourMinute.format(new Date(at)),
    date: (at) => date.format(new Date(at)),
    ago(at, now = Date.now()) {
      const seconds = Math.round((new Date(at).getTime() - now) / 1000);
      const [amount, name] = largest(Math.abs(seconds));
      return relative.format(Math.sign(seconds) * amount, name);
    },
    duration(ms) {
      const seconds = Math.max(0, Math.floor(ms / 1000));
      const parts = [
        [Math.floor(seconds / 86_400), 'day'],
        [Math.floor(seconds / 3600) % 24, 'hour'],
        [Math.floor(seconds / 60) % 60, 'minute'],
        [seconds % 60, 'second'],
      ] as const;
      const first = parts.findIndex(([value]) => value > 0);
      const shown =
        first < 0 ? parts.slice(-1) : parts.slice(first, first + 2).filter(([value]) => value > 0);
      return shown.map(([value, name]) => unit(value, name)).join(' ');
    },
  };
}

function largest(seconds: number): readonly [number, Intl.RelativeTimeFormatUnit] {
  if (seconds < 60) return [seconds, 'second'];
  if (seconds < 3600) return [Math.floor(seconds / 60), 'minute'];
  if (seconds < 86_400) return [Math.floor(seconds / 3600), 'hour'];
  return [Math.floor(seconds / 86_400), 'day'];
}

export function useFormats(): Formats {
  const language = useLanguage();
  return useMemo(() => formatsFor(language), [language]);
}
