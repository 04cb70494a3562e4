import { useResource } from '../../api/queries.ts';
import { type EthernetInterface, type NetworkProtocol, uris } from '../../api/schema.ts';
import { Badge } from '../../ui/badge.tsx';
import { Card, Facts } from '../../ui/card.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import styles from './addresses-card.module.css';
import { Copied } from './machine-card.tsx';
import { useOverviewWords } from './words.ts';

/** Where the BMC is. */
export function AddressesCard() {
  const words = useOverviewWords();
  const nic = useResource<EthernetInterface>(uris.managerInterface);
  const network = useResource<NetworkProtocol>(uris.networkProtocol);
  const error = nic.error ?? network.error;
  return (
    <Card title={words.addresses}>
      {error && !nic.data && <ErrorPanel error={error} retry={() => void nic.refetch()} />}
      {!error && !nic.data && <Skeleton lines={5} />}
      {nic.data && (
        <Facts
          facts={[
            [words.hostName, nic.data.HostName || words.none],
            [words.ipv4, <Addresses key="v4" name={words.ipv4} list={nic.data.IPv4Addresses ?? []} />],
            [words.ipv6, <Addresses key="v6" name={words.ipv6} list={nic.data.IPv6Addresses ?? []} />],
            [words.gateway, nic.data.IPv4Addresses?.[0]?.Gateway || words.none],
            [words.mac, <code key="mac">{nic.data.MACAddress}</code>],
            [words.services, <Services key="services" protocols={network.data} />],
          ]}
        />
      )}
    </Card>
  );
}

interface Address {
  readonly Address: string;
  readonly AddressOrigin?: string;
}

function Addresses({ name, list }: { readonly name: string; readonly list: readonly Address[] }) {
  const words = useOverviewWords();
  if (list.length === 0) return words.none;
  return list.map(({ Address: address, AddressOrigin: origin }) => (
    <span key={address} className={styles.address}>
      <Copied text={address} name={name} />
      {origin && <span className={styles.origin}>{words.origins[origin] ?? origin}</span>}
    </span>
  ));
}

function Services({ protocols }: { readonly protocols: NetworkProtocol | undefined }) {
  const services = [
    ['HTTPS', protocols?.HTTPS, 'TCP'],
    ['HTTP', protocols?.HTTP, 'TCP'],
    ['IPMI', protocols?.IPMI, 'UDP'],
    ['VNC', protocols?.KVMIP, 'TCP'],
  ] as const;
  return (
    <span className={styles.services}>
      {services
        .filter(([, protocol]) => protocol?.ProtocolEnabled)
        .map(([name, protocol, transport]) => (
          <Badge key={name}>
            {name} {transport} {protocol?.Port}
          </Badge>
        ))}
    </span>
  );
}
