import { useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { useMembers, usePost } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { notify } from '../../ui/notices.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import styles from './parts.module.css';
import { hardwareUris, type Software } from './schema.ts';
import { useHardwareWords } from './words.ts';

/** Which software there is, and which of it is in use. */
export function FirmwareCard() {
  const words = useHardwareWords();
  const { bytes } = useFormats();
  const may = useMay('ConfigureComponents');
  const inventory = useMembers<Software>(hardwareUris.firmware);
  const [asked, setAsked] = useState<Software | undefined>(undefined);
  const nameOf = ({ Id: id, Name: name }: Software) => words.names[id] ?? name;
  const columns: readonly Column<Software>[] = [
    {
      id: 'software',
      header: words.software,
      cell: (software) => (
        <>
          {nameOf(software)}
          <span className={styles.below}>{software.SoftwareId}</span>
        </>
      ),
    },
    {
      id: 'version',
      header: words.version,
      cell: ({ Version: version, SizeBytes: size, Description: description }) => (
        <>
          {version ?? words.unknown}
          {size !== undefined && (
            <span className={styles.below} title={description}>
              {bytes(size)}
            </span>
          )}
        </>
      ),
    },
    {
      id: 'state',
      header: words.state,
      narrow: true,
      cell: ({ Status: { State: state = '' } = {} }) => (
        <Badge tone={state === 'Enabled' ? 'ok' : 'neutral'}>{words.states[state] ?? state}</Badge>
      ),
    },
    {
      id: 'actions',
      header: '',
      narrow: true,
      cell: (software) =>
        software.Actions?.['#SoftwareInventory.Activate'] && (
          <Button size="small" disabled={!may} onClick={() => setAsked(software)}>
            {words.activate}
          </Button>
        ),
    },
  ];
  return (
    <Card flush title={words.firmware}>
      {inventory.isPending && (
        <div className={styles.padded}>
          <Skeleton lines={4} />
        </div>
      )}
      {inventory.error && !inventory.data && (
        <div className={styles.padded}>
          <ErrorPanel
            error={inventory.error}
            title={words.firmwareUnreadable}
            retry={() => void inventory.refetch()}
          />
        </div>
      )}
      {inventory.data && (
        <Table label={words.firmware} columns={columns} rows={inventory.data} rowKey={({ Id: id }) => id} />
      )}
      {asked && <Activate software={asked} name={nameOf(asked)} onClose={() => setAsked(undefined)} />}
    </Card>
  );
}

function Activate({
  software,
  name,
  onClose,
}: {
  readonly software: Software;
  readonly name: string;
  onClose(): void;
}) {
  const words = useHardwareWords();
  const linesOf = useShellLines();
  const uri = software.Actions?.['#SoftwareInventory.Activate']?.target ?? '';
  const post = usePost(uri);
  return (
    <ConfirmDialog
      open
      level="calm"
      onClose={onClose}
      title={words.activateQuestion(name)}
      description={words.activateText}
      action={words.activate}
      busy={post.isPending}
      error={post.error}
      lines={linesOf({ method: 'POST', uri, body: {} })}
      onConfirm={() =>
        post.mutate(
          {},
          {
            onSuccess() {
              onClose();
              notify({ kind: 'ok', title: words.activated });
            },
          },
        )
      }
    />
  );
}
