import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { ApiError } from '../../api/errors.ts';
import { useMembers, useResources } from '../../api/queries.ts';
import type { ComputerSystem, Link, Resource } from '../../api/schema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import styles from './parts.module.css';
import {
  hardwareUris,
  type MemoryModule,
  type PcieDevice,
  type PcieFunction,
  type Processor,
} from './schema.ts';
import { useHardwareWords } from './words.ts';

export function ProcessorsCard() {
  const words = useHardwareWords();
  const processors = useMembers<Processor>(hardwareUris.processors);
  return (
    <PartsCard
      title={words.processors}
      parts={processors}
      columns={[
        { id: 'socket', header: words.socket, narrow: true, cell: ({ Socket, Name }) => Socket ?? Name },
        {
          id: 'model',
          header: words.model,
          cell: ({ Model: model, InstructionSet: set }) => (
            <>
              {model ?? words.unknown}
              <span className={styles.below}>{set}</span>
            </>
          ),
        },
        {
          id: 'cores',
          header: words.cores,
          align: 'end',
          narrow: true,
          cell: ({ TotalCores }) => TotalCores,
        },
        {
          id: 'threads',
          header: words.threads,
          align: 'end',
          narrow: true,
          cell: ({ TotalThreads }) => TotalThreads,
        },
      ]}
    />
  );
}

export function MemoryCard() {
  const words = useHardwareWords();
  const { bytes } = useFormats();
  const modules = useMembers<MemoryModule>(hardwareUris.memory);
  return (
    <PartsCard
      title={words.memory}
      parts={modules}
      columns={[
        { id: 'slot', header: words.slot, cell: ({ Name }) => Name },
        { id: 'maker', header: words.manufacturer, cell: ({ Manufacturer }) => Manufacturer },
        {
          id: 'size',
          header: words.size,
          align: 'end',
          narrow: true,
          cell: ({ CapacityMiB: size }) => (size === undefined ? '' : bytes(size * 1024 ** 2)),
        },
      ]}
    />
  );
}

interface PartsCardProps<Part extends Resource> {
  readonly title: string;
  readonly parts: UseQueryResult<readonly Part[], ApiError>;
  readonly columns: readonly Column<Part>[];
  readonly empty?: ReactNode;
}

function PartsCard<Part extends Resource>({ title, parts, columns, empty }: PartsCardProps<Part>) {
  const words = useHardwareWords();
  return (
    <Card flush title={title} aside={parts.data && words.count(String(parts.data.length))}>
      {parts.isPending && (
        <div className={styles.padded}>
          <Skeleton lines={3} />
        </div>
      )}
      {parts.error && !parts.data && (
        <div className={styles.padded}>
          <ErrorPanel error={parts.error} title={words.partsUnreadable} retry={() => void parts.refetch()} />
        </div>
      )}
      {parts.data && (
        <Table
          label={title}
          room={18}
          columns={columns}
          rows={parts.data}
          rowKey={({ Id: id }) => id}
          empty={empty ?? <EmptyState icon="hardware" title={words.none} />}
        />
      )}
    </Card>
  );
}

interface PciRow {
  readonly device: PcieDevice;
  readonly fn: PcieFunction | undefined;
}

/** Each device has one function, whose numbers stand beside it. */
export function PciCard({ system }: { readonly system: ComputerSystem & { PCIeDevices?: readonly Link[] } }) {
  const words = useHardwareWords();
  const uris = (system.PCIeDevices ?? []).map((link) => link['@odata.id']);
  const devices = useResources<PcieDevice>(uris);
  const functions = useResources<PcieFunction>(uris.map((uri) => `${uri}/PCIeFunctions/1`));
  const rows = devices.data.map((device) => ({
    device,
    fn: functions.data.find((each) => each['@odata.id'].startsWith(`${device['@odata.id']}/`)),
  }));
  const columns: readonly Column<PciRow>[] = [
    {
      id: 'address',
      header: words.address,
      narrow: true,
      cell: ({ fn }) => fn && <code>{addressOf(fn)}</code>,
    },
    {
      id: 'device',
      header: words.device,
      cell: ({ device }) => (
        <>
          {device.Description ?? device.Name} <span className={styles.below}>{device.Id}</span>
        </>
      ),
    },
    { id: 'class', header: words.kind, cell: ({ fn }) => fn?.DeviceClass },
    {
      id: 'ids',
      header: words.ids,
      narrow: true,
      cell: ({ fn }) => fn && <code>{`${fn.VendorId?.slice(2)}:${fn.DeviceId?.slice(2)}`}</code>,
    },
  ];
  return (
    <Card flush title={words.pci} aside={rows.length > 0 && words.count(String(rows.length))}>
      {devices.error && (
        <div className={styles.padded}>
          <ErrorPanel error={devices.error} title={words.partsUnreadable} />
        </div>
      )}
      {devices.isPending ? (
        <div className={styles.padded}>
          <Skeleton lines={6} />
        </div>
      ) : (
        <Table
          label={words.pci}
          columns={columns}
          rows={rows}
          rowKey={({ device }) => device.Id}
          empty={
            <EmptyState icon="hardware" title={words.pciEmpty}>
              {words.pciEmptyText}
            </EmptyState>
          }
        />
      )}
    </Card>
  );
}

/** `00:02.0` */
function addressOf({ BusNumber: bus, DeviceNumber: device, FunctionNumber: fn }: PcieFunction): string {
  return `${bus?.slice(2)}:${device?.slice(2)}.${fn?.slice(2)}`;
}
