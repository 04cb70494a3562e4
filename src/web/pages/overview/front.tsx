import { useMay } from '../../api/privileges.ts';
import type { ComputerSystem } from '../../api/schema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { usePowerMenu } from '../../machine/power-menu.ts';
import { PowerStatus } from '../../machine/power-status.tsx';
import { useResets } from '../../machine/reset-provider.tsx';
import { isOffered, type ResetType, resets } from '../../machine/resets.ts';
import { useWhyNot } from '../../machine/use-why-not.ts';
import { useMachineWords } from '../../machine/words.ts';
import { useNow } from '../../shell/use-now.ts';
import { Badge, toneOfHealth } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Faceplate } from './faceplate.tsx';
import styles from './front.module.css';
import { useOverviewWords } from './words.ts';

/** The machine as one would stand before it: its lights, and its buttons. */
export function Front({ system }: { readonly system: ComputerSystem }) {
  const words = useOverviewWords();
  const machine = useMachineWords();
  const { pending } = useResets();
  const health = system.Status.HealthRollup ?? system.Status.Health;
  const waiting = pending && machine.pending[pending.type as keyof typeof machine.pending];
  return (
    <section className={styles.front} aria-label={words.power}>
      <div className={styles.state}>
        <p className={styles.power} role="status">
          <PowerStatus state={system.PowerState} pending={pending !== undefined} />
        </p>
        <p className={styles.detail}>{waiting ?? <Running system={system} />}</p>
        <p className={styles.badges}>
          <Badge tone={toneOfHealth(health)}>
            <Icon name={health === 'OK' ? 'ok' : 'warning'} size="small" />
            {health ? machine.health[health] : machine.healthUnknown}
          </Badge>
          {system.LocationIndicatorActive && (
            <Badge tone="identify">
              <Icon name="identify" size="small" />
              {words.identifyOn}
            </Badge>
          )}
        </p>
      </div>
      <Faceplate system={system} />
      <Actions system={system} />
    </section>
  );
}

function Running({ system: { PowerState: state, LastResetTime: start, BootProgress: boot } }: FrontProps) {
  const words = useOverviewWords();
  const { duration, dateTime } = useFormats();
  const now = useNow(1000);
  if (state === 'Off') return start && words.since(dateTime(start));
  const reached = boot?.LastState === 'OEM' ? boot.OemLastState : boot?.LastState;
  const stage = reached && (words.bootStages[reached] ?? reached);
  const up = start && words.upFor(duration(now - Date.parse(start)));
  return [stage, up].filter(Boolean).join(' · ');
}

interface FrontProps {
  readonly system: ComputerSystem;
}

/** What one wants most in this state stands in front; all the rest is in the menu. */
function Actions({ system }: FrontProps) {
  const words = useOverviewWords();
  const machine = useMachineWords();
  const { request, busy } = useResets();
  const may = useMay('ConfigureComponents');
  const whyNot = useWhyNot();
  const entries = usePowerMenu(system);
  const allowed = system.Actions?.['#ComputerSystem.Reset']?.['ResetType@Redfish.AllowableValues'];
  const inFront: readonly ResetType[] = ['On', 'Resume', 'GracefulShutdown', 'GracefulRestart', 'ForceOff'];
  const shown = inFront.filter((type) => isOffered(type, system.PowerState, allowed)).slice(0, 2);
  return (
    <div className={styles.actions}>
      {shown.map((type) => (
        <Button
          key={type}
          icon={resets[type].icon}
          look={type === 'On' || type === 'Resume' ? 'primary' : 'plain'}
          disabled={!may}
          title={whyNot}
          busy={busy}
          onClick={() => request(type)}
        >
          {machine.resets[type]}
        </Button>
      ))}
      <Menu
        entries={entries}
        trigger={
          <Button>
            {words.moreActions}
            <Icon name="down" size="small" />
          </Button>
        }
      />
    </div>
  );
}
