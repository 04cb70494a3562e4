/** Language and theme: the user's choice, kept in this browser; until then what the browser prefers. */
import { useSyncExternalStore } from 'react';
import { type Language, languages } from './words.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
}

const keys = { language: 'qemu-bmc.language', theme: 'qemu-bmc.theme' } as const;
const listeners = new Set<() => void>();

/** @param preferred the browser's languages, best first: `ja-JP` */
export function languageOf(kept: string | null, preferred: readonly string[]): Language {
  const known = (text: string | null) => languages.find((language) => language === text);
  const chosen = known(kept);
  if (chosen) return chosen;
  for (const tag of preferred) {
    const found = known(tag.slice(0, 2).toLowerCase());
    if (found) return found;
  }
  return 'en';
}

/** A browser may forbid storage; then the choice lasts as long as the tab. */
function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

let preferences: Preferences | undefined;

function current(): Preferences {
  preferences ??= {
    language: languageOf(kept(keys.language), navigator.languages),
    theme: themes.find((theme) => theme === kept(keys.theme)) ?? 'system',
  };
  return preferences;
}

export function choose(change: Partial<Preferences>): void {
  preferences = { ...current(), ...change };
  try {
    if (change.language) localStorage.setItem(keys.language, change.language);
    if (change.theme) localStorage.setItem(keys.theme, change.theme);
  } catch {
    // Not kept beyond this tab.
  }
  applyPreferences();
  for (const listener of listeners) listener();
}

/** Tells the document; styles follow from there. */
export function applyPreferences(): void {
  const { language, theme } = current();
  document.documentElement.lang = language;
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function usePreferences(): Preferences {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
