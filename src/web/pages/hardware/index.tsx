import { useResource } from '../../api/queries.ts';
import { type ComputerSystem, uris } from '../../api/schema.ts';
import { Cell, Grid, Page } from '../../shell/page.tsx';
import { DisksCard } from './disks-card.tsx';
import { FirmwareCard } from './firmware-card.tsx';
import { NetworkCards } from './network-card.tsx';
import { MemoryCard, PciCard, ProcessorsCard } from './parts-cards.tsx';
import { SensorCards } from './sensors-card.tsx';
import { useHardwareWords } from './words.ts';

/** What the machine is made of, and what is measured in it. */
export default function Hardware() {
  const words = useHardwareWords();
  const { data: system } = useResource<ComputerSystem>(uris.system);
  return (
    <Page title={words.title}>
      <Grid>
        <SensorCards />
        <Cell span={12}>
          <NetworkCards />
        </Cell>
        <Cell span={6}>
          <DisksCard />
        </Cell>
        <Cell span={6}>
          <FirmwareCard />
        </Cell>
        <Cell span={7}>
          <ProcessorsCard />
        </Cell>
        <Cell span={5}>
          <MemoryCard />
        </Cell>
        {system && (
          <Cell span={12}>
            <PciCard system={system} />
          </Cell>
        )}
      </Grid>
    </Page>
  );
}
