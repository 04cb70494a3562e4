import { Field, PasswordInput } from '../../ui/field.tsx';
import { isUsable, judgePassword, type PasswordLimits, passwordBytes } from './password.ts';
import { useSettingsWords } from './words.ts';

interface PasswordFieldsProps {
  readonly limits: PasswordLimits;
  readonly password: string;
  readonly again: string;
  /** Whether what is missing is said as well: after the first attempt to save. */
  readonly strict: boolean;
  onChange(password: string, again: string): void;
}

export function passwordsReady(password: string, again: string, limits: PasswordLimits): boolean {
  return isUsable(judgePassword(password, limits)) && password === again;
}

/** A new password, twice, and what the faces make of it. */
export function PasswordFields({ limits, password, again, strict, onChange }: PasswordFieldsProps) {
  const { users: words } = useSettingsWords();
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
          onChange={({ target }) => onChange(target.value, again)}
        />
      </Field>
      <Field
        label={words.passwordAgain}
        error={(strict || again !== '') && again !== password && words.passwordsDiffer}
      >
        <PasswordInput
          autoComplete="new-password"
          value={again}
          onChange={({ target }) => onChange(password, target.value)}
        />
      </Field>
    </>
  );
}
