/**
 * Words in the user's language. A dictionary is an object of strings and of functions that make strings; English is the
 * master, and Japanese has exactly its keys or does not compile. Each page has a dictionary of its own.
 */
import { createContext, useContext } from 'react';

export const languages = ['en', 'ja'] as const;
export type Language = (typeof languages)[number];
/** Each in itself. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', ja: '日本語' };

/** The shape that other languages take from the English one. */
export type Words<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...args: infer A) => string
      ? (...args: A) => string
      : Words<T[K]>;
};

export interface Dictionary<T> {
  readonly en: T;
  readonly ja: Words<T>;
}

/** A few words where a whole dictionary would be too much: a title. */
export type Text = Readonly<Record<Language, string>>;

export const LanguageContext = createContext<Language>('en');

export function useLanguage(): Language {
  return useContext(LanguageContext);
}

export function useWords<T>(dictionary: Dictionary<T>): Words<T> {
  return dictionary[useLanguage()] as Words<T>;
}
