import type { ComputerSystem } from '../../api/schema.ts';
import { useIdentify } from '../../machine/use-identify.ts';
import { useMachineWords } from '../../machine/words.ts';
import styles from './faceplate.module.css';

const bays = [0, 1, 2, 3, 4, 5] as const;

/** The front of the machine, drawn, with the lights that it would have. What they say stands in words beside it. */
export function Faceplate({ system }: { readonly system: ComputerSystem }) {
  const machine = useMachineWords();
  const { isOn, label, toggle } = useIdentify();
  const health = system.Status.HealthRollup ?? system.Status.Health ?? 'OK';
  return (
    <div className={styles.plate} data-power={system.PowerState} data-health={health}>
      <span className={styles.ear} />
      <div className={styles.bays} aria-hidden="true">
        {bays.map((bay) => (
          <span key={bay} className={styles.bay} />
        ))}
      </div>
      <div className={styles.name} aria-hidden="true">
        <span>{system.Manufacturer}</span>
        <span>{system.SerialNumber}</span>
      </div>
      <div className={styles.lights}>
        <span className={styles.light} data-light="power" aria-hidden="true" />
        <span className={styles.light} data-light="health" aria-hidden="true" />
        <button
          type="button"
          className={styles.identify}
          aria-pressed={isOn}
          aria-label={label}
          title={machine.identify}
          onClick={toggle}
        />
      </div>
      <span className={styles.ear} />
    </div>
  );
}
