import type { ComponentType } from 'react';
import { useParams } from 'react-router';
import { Page } from '../../shell/page.tsx';
import { SubNav } from '../../ui/sub-nav.tsx';
import { About } from './about.tsx';
import { Alerts } from './alerts.tsx';
import { CertificateSettings } from './certificate.tsx';
import { Filtering } from './filtering/filtering.tsx';
import { HostSettings } from './host.tsx';
import styles from './index.module.css';
import { Maintenance } from './maintenance.tsx';
import { NetworkSettings } from './network.tsx';
import { Sessions } from './sessions.tsx';
import { Users } from './users.tsx';
import { useSettingsWords } from './words.ts';

const base = '/machine/settings';
const parts = {
  users: Users,
  sessions: Sessions,
  network: NetworkSettings,
  certificate: CertificateSettings,
  host: HostSettings,
  alerts: Alerts,
  filtering: Filtering,
  maintenance: Maintenance,
  about: About,
} as const satisfies Readonly<Record<string, ComponentType>>;
type Part = keyof typeof parts;
const ids = Object.keys(parts) as readonly Part[];

export default function Settings() {
  const words = useSettingsWords();
  const { '*': rest = '' } = useParams();
  const id = ids.find((each) => each === rest) ?? 'users';
  const Shown = parts[id];
  return (
    <Page title={words.title}>
      <div className={styles.layout}>
        <SubNav
          side
          label={words.title}
          current={`${base}/${id}`}
          items={ids.map((each) => ({ to: `${base}/${each}`, label: words.parts[each] }))}
        />
        <div className={styles.content}>
          <Shown />
        </div>
      </div>
    </Page>
  );
}
