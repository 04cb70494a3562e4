import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Answer } from '../../api/client.ts';
import type { ApiError } from '../../api/errors.ts';
import { uris } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Button } from '../../ui/button.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { Select } from '../../ui/select.tsx';
import { useUiWords } from '../../ui/words.ts';
import { accountBody, dayOf, ipmiAccount, isName, roleIds, timeOfDay, type Wish } from './account.ts';
import { useDraft } from './draft.ts';
import type { PasswordLimits } from './password.ts';
import { PasswordFields, passwordsReady } from './password-fields.tsx';
import { type Account, accountTypes } from './schema.ts';
import styles from './users.module.css';
import { useSettingsWords } from './words.ts';

interface AccountDialogProps {
  /** Undefined: a new one. */
  readonly account?: Account;
  readonly limits: PasswordLimits;
  onClose(): void;
}

export function AccountDialog({ account, limits, onClose }: AccountDialogProps) {
  const { users: words } = useSettingsWords();
  const ui = useUiWords();
  const linesOf = useShellLines();
  const draft = useDraft<Wish>({
    UserName: account?.UserName ?? '',
    RoleId: account?.RoleId ?? 'ReadOnly',
    Enabled: account?.Enabled ?? true,
    AccountTypes: account?.AccountTypes ?? accountTypes,
    PasswordChangeRequired: account?.PasswordChangeRequired ?? false,
    PasswordExpiration: account?.PasswordExpiration ?? null,
  });
  const { value, set } = draft;
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [strict, setStrict] = useState(false);
  const [etag] = useState(account?.['@odata.etag']);
  const save = useMutation<Answer<unknown>, ApiError>({
    mutationFn: () =>
      account
        ? client.patch(account['@odata.id'], draft.changes, { etag })
        : client.post(uris.accounts, accountBody(value, password)),
    onSuccess() {
      notify({
        kind: 'ok',
        title: account ? words.saved(value.UserName) : words.created(value.UserName),
      });
      onClose();
    },
  });
  const nameIsGood = isName(value.UserName);
  const ready =
    nameIsGood &&
    value.AccountTypes.length > 0 &&
    (account ? draft.differs : passwordsReady(password, again, limits));
  const lines = account
    ? linesOf({
        method: 'PATCH',
        uri: account['@odata.id'],
        body: draft.changes,
        ipmi: ipmiAccount(account.Id, draft.changes),
      })
    : linesOf({ method: 'POST', uri: uris.accounts, body: accountBody(value, '…') });
  return (
    <Dialog
      open
      size="small"
      title={account ? words.editTitle(account.UserName ?? '') : words.createTitle}
      onClose={onClose}
    >
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          setStrict(true);
          if (ready) save.mutate();
        }}
      >
        <Field
          label={words.name}
          hint={words.nameRule}
          error={(strict || value.UserName !== '') && !nameIsGood && words.nameWrong}
        >
          <Input
            value={value.UserName}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={16}
            onChange={({ target }) => set({ UserName: target.value })}
          />
        </Field>
        {!account && (
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
        )}
        <Field label={words.role} hint={words.roleMeanings[value.RoleId]}>
          <Select
            value={value.RoleId}
            options={roleIds.map((id) => ({ value: id as string, label: words.roles[id] ?? id }))}
            onChange={(RoleId) => set({ RoleId })}
          />
        </Field>
        <fieldset className={styles.types}>
          <legend>{words.facesLabel}</legend>
          {accountTypes.map((type) => (
            <Checkbox
              key={type}
              label={words.types[type]}
              checked={value.AccountTypes.includes(type)}
              onChange={({ target }) =>
                set({
                  AccountTypes: accountTypes.filter((each) =>
                    each === type ? target.checked : value.AccountTypes.includes(each),
                  ),
                })
              }
            />
          ))}
        </fieldset>
        <Checkbox
          label={words.mayLogIn}
          checked={value.Enabled}
          onChange={({ target }) => set({ Enabled: target.checked })}
        />
        <Checkbox
          label={words.changeAtLogin}
          checked={value.PasswordChangeRequired}
          onChange={({ target }) => set({ PasswordChangeRequired: target.checked })}
        />
        <Field label={words.expires} hint={words.expiresHint}>
          <Input
            type="date"
            max="9999-12-31"
            value={dayOf(value.PasswordExpiration)}
            onChange={({ target }) => set({ PasswordExpiration: timeOfDay(target.value) })}
          />
        </Field>
        {save.error && <ErrorPanel error={save.error} />}
        <div className={styles.foot}>
          <span className={styles.lines}>
            <CopyAs lines={lines} />
          </span>
          <Button onClick={onClose}>{ui.cancel}</Button>
          <Button
            type="submit"
            look="primary"
            disabled={account !== undefined && !ready}
            busy={save.isPending}
          >
            {account ? ui.save : words.createAction}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
