import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Answer } from '../../api/client.ts';
import type { ApiError } from '../../api/errors.ts';
import { client } from '../../api/session.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Button } from '../../ui/button.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { notify } from '../../ui/notices.tsx';
import { useUiWords } from '../../ui/words.ts';
import type { PasswordLimits } from './password.ts';
import { PasswordFields, passwordsReady } from './password-fields.tsx';
import type { Account } from './schema.ts';
import styles from './users.module.css';
import { useSettingsWords } from './words.ts';

interface PasswordChangeProps {
  readonly account: Account;
  readonly limits: PasswordLimits;
  onClose(): void;
}

export function PasswordChange({ account, limits, onClose }: PasswordChangeProps) {
  const { users: words } = useSettingsWords();
  const ui = useUiWords();
  const linesOf = useShellLines();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [strict, setStrict] = useState(false);
  const uri = account['@odata.id'];
  const name = account.UserName ?? '';
  const change = useMutation<Answer<unknown>, ApiError>({
    mutationFn: () => client.patch(uri, { Password: password }),
    onSuccess() {
      notify({ kind: 'ok', title: words.passwordChanged(name) });
      onClose();
    },
  });
  const lines = linesOf({
    method: 'PATCH',
    uri,
    body: { Password: '…' },
    ipmi: ['user', 'set', 'password', account.Id],
  });
  return (
    <Dialog
      open
      size="small"
      title={words.changePasswordOf(name)}
      description={words.passwordEnds}
      onClose={onClose}
    >
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          setStrict(true);
          if (passwordsReady(password, again, limits)) change.mutate();
        }}
      >
        <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
        <PasswordFields
          limits={limits}
          password={password}
          again={again}
          strict={strict}
          onChange={(next, nextAgain) => {
            setPassword(next);
            setAgain(nextAgain);
          }}
        />
        {change.error && <ErrorPanel error={change.error} />}
        <div className={styles.foot}>
          <span className={styles.lines}>
            <CopyAs lines={lines} />
          </span>
          <Button onClick={onClose}>{ui.cancel}</Button>
          <Button type="submit" look="primary" busy={change.isPending}>
            {ui.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
