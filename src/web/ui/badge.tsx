import type { ReactNode } from 'react';
import type { Health } from '../api/schema.ts';
import styles from './badge.module.css';

export type Tone = 'neutral' | 'ok' | 'warning' | 'bad' | 'accent' | 'identify';

/** A word with a colour; the word says it all. */
export function Badge({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}) {
  return (
    <span className={styles.badge} data-tone={tone}>
      {children}
    </span>
  );
}

interface StatusDotProps {
  readonly tone: Tone;
  /** On its way to another state. */
  readonly blinking?: boolean;
}

/** A light beside a word. It is told apart by shape, too: full, half (warning), square (bad). */
export function StatusDot({ tone, blinking = false }: StatusDotProps) {
  return (
    <span className={styles.dot} data-tone={tone} data-blinking={blinking || undefined} aria-hidden="true" />
  );
}

export function toneOfHealth(health: Health | null | undefined): Tone {
  if (health === 'OK') return 'ok';
  if (health === 'Warning') return 'warning';
  return health === 'Critical' ? 'bad' : 'neutral';
}
