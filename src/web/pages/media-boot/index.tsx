import { useMayNot } from '../../api/privileges.ts';
import { useResource } from '../../api/queries.ts';
import { type ComputerSystem, uris } from '../../api/schema.ts';
import { BootCard } from '../../machine/boot/boot-card.tsx';
import { useMachineWords } from '../../machine/words.ts';
import { Cell, Grid, Page } from '../../shell/page.tsx';
import { RoleNote } from '../../shell/role-note.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { BiosCard } from './bios-card.tsx';
import { OrderCard } from './order-card.tsx';
import { SecureBootCard } from './secure-boot-card.tsx';
import { SlotCard } from './slot-card.tsx';
import { TpmCard } from './tpm-card.tsx';
import { useMediaBootWords } from './words.ts';

/** What the machine boots, from what, and how. */
export default function MediaBoot() {
  const words = useMediaBootWords();
  const machine = useMachineWords();
  const system = useResource<ComputerSystem>(uris.system);
  const mayNot = useMayNot('ConfigureComponents');
  const { data } = system;
  return (
    <Page title={words.title}>
      {mayNot && <RoleNote>{machine.mayNot}</RoleNote>}
      {system.isPending && <Skeleton lines={8} />}
      {system.error && !data && <ErrorPanel error={system.error} retry={() => void system.refetch()} />}
      {data && (
        <Grid>
          <Cell span={6}>
            <SlotCard id="Cd" />
          </Cell>
          <Cell span={6}>
            <SlotCard id="Usb" />
          </Cell>
          <Cell span={6}>
            <BootCard system={data} withOrder={false} />
          </Cell>
          <Cell span={6}>
            <OrderCard system={data} />
          </Cell>
          <Cell span={7}>
            <BiosCard isOn={data.PowerState !== 'Off'} />
          </Cell>
          <Cell span={5}>
            <TpmCard />
            <SecureBootCard system={data} />
          </Cell>
        </Grid>
      )}
    </Page>
  );
}
