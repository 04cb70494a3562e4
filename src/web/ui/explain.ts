/** An error in words for the user: why, and what helps. */
import { ApiError } from '../api/errors.ts';
import { serviceMessages } from '../i18n/service-messages.ts';
import { type Language, useLanguage } from '../i18n/words.ts';
import { en } from './en.ts';
import { ja } from './ja.ts';

const words = { en, ja };

export interface Explanation {
  readonly cause: string;
  readonly remedy: string;
}

export function explain(error: Error, language: Language): Explanation {
  const { causes, remedies, retryAfter } = words[language];
  if (!(error instanceof ApiError)) return { cause: error.message, remedy: remedies.bug };
  const { kind, messages, retryAfterS } = error;
  const translated = messages.map(({ id, text, args, resolution }) => {
    const [cause, remedy] = serviceMessages[language][id]?.(...args) ?? [text, resolution];
    return { cause, remedy };
  });
  const cause = translated.map((each) => each.cause).join(' ') || causes[kind];
  const wait = retryAfterS === undefined ? undefined : retryAfter(retryAfterS);
  const advice = translated.map((each) => each.remedy).find(Boolean);
  return { cause, remedy: wait ?? advice ?? remedies[kind] };
}

/** For what is told outside of an ErrorPanel, such as notices. */
export function useExplain(): (error: Error) => Explanation {
  const language = useLanguage();
  return (error) => explain(error, language);
}
