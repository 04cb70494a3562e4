import { useMembers, useResource, useResources } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { Badge } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import styles from './disks-card.module.css';
import { type Drive, hardwareUris, type ImageLayer, type Storage, type Volume } from './schema.ts';
import { useHardwareWords } from './words.ts';

/** The machine's disks, and the files on the host that they are made of. */
export function DisksCard() {
  const words = useHardwareWords();
  const storage = useResource<Storage>(hardwareUris.storage);
  const drives = useResources<Drive>((storage.data?.Drives ?? []).map((link) => link['@odata.id']));
  const volumes = useMembers<Volume>(hardwareUris.volumes);
  const error = storage.error ?? drives.error;
  return (
    <Card flush title={<span id="disks">{words.disks}</span>}>
      {(storage.isPending || drives.isPending) && (
        <div className={styles.padded}>
          <Skeleton lines={4} />
        </div>
      )}
      {error && (
        <div className={styles.padded}>
          <ErrorPanel error={error} title={words.disksUnreadable} retry={() => void storage.refetch()} />
        </div>
      )}
      {storage.data?.Drives.length === 0 && (
        <EmptyState icon="disk" title={words.noDisks}>
          {words.noDisksText}
        </EmptyState>
      )}
      <ul>
        {drives.data.map((drive) => (
          <DiskEntry
            key={drive.Id}
            drive={drive}
            volume={volumes.data?.find(({ Id: id }) => id === drive.Id)}
          />
        ))}
      </ul>
    </Card>
  );
}

function DiskEntry({ drive, volume }: { readonly drive: Drive; readonly volume: Volume | undefined }) {
  const words = useHardwareWords();
  const { bytes } = useFormats();
  const chain = drive.Oem?.QemuBmc?.BackingChain ?? [];
  const isReadOnly = volume?.Description === 'Read-only';
  return (
    <li className={styles.disk}>
      <Icon name="disk" />
      <div className={styles.about}>
        <p className={styles.head}>
          <strong>{drive.Id}</strong>
          <span>{drive.CapacityBytes === undefined ? '' : bytes(drive.CapacityBytes)}</span>
          {drive.Status?.Health === 'Critical' && <Badge tone="bad">{words.diskBroken}</Badge>}
          {volume && <Badge>{isReadOnly ? words.readOnly : words.readWrite}</Badge>}
        </p>
        <p className={styles.soft}>
          {[drive.Manufacturer, drive.Model].filter(Boolean).join(' ')} · {words.serialNumber}{' '}
          <code>{drive.SerialNumber}</code>
        </p>
        {chain.length > 0 && (
          <ol className={styles.chain} aria-label={words.chainLabel(drive.Id)}>
            {chain.map((layer, index) => (
              <Layer key={layer.File} layer={layer} isFirst={index === 0} />
            ))}
          </ol>
        )}
      </div>
    </li>
  );
}

function Layer({ layer, isFirst }: { readonly layer: ImageLayer; readonly isFirst: boolean }) {
  const words = useHardwareWords();
  const { bytes } = useFormats();
  const { File: file, Format: format, AllocatedBytes: allocated, VirtualSizeBytes: size } = layer;
  return (
    <li className={styles.layer}>
      <span className={styles.rests}>{isFirst ? words.chain : words.restsOn}</span>
      <code>{file}</code>
      <span className={styles.soft}>
        {[
          format,
          size !== undefined && words.virtual(bytes(size)),
          allocated !== undefined && words.allocated(bytes(allocated)),
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </li>
  );
}
