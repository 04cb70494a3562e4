import { useWho } from '../api/privileges.ts';
import { useMembers } from '../api/queries.ts';
import { type Resource, uris } from '../api/schema.ts';
import { Dialog } from '../ui/dialog.tsx';
import { ErrorPanel } from '../ui/error-panel.tsx';
import { notify } from '../ui/notices.tsx';
import { PasswordForm } from './password-form.tsx';
import { useShellWords } from './words.ts';

interface Account extends Resource {
  readonly UserName: string;
}

/** The user's own password. */
export function PasswordDialog({ open, onClose }: { readonly open: boolean; onClose(): void }) {
  const words = useShellWords();
  const who = useWho();
  const accounts = useMembers<Account>(open ? uris.accounts : undefined);
  const account = accounts.data?.find(({ UserName: name }) => name === who?.userName);
  return (
    <Dialog open={open} onClose={onClose} title={words.changePassword.replace(/…$/, '')} size="small">
      {accounts.error && <ErrorPanel error={accounts.error} />}
      {account && who && (
        <PasswordForm
          accountUri={account['@odata.id']}
          userName={who.userName}
          onDone={() => {
            notify({ kind: 'ok', title: words.passwordChanged });
            onClose();
          }}
        />
      )}
    </Dialog>
  );
}
