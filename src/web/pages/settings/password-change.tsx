import { useMutation } from '@tanstack/react-query';
import type { Answer } from '../../api/client.ts';
import type { ApiError } from '../../api/errors.ts';
import { client } from '../../api/session.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { notify } from '../../ui/notices.tsx';
import { FormDialog } from './form-dialog.tsx';
import type { PasswordLimits } from './password.ts';
import { PasswordFields, useNewPassword } from './password-fields.tsx';
import type { Account } from './schema.ts';
import { useSettingsWords } from './words.ts';

interface PasswordChangeProps {
  readonly account: Account;
  readonly limits: PasswordLimits;
  onClose(): void;
}

export function PasswordChange({ account, limits, onClose }: PasswordChangeProps) {
  const { users: words } = useSettingsWords();
  const linesOf = useShellLines();
  const wish = useNewPassword(limits);
  const uri = account['@odata.id'];
  const name = account.UserName ?? '';
  const change = useMutation<Answer<unknown>, ApiError>({
    mutationFn: () => client.patch(uri, { Password: wish.password }),
    onSuccess() {
      notify({ kind: 'ok', title: words.passwordChanged(name) });
      onClose();
    },
  });
  return (
    <FormDialog
      title={words.changePasswordOf(name)}
      description={words.passwordEnds}
      busy={change.isPending}
      error={change.error}
      lines={linesOf({
        method: 'PATCH',
        uri,
        body: { Password: '…' },
        ipmi: ['user', 'set', 'password', account.Id],
      })}
      onClose={onClose}
      onSubmit={() => {
        wish.beStrict();
        if (wish.ready) change.mutate();
      }}
    >
      <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
      <PasswordFields limits={limits} wish={wish} />
    </FormDialog>
  );
}
