import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { useMay } from '../../api/privileges.ts';
import { useDelete, useMembers, usePatch, usePost, useResource } from '../../api/queries.ts';
import type { ComputerSystem } from '../../api/schema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { Card, Facts } from '../../ui/card.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Menu } from '../../ui/menu.tsx';
import { notify } from '../../ui/notices.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { Switch } from '../../ui/switch.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { AddCertificate } from './add-certificate.tsx';
import { certificateName, useCertificateColumns } from './certificate-table.ts';
import {
  type Certificate,
  mediaUris,
  type SecureBoot,
  type SecureBootDatabase,
  type Signature,
} from './schema.ts';
import styles from './secure-boot-card.module.css';
import { useMediaBootWords } from './words.ts';

/** Whether only what is signed boots, and by whose keys. */
export function SecureBootCard({ system }: { readonly system: ComputerSystem & { SecureBoot?: unknown } }) {
  const words = useMediaBootWords();
  const has = system.SecureBoot !== undefined;
  const secureBoot = useResource<SecureBoot>(has ? mediaUris.secureBoot : undefined);
  const { data } = secureBoot;
  return (
    <Card
      title={<span id="secure-boot">{words.secureBoot}</span>}
      aside={
        data && (
          <Badge tone={data.SecureBootCurrentBoot === 'Enabled' ? 'ok' : 'neutral'}>
            {data.SecureBootCurrentBoot === 'Enabled' ? words.secureBootOn : words.secureBootOff}
          </Badge>
        )
      }
    >
      {!has && (
        <EmptyState icon="shield" title={words.secureBootMissing}>
          {words.secureBootMissingText}
        </EmptyState>
      )}
      {has && secureBoot.isPending && <Skeleton lines={6} />}
      {secureBoot.error && !data && (
        <ErrorPanel
          error={secureBoot.error}
          title={words.secureBootUnreadable}
          retry={() => void secureBoot.refetch()}
        />
      )}
      {data && <State secureBoot={data} isLegacy={system.Boot.BootSourceOverrideMode === 'Legacy'} />}
    </Card>
  );
}

interface StateProps {
  readonly secureBoot: SecureBoot;
  readonly isLegacy: boolean;
}

function State({ secureBoot, isLegacy }: StateProps) {
  const words = useMediaBootWords();
  const may = useMay('ConfigureComponents');
  const linesOf = useShellLines();
  const patch = usePatch<SecureBoot>(mediaUris.secureBoot);
  const { SecureBootEnable: enabled, SecureBootMode: mode } = secureBoot;
  return (
    <div className={styles.state}>
      <div className={styles.top}>
        <Switch
          label={words.enableSecureBoot}
          hint={enabled && isLegacy ? words.needsUefi : words.enableHint}
          checked={enabled}
          disabled={!may || patch.isPending}
          onChange={(wanted) =>
            patch.mutate(
              { SecureBootEnable: wanted },
              { onSuccess: () => notify({ kind: 'ok', title: words.secureBootSaved }) },
            )
          }
        />
        <span className={styles.tools}>
          <ResetKeys uri={secureBoot.Actions?.['#SecureBoot.ResetKeys']?.target} />
          <CopyAs
            lines={linesOf({
              method: 'PATCH',
              uri: mediaUris.secureBoot,
              body: { SecureBootEnable: !enabled },
            })}
          />
        </span>
      </div>
      {patch.error && <ErrorPanel error={patch.error} />}
      <Facts
        facts={[
          [
            words.secureBootNow,
            secureBoot.SecureBootCurrentBoot === 'Enabled' ? words.secureBootOn : words.secureBootOff,
          ],
          [words.mode, words.modes[mode] ?? mode],
        ]}
      />
      <Databases uri={secureBoot.SecureBootDatabases?.['@odata.id']} />
    </div>
  );
}

type ResetKind = 'ResetAllKeysToDefault' | 'DeleteAllKeys' | 'DeletePK';

interface ResetKeysProps {
  readonly uri: string | undefined;
  /** Of this one alone; without it of all, the platform key among them. */
  readonly database?: string;
}

function ResetKeys({ uri, database }: ResetKeysProps) {
  const words = useMediaBootWords();
  const may = useMay('ConfigureComponents');
  const linesOf = useShellLines();
  const post = usePost(uri);
  const [asked, setAsked] = useState<ResetKind | undefined>(undefined);
  if (uri === undefined) return null;
  const item = (kind: ResetKind, label: string, danger: boolean) => ({
    kind: 'item' as const,
    label,
    danger,
    disabled: !may,
    run: () => {
      post.reset();
      setAsked(kind);
    },
  });
  return (
    <>
      <Menu
        trigger={
          <Button size="small" icon="key">
            {database === undefined ? words.allKeys : words.keysOf(database)}
          </Button>
        }
        entries={[
          item('ResetAllKeysToDefault', words.resetAll, false),
          item('DeleteAllKeys', words.deleteAll, true),
          ...(database === undefined ? [item('DeletePK', words.deletePk, true)] : []),
        ]}
      />
      {asked && (
        <ConfirmDialog
          open
          onClose={() => setAsked(undefined)}
          title={words.resetQuestions[asked]}
          description={words.resetTexts[asked]}
          action={words.resetDos[asked]}
          busy={post.isPending}
          error={post.error}
          lines={linesOf({ method: 'POST', uri, body: { ResetKeysType: asked } })}
          onConfirm={() =>
            post.mutate(
              { ResetKeysType: asked },
              {
                onSuccess() {
                  setAsked(undefined);
                  notify({ kind: 'ok', title: words.keysChanged });
                },
              },
            )
          }
        />
      )}
    </>
  );
}

function Databases({ uri }: { readonly uri: string | undefined }) {
  const words = useMediaBootWords();
  const databases = useMembers<SecureBootDatabase>(uri);
  const [query, setQuery] = useSearchParams();
  if (databases.error) return <ErrorPanel error={databases.error} retry={() => void databases.refetch()} />;
  if (!databases.data) return <Skeleton lines={3} />;
  const ids = databases.data.map(({ DatabaseId: id }) => id);
  const open = ids.find((id) => id === query.get('keys')) ?? ids.find((id) => id === 'db') ?? ids[0] ?? '';
  return (
    <Tabs
      label={words.databases}
      value={open}
      onChange={(id) => setQuery({ keys: id }, { replace: true, preventScrollReset: true })}
      tabs={databases.data.map((database) => ({
        id: database.DatabaseId,
        label: database.DatabaseId,
        content: <Database database={database} />,
      }))}
    />
  );
}

function Database({ database }: { readonly database: SecureBootDatabase }) {
  const words = useMediaBootWords();
  const mayCertificates = useMay('ConfigureManager');
  const { DatabaseId: id, Certificates: certificates, Signatures: signatures } = database;
  const [adds, setAdds] = useState(false);
  const uri = certificates?.['@odata.id'];
  return (
    <div className={styles.database}>
      <div className={styles.databaseHead}>
        <p>{words.databaseTexts[id] ?? database.Name}</p>
        <span className={styles.tools}>
          <Button size="small" icon="add" disabled={!mayCertificates} onClick={() => setAdds(true)}>
            {words.addCertificate}
          </Button>
          <ResetKeys uri={database.Actions?.['#SecureBootDatabase.ResetKeys']?.target} database={id} />
        </span>
      </div>
      {mayCertificates ? (
        <Certificates uri={uri} />
      ) : (
        <p className={styles.soft}>{words.administratorsOnly}</p>
      )}
      {signatures && <Hashes uri={signatures['@odata.id']} />}
      {adds && uri !== undefined && (
        <Dialog open title={words.addKey(id)} onClose={() => setAdds(false)}>
          <AddCertificate
            uri={uri}
            onDone={() => {
              setAdds(false);
              notify({ kind: 'ok', title: words.keysChanged });
            }}
          />
        </Dialog>
      )}
    </div>
  );
}

function Certificates({ uri }: { readonly uri: string | undefined }) {
  const words = useMediaBootWords();
  const described = useCertificateColumns();
  const certificates = useMembers<Certificate>(uri);
  const removal = useRemoval();
  if (certificates.error)
    return <ErrorPanel error={certificates.error} retry={() => void certificates.refetch()} />;
  if (!certificates.data) return <Skeleton lines={2} />;
  const columns: readonly Column<Certificate>[] = [
    ...described,
    {
      id: 'actions',
      header: '',
      narrow: true,
      cell: (each) => removal.button(each['@odata.id'], certificateName(each.Subject)),
    },
  ];
  return (
    <>
      <Table
        label={words.certificates}
        room={30}
        columns={columns}
        rows={certificates.data}
        rowKey={({ Id: id }) => id}
        empty={<EmptyState icon="key" title={words.databaseEmpty} />}
      />
      {removal.dialog}
    </>
  );
}

/** Databases of what must not boot hold hundreds of them. */
const firstHashes = 5;

function Hashes({ uri }: { readonly uri: string }) {
  const words = useMediaBootWords();
  const { number } = useFormats();
  const hashes = useMembers<Signature>(uri);
  const removal = useRemoval();
  const [all, setAll] = useState(false);
  const list = hashes.data ?? [];
  if (hashes.error) return <ErrorPanel error={hashes.error} />;
  if (list.length === 0) return null;
  return (
    <>
      <Table
        label={words.hashes}
        room={20}
        columns={[
          {
            id: 'hash',
            header: words.hashCount(number(list.length)),
            cell: ({ SignatureString: text }) => <code>{text}</code>,
          },
          {
            id: 'actions',
            header: '',
            narrow: true,
            cell: (each) => removal.button(each['@odata.id'], `${each.SignatureString.slice(0, 16)}…`, false),
          },
        ]}
        rows={all ? list : list.slice(0, firstHashes)}
        rowKey={({ Id: id }) => id}
      />
      {!all && list.length > firstHashes && (
        <Button look="quiet" size="small" onClick={() => setAll(true)}>
          {words.showAll(number(list.length))}
        </Button>
      )}
      {removal.dialog}
    </>
  );
}

/** Asks before a key goes. */
function useRemoval() {
  const words = useMediaBootWords();
  const mayCertificates = useMay('ConfigureManager');
  const mayHashes = useMay('ConfigureComponents');
  const linesOf = useShellLines();
  const remove = useDelete();
  const [asked, setAsked] = useState<{ readonly uri: string; readonly name: string } | undefined>(undefined);
  return {
    button: (uri: string, name: string, isCertificate = true) => (
      <IconButton
        icon="remove"
        size="small"
        label={words.removeNamed(name)}
        disabled={isCertificate ? !mayCertificates : !mayHashes}
        onClick={() => {
          remove.reset();
          setAsked({ uri, name });
        }}
      />
    ),
    dialog: asked && (
      <ConfirmDialog
        open
        onClose={() => setAsked(undefined)}
        title={words.removeKeyQuestion(asked.name)}
        description={words.removeKeyText}
        action={words.remove}
        busy={remove.isPending}
        error={remove.error}
        lines={linesOf({ method: 'DELETE', uri: asked.uri })}
        onConfirm={() =>
          remove.mutate(asked.uri, {
            onSuccess() {
              setAsked(undefined);
              notify({ kind: 'ok', title: words.keysChanged });
            },
          })
        }
      />
    ),
  };
}
