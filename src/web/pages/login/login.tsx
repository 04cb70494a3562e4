import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { ApiError } from '../../api/errors.ts';
import { type SessionState, session } from '../../api/session.ts';
import { choose, themes, usePreferences } from '../../i18n/preferences.ts';
import { languageNames, languages, useWords } from '../../i18n/words.ts';
import { Brand } from '../../shell/brand.tsx';
import { PasswordForm } from '../../shell/password-form.tsx';
import { useShellWords } from '../../shell/words.ts';
import { Button } from '../../ui/button.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Field, Input, PasswordInput } from '../../ui/field.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Select } from '../../ui/select.tsx';
import { en } from './en.ts';
import { ja } from './ja.ts';
import styles from './login.module.css';
import { RackArt } from './rack-art.tsx';

export function Login({ state }: { readonly state: SessionState }) {
  const words = useWords({ en, ja });
  const title = state.phase === 'must-change-password' ? words.expired : words.title;
  useEffect(() => {
    document.title = `${title} · qemu-bmc`;
  }, [title]);
  return (
    <div className={styles.page}>
      <aside className={styles.side}>
        <Brand large />
        <RackArt />
        <p>{words.lead}</p>
      </aside>
      <main className={styles.main}>
        <div className={styles.panel}>
          <span className={styles.narrowBrand}>
            <Brand large />
          </span>
          <h1 className={styles.title}>{title}</h1>
          {state.phase === 'must-change-password' ? (
            <>
              <p className={styles.lead}>{words.expiredText(state.who.userName)}</p>
              <PasswordForm
                accountUri={state.accountUri}
                userName={state.who.userName}
                onDone={() => session.passwordChanged()}
              />
              <Button look="quiet" onClick={() => void session.logout()}>
                {words.cancel}
              </Button>
            </>
          ) : (
            <LoginForm ended={state.phase === 'out' && state.ended} />
          )}
        </div>
        <Choices />
      </main>
    </div>
  );
}

function LoginForm({ ended }: { readonly ended: boolean }) {
  const words = useWords({ en, ja });
  const [userName, setUserName] = useState('');
  const [password, setPassword] = useState('');
  const login = useMutation<void, ApiError>({ mutationFn: () => session.login(userName, password) });
  const { error } = login;
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!login.isPending) login.mutate();
      }}
    >
      {ended && !error && (
        <p className={styles.note} role="status">
          <Icon name="clock" />
          {words.ended}
        </p>
      )}
      <Field label={words.userName}>
        <Input
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus
          value={userName}
          onChange={({ target }) => setUserName(target.value)}
        />
      </Field>
      <Field label={words.password}>
        <PasswordInput
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={({ target }) => setPassword(target.value)}
        />
      </Field>
      {error && <LoginFailure error={error} />}
      <Button type="submit" look="primary" busy={login.isPending}>
        {words.submit}
      </Button>
    </form>
  );
}

function LoginFailure({ error }: { readonly error: ApiError }) {
  const words = useWords({ en, ja });
  if (error.kind !== 'unauthorized') return <ErrorPanel error={error} />;
  return (
    <div className={styles.failure} role="alert">
      <Icon name="warning" />
      <div>
        <p>
          <b>{words.wrong}</b>
        </p>
        <p>{error.retryAfterS === undefined ? words.wrongRemedy : words.throttled(error.retryAfterS)}</p>
      </div>
    </div>
  );
}

function Choices() {
  const words = useWords({ en, ja });
  const shell = useShellWords();
  const { language, theme } = usePreferences();
  return (
    <div className={styles.choices}>
      <Select
        aria-label={words.language}
        value={language}
        options={languages.map((value) => ({ value, label: languageNames[value] }))}
        onChange={(value) => choose({ language: value })}
      />
      <Select
        aria-label={words.theme}
        value={theme}
        options={themes.map((value) => ({ value, label: shell.themes[value] }))}
        onChange={(value) => choose({ theme: value })}
      />
    </div>
  );
}
