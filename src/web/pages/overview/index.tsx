import { lazy, Suspense } from 'react';
import { useMayNot } from '../../api/privileges.ts';
import { useResource } from '../../api/queries.ts';
import { type ComputerSystem, uris } from '../../api/schema.ts';
import { BootCard } from '../../machine/boot/boot-card.tsx';
import { useMachineWords } from '../../machine/words.ts';
import { Cell, Grid, Page } from '../../shell/page.tsx';
import { RoleNote } from '../../shell/role-note.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { AddressesCard } from './addresses-card.tsx';
import { Consoles } from './consoles.tsx';
import { EventsCard } from './events-card.tsx';
import { Front } from './front.tsx';
import { MachineCard } from './machine-card.tsx';
import { ShellCard } from './shell-card.tsx';
import { useOverviewWords } from './words.ts';

// What is said of it can wait for what is looked at first.
const Expiry = lazy(() => import('./expiry/index.tsx'));

export default function Overview() {
  const words = useOverviewWords();
  const machine = useMachineWords();
  const system = useResource<ComputerSystem>(uris.system);
  const mayNot = useMayNot('ConfigureComponents');
  return (
    <Page title={words.title}>
      {mayNot && <RoleNote>{machine.mayNot}</RoleNote>}
      <Suspense>
        <Expiry />
      </Suspense>
      {system.error && !system.data && (
        <ErrorPanel error={system.error} title={words.systemUnreadable} retry={() => void system.refetch()} />
      )}
      {system.isPending && <Skeleton lines={6} />}
      {system.data && (
        <>
          <Front system={system.data} />
          <Grid>
            <Consoles />
            <Cell span={7}>
              <EventsCard />
              <ShellCard />
            </Cell>
            <Cell span={5}>
              <BootCard system={system.data} />
              <MachineCard system={system.data} />
              <AddressesCard />
            </Cell>
          </Grid>
        </>
      )}
    </Page>
  );
}
