import type { PowerState } from '../api/schema.ts';
import { StatusDot, type Tone } from '../ui/badge.tsx';
import styles from './power-status.module.css';
import { useMachineWords } from './words.ts';

const tones: Readonly<Record<PowerState, Tone>> = {
  On: 'ok',
  Off: 'neutral',
  PoweringOn: 'ok',
  PoweringOff: 'neutral',
  Paused: 'warning',
};

/** The light and the word. */
export function PowerStatus({
  state,
  pending = false,
}: {
  readonly state: PowerState;
  readonly pending?: boolean;
}) {
  const words = useMachineWords();
  const moving = pending || state === 'PoweringOn' || state === 'PoweringOff';
  return (
    <span className={styles.status}>
      <StatusDot tone={tones[state]} blinking={moving} />
      {words.powerStates[state]}
    </span>
  );
}
