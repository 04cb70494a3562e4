import { useState } from 'react';
import { useMay } from '../../api/privileges.ts';
import { useMembers } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { ConfirmPost } from '../../machine/confirm-post.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
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
        <Table
          label={words.firmware}
          room={24}
          columns={columns}
          rows={inventory.data}
          rowKey={({ Id: id }) => id}
        />
      )}
      {asked && (
        <ConfirmPost
          open
          level="calm"
          title={words.activateQuestion(nameOf(asked))}
          description={words.activateText}
          action={words.activate}
          uri={asked.Actions?.['#SoftwareInventory.Activate']?.target ?? ''}
          done={words.activated}
          onClose={() => setAsked(undefined)}
        />
      )}
    </Card>
  );
}
