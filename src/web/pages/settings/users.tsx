import { useState } from 'react';
import { useMay, useWho } from '../../api/privileges.ts';
import { useDelete, useMembers, useResource } from '../../api/queries.ts';
import { uris } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { notify } from '../../ui/notices.tsx';
import { Table } from '../../ui/table.tsx';
import { useTellFailure } from '../../ui/tell-failure.ts';
import { AccountDialog } from './account-dialog.tsx';
import { buttonColumn } from './button-column.tsx';
import { LockoutPolicy } from './lockout-policy.tsx';
import { PasswordChange } from './password-change.tsx';
import { type Account, type AccountService, settingsUris } from './schema.ts';
import { Section } from './section.tsx';
import styles from './users.module.css';
import { useSettingsWords } from './words.ts';

type Open =
  | { readonly what: 'create' }
  | { readonly what: 'edit' | 'password' | 'delete'; readonly account: Account };

/** Who may log in, by every face: the users of IPMI and of Redfish are the same. */
export function Users() {
  const all = useSettingsWords();
  const { users: words } = all;
  const who = useWho();
  const may = useMay('ConfigureUsers');
  const tellFailure = useTellFailure();
  const accounts = useMembers<Account>(uris.accounts);
  const service = useResource<AccountService>(settingsUris.accountService);
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const limits = {
    least: service.data?.MinPasswordLength ?? 1,
    most: service.data?.MaxPasswordLength ?? 20,
  };

  async function unlock(account: Account) {
    try {
      await client.patch(account['@odata.id'], { Locked: false });
      notify({ kind: 'ok', title: words.unlocked(account.UserName ?? '') });
      await accounts.refetch();
    } catch (error) {
      tellFailure(words.unlock, error);
    }
  }

  return (
    <>
      <Section
        flush
        title={words.title}
        about={words.about}
        needs="ConfigureUsers"
        reading={accounts}
        aside={
          <Button size="small" icon="add" disabled={!may} onClick={() => setOpen({ what: 'create' })}>
            {words.create}
          </Button>
        }
      >
        {(list) => (
          <Table
            label={words.title}
            rows={list.filter(({ UserName: name }) => name !== undefined)}
            rowKey={({ Id }) => Id}
            empty={
              <EmptyState icon="user" title={words.hidden}>
                {words.hiddenText}
              </EmptyState>
            }
            columns={[
              {
                id: 'name',
                header: words.name,
                cell: ({ UserName: name }) => (
                  <span className={styles.name}>
                    <bdi>{name}</bdi>
                    {name === who?.userName && <Badge tone="accent">{words.you}</Badge>}
                  </span>
                ),
              },
              { id: 'id', header: words.slot, narrow: true, cell: ({ Id }) => Id },
              {
                id: 'role',
                header: words.role,
                narrow: true,
                cell: ({ RoleId: role = '' }) => words.roles[role] ?? role,
              },
              {
                id: 'types',
                header: words.faces,
                cell: ({ AccountTypes: types = [] }) =>
                  types.length === 0 ? all.none : types.map((type) => words.types[type] ?? type).join(', '),
              },
              {
                id: 'state',
                header: words.state,
                narrow: true,
                cell: (account) => <AccountState account={account} />,
              },
              buttonColumn<Account>((account) => (
                <>
                  {account.Locked && (
                    <Button size="small" disabled={!may} onClick={() => void unlock(account)}>
                      {words.unlock}
                    </Button>
                  )}
                  <IconButton
                    icon="key"
                    size="small"
                    label={words.changePasswordOf(account.UserName ?? '')}
                    disabled={!may && account.UserName !== who?.userName}
                    onClick={() => setOpen({ what: 'password', account })}
                  />
                  <IconButton
                    icon="edit"
                    size="small"
                    label={words.edit(account.UserName ?? '')}
                    disabled={!may}
                    onClick={() => setOpen({ what: 'edit', account })}
                  />
                  <IconButton
                    icon="remove"
                    size="small"
                    label={words.remove(account.UserName ?? '')}
                    disabled={!may}
                    onClick={() => setOpen({ what: 'delete', account })}
                  />
                </>
              )),
            ]}
          />
        )}
      </Section>
      <Roles />
      <LockoutPolicy />
      {open?.what === 'create' && <AccountDialog limits={limits} onClose={close} />}
      {open?.what === 'edit' && <AccountDialog account={open.account} limits={limits} onClose={close} />}
      {open?.what === 'password' && <PasswordChange account={open.account} limits={limits} onClose={close} />}
      {open?.what === 'delete' && <DeleteAccount account={open.account} onClose={close} />}
    </>
  );
}

function AccountState({ account }: { readonly account: Account }) {
  const { users: words } = useSettingsWords();
  const { date } = useFormats();
  const { Enabled: enabled, Locked: locked, PasswordChangeRequired: mustChange } = account;
  const { PasswordExpiration: expires } = account;
  const daysLeft = expires ? (Date.parse(expires) - Date.now()) / 86_400_000 : undefined;
  return (
    <span className={styles.badges}>
      <Badge tone={enabled ? 'ok' : 'neutral'}>{enabled ? words.enabled : words.disabled}</Badge>
      {locked && <Badge tone="bad">{words.locked}</Badge>}
      {mustChange && <Badge tone="warning">{words.mustChange}</Badge>}
      {expires && daysLeft !== undefined && (
        <Badge tone={daysLeft <= 14 ? 'warning' : 'neutral'}>
          {daysLeft <= 0 ? words.expired : words.expiresOn(date(expires))}
        </Badge>
      )}
    </span>
  );
}

function DeleteAccount({ account, onClose }: { readonly account: Account; onClose(): void }) {
  const { users: words } = useSettingsWords();
  const linesOf = useShellLines();
  const remove = useDelete();
  const uri = account['@odata.id'];
  const name = account.UserName ?? '';
  return (
    <ConfirmDialog
      open
      title={words.deleteTitle(name)}
      description={words.deleteText}
      action={words.deleteAction}
      busy={remove.isPending}
      error={remove.error}
      lines={linesOf({ method: 'DELETE', uri, ipmi: ['user', 'set', 'name', account.Id, ''] })}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(uri, {
          onSuccess() {
            notify({ kind: 'ok', title: words.deleted(name) });
            onClose();
          },
        })
      }
    />
  );
}

interface Role {
  readonly Id: string;
  readonly RoleId: string;
  readonly AssignedPrivileges?: readonly string[];
}

/** What each role may; they are fixed. */
function Roles() {
  const { users: words } = useSettingsWords();
  const roles = useMembers<Role>(settingsUris.roles);
  return (
    <Section flush title={words.rolesTitle} about={words.rolesAbout} reading={roles}>
      {(list) => (
        <Table
          label={words.rolesTitle}
          rows={list}
          rowKey={({ Id }) => Id}
          columns={[
            {
              id: 'role',
              header: words.role,
              narrow: true,
              cell: ({ RoleId: id }) => words.roles[id] ?? id,
            },
            {
              id: 'means',
              header: words.means,
              cell: ({ RoleId: id }) => words.roleMeanings[id] ?? '',
            },
            {
              id: 'ipmi',
              header: 'IPMI',
              narrow: true,
              cell: ({ RoleId: id }) => words.ipmiLevels[id] ?? '',
            },
          ]}
        />
      )}
    </Section>
  );
}
