import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Answer } from '../../api/client.ts';
import type { ApiError } from '../../api/errors.ts';
import { uris } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { notify } from '../../ui/notices.tsx';
import { Select } from '../../ui/select.tsx';
import { accountBody, dayOf, ipmiAccount, isName, roleIds, timeOfDay, type Wish } from './account.ts';
import { CheckList } from './check-list.tsx';
import { useDraft } from './draft.ts';
import { FormDialog } from './form-dialog.tsx';
import type { PasswordLimits } from './password.ts';
import { PasswordFields, useNewPassword } from './password-fields.tsx';
import { type Account, accountTypes } from './schema.ts';
import { useSettingsWords } from './words.ts';

interface AccountDialogProps {
  /** Undefined: a new one. */
  readonly account?: Account;
  readonly limits: PasswordLimits;
  onClose(): void;
}

export function AccountDialog({ account, limits, onClose }: AccountDialogProps) {
  const { users: words } = useSettingsWords();
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
  const password = useNewPassword(limits);
  const [etag] = useState(account?.['@odata.etag']);
  const save = useMutation<Answer<unknown>, ApiError>({
    mutationFn: () =>
      account
        ? client.patch(account['@odata.id'], draft.changes, { etag })
        : client.post(uris.accounts, accountBody(value, password.password)),
    onSuccess() {
      notify({
        kind: 'ok',
        title: account ? words.saved(value.UserName) : words.created(value.UserName),
      });
      onClose();
    },
  });
  const nameIsGood = value.UserName === account?.UserName || isName(value.UserName);
  const ready = nameIsGood && value.AccountTypes.length > 0 && (account ? draft.differs : password.ready);
  const lines = account
    ? linesOf({
        method: 'PATCH',
        uri: account['@odata.id'],
        body: draft.changes,
        ipmi: ipmiAccount(account.Id, draft.changes),
      })
    : linesOf({ method: 'POST', uri: uris.accounts, body: accountBody(value, '…') });
  return (
    <FormDialog
      title={account ? words.editTitle(account.UserName ?? '') : words.createTitle}
      {...(!account && { action: words.createAction })}
      disabled={account !== undefined && !ready}
      busy={save.isPending}
      error={save.error}
      lines={lines}
      onClose={onClose}
      onSubmit={() => {
        password.beStrict();
        if (ready) save.mutate();
      }}
    >
      <Field
        label={words.name}
        hint={words.nameRule}
        error={(password.strict || value.UserName !== '') && !nameIsGood && words.nameWrong}
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
      {!account && <PasswordFields limits={limits} wish={password} />}
      <Field label={words.role} hint={words.roleMeanings[value.RoleId]}>
        <Select
          value={value.RoleId}
          options={roleIds.map((id) => ({ value: id as string, label: words.roles[id] ?? id }))}
          onChange={(RoleId) => set({ RoleId })}
        />
      </Field>
      <CheckList
        legend={words.facesLabel}
        all={accountTypes}
        labels={words.types}
        error={value.AccountTypes.length === 0 && words.facesMissing}
        value={value.AccountTypes}
        onChange={(AccountTypes) => set({ AccountTypes })}
      />
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
    </FormDialog>
  );
}
