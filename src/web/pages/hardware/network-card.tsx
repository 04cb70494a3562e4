import { useMembers, useResources } from '../../api/queries.ts';
import type { Resource } from '../../api/schema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { Badge, toneOfHealth } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import styles from './parts.module.css';
import { hardwareUris, type Card as NetworkCard, type PortMetrics } from './schema.ts';
import { useHardwareWords } from './words.ts';

/** The machine's network cards: what they are, whether they have a link, what has gone through them. */
export function NetworkCards() {
  const words = useHardwareWords();
  const cards = useMembers<NetworkCard>(hardwareUris.cards);
  const adapters = useMembers<Resource>(hardwareUris.adapters);
  const metrics = useResources<PortMetrics>((adapters.data ?? []).map(({ Id: id }) => metricsUri(id)));
  const metricsOf = (card: NetworkCard) =>
    metrics.data.find((each) => each['@odata.id'] === metricsUri(card.Id));
  const columns: readonly Column<NetworkCard>[] = [
    {
      id: 'card',
      header: words.card,
      cell: (card) => (
        <>
          <strong>{card.Id}</strong>
          <span className={styles.below}>{card.Description}</span>
        </>
      ),
    },
    { id: 'link', header: words.link, narrow: true, cell: (card) => <LinkState card={card} /> },
    { id: 'mac', header: words.mac, narrow: true, cell: (card) => <code>{card.MACAddress}</code> },
    {
      id: 'mtu',
      header: words.mtu,
      align: 'end',
      narrow: true,
      cell: (card) => card.MTUSize ?? words.noReading,
    },
    {
      id: 'received',
      header: words.received,
      align: 'end',
      narrow: true,
      cell: (card) => <Traffic metrics={metricsOf(card)} side="RX" />,
    },
    {
      id: 'sent',
      header: words.sent,
      align: 'end',
      narrow: true,
      cell: (card) => <Traffic metrics={metricsOf(card)} side="TX" />,
    },
  ];
  return (
    <Card flush title={<span id="network">{words.network}</span>}>
      {cards.isPending && (
        <div className={styles.padded}>
          <Skeleton lines={3} />
        </div>
      )}
      {cards.error && !cards.data && (
        <div className={styles.padded}>
          <ErrorPanel
            error={cards.error}
            title={words.networkUnreadable}
            retry={() => void cards.refetch()}
          />
        </div>
      )}
      {cards.data && (
        <Table
          label={words.network}
          columns={columns}
          rows={cards.data}
          rowKey={({ Id: id }) => id}
          empty={
            <EmptyState icon="network" title={words.noCards}>
              {words.noCardsText}
            </EmptyState>
          }
        />
      )}
    </Card>
  );
}

function LinkState({ card: { LinkStatus: link, Status: status } }: { readonly card: NetworkCard }) {
  const words = useHardwareWords();
  if (link === undefined) return <Badge>{words.linkUnknown}</Badge>;
  const tone =
    status?.Health === 'OK' ? (link === 'LinkUp' ? 'ok' : 'neutral') : toneOfHealth(status?.Health);
  return <Badge tone={tone}>{words.links[link]}</Badge>;
}

interface TrafficProps {
  readonly metrics: PortMetrics | undefined;
  readonly side: 'RX' | 'TX';
}

function Traffic({ metrics, side }: TrafficProps) {
  const words = useHardwareWords();
  const { bytes, number } = useFormats();
  const [all, errors, frames] = [metrics?.[`${side}Bytes`], metrics?.[`${side}Errors`], metrics?.Networking];
  if (all === undefined || errors === undefined || !frames) return words.noReading;
  const drops = frames[`${side}Discards`];
  return (
    <>
      {bytes(all)}
      <span className={styles.below}>{words.frames(number(frames[`${side}Frames`]))}</span>
      {errors + drops > 0 && (
        <span className={styles.below}>{words.lost(number(errors), number(drops))}</span>
      )}
    </>
  );
}

/** @param adapter the Id of a network adapter, each of which has one port */
function metricsUri(adapter: string): string {
  return `${hardwareUris.adapters}/${adapter}/Ports/1/Metrics`;
}
