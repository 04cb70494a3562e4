import { Progress as Primitive } from 'radix-ui';
import type { ReactNode } from 'react';
import { useFormats } from '../i18n/formats.ts';
import styles from './progress.module.css';

interface ProgressProps {
  readonly label: string;
  /** From 0 to 1; undefined while nobody knows. */
  readonly share: number | undefined;
  /** Beside the percentage: speed, what is left. */
  readonly detail?: ReactNode;
}

export function Progress({ label, share, detail }: ProgressProps) {
  const { percent } = useFormats();
  const value = share === undefined ? null : Math.round(share * 100);
  return (
    <div className={styles.progress}>
      <Primitive.Root className={styles.track} value={value} aria-label={label}>
        <Primitive.Indicator
          className={styles.bar}
          data-unknown={value === null || undefined}
          style={value === null ? {} : { width: `${value}%` }}
        />
      </Primitive.Root>
      <p className={styles.text}>
        <span>{detail}</span>
        {share !== undefined && <span>{percent(share)}</span>}
      </p>
    </div>
  );
}
