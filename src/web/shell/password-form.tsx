import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { ApiError } from '../api/errors.ts';
import { client } from '../api/session.ts';
import { Button } from '../ui/button.tsx';
import { ErrorPanel } from '../ui/error-panel.tsx';
import { Field, PasswordInput } from '../ui/field.tsx';
import { useUiWords } from '../ui/words.ts';
import styles from './password-form.module.css';
import { useShellWords } from './words.ts';

interface PasswordFormProps {
  readonly accountUri: string;
  /** For the browser's password store. */
  readonly userName: string;
  onDone(): void;
}

/** A new password, twice. What a password must be like the service says when it refuses one. */
export function PasswordForm({ accountUri, userName, onDone }: PasswordFormProps) {
  const words = useShellWords();
  const { save } = useUiWords();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [differ, setDiffer] = useState(false);
  const change = useMutation<unknown, ApiError, string>({
    mutationFn: (wanted) => client.patch(accountUri, { Password: wanted }),
    onSuccess: onDone,
  });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        setDiffer(password !== again);
        if (password === again) change.mutate(password);
      }}
    >
      <input type="text" name="username" autoComplete="username" value={userName} readOnly hidden />
      <Field label={words.newPassword}>
        <PasswordInput
          required
          autoComplete="new-password"
          value={password}
          onChange={({ target }) => setPassword(target.value)}
        />
      </Field>
      <Field label={words.newPasswordAgain} error={differ && words.passwordsDiffer}>
        <PasswordInput
          required
          autoComplete="new-password"
          value={again}
          onChange={({ target }) => setAgain(target.value)}
        />
      </Field>
      {change.error && <ErrorPanel error={change.error} />}
      <Button type="submit" look="primary" busy={change.isPending}>
        {save}
      </Button>
    </form>
  );
}
