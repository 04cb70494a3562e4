import { useState } from 'react';
import { Field, PasswordInput } from '../../ui/field.tsx';
import { isUsable, judgePassword, type PasswordLimits, passwordBytes } from './password.ts';
import { useSettingsWords } from './words.ts';

export interface NewPassword {
  readonly password: string;
  readonly again: string;
  /** Whether what is missing is said as well: after the first attempt to save. */
  readonly strict: boolean;
  /** Good, and twice the same. */
  readonly ready: boolean;
  set(password: string, again: string): void;
  beStrict(): void;
}

/** What {@link PasswordFields} take in. */
export function useNewPassword(limits: PasswordLimits): NewPassword {
  const [{ password, again }, setBoth] = useState({ password: '', again: '' });
  const [strict, setStrict] = useState(false);
  return {
    password,
    again,
    strict,
    ready: isUsable(judgePassword(password, limits)) && password === again,
    set: (next, nextAgain) => setBoth({ password: next, again: nextAgain }),
    beStrict: () => setStrict(true),
  };
}

interface PasswordFieldsProps {
  readonly limits: PasswordLimits;
  readonly wish: NewPassword;
}

/** A new password, twice, and what the faces make of it. */
export function PasswordFields({ limits, wish }: PasswordFieldsProps) {
  const { users: words } = useSettingsWords();
  const { password, again, strict } = wish;
  const verdict = judgePassword(password, limits);
  const { least, most } = limits;
  const bytes = passwordBytes(password);
  const problem =
    verdict === 'empty'
      ? strict && words.passwordMissing
      : verdict === 'too-short' || verdict === 'too-long'
        ? words.passwordLength(bytes, least, most)
        : verdict === 'bad-character' && words.passwordCharacter;
  return (
    <>
      <Field
        label={words.password}
        hint={verdict === 'long' ? words.passwordLong(bytes) : words.passwordRule(least, most)}
        error={problem}
      >
        <PasswordInput
          autoComplete="new-password"
          value={password}
          onChange={({ target }) => wish.set(target.value, again)}
        />
      </Field>
      <Field
        label={words.passwordAgain}
        error={(strict || again !== '') && again !== password && words.passwordsDiffer}
      >
        <PasswordInput
          autoComplete="new-password"
          value={again}
          onChange={({ target }) => wish.set(password, target.value)}
        />
      </Field>
    </>
  );
}
