import type { ReactNode } from 'react';
import { ApiError } from '../api/errors.ts';
import { Button } from './button.tsx';
import styles from './error-panel.module.css';
import { useExplain } from './explain.ts';
import { Icon } from './icon.tsx';
import { useUiWords } from './words.ts';

interface ErrorPanelProps {
  readonly error: Error;
  /** What was wanted: `The sensors cannot be read.` */
  readonly title?: ReactNode;
  retry?(): void;
}

/** What went wrong, why, and what helps. */
export function ErrorPanel({ error, title, retry }: ErrorPanelProps) {
  const words = useUiWords();
  const { cause, remedy } = useExplain()(error);
  return (
    <div className={styles.panel} role="alert">
      <Icon name="warning" />
      <div className={styles.text}>
        {title && <p className={styles.title}>{title}</p>}
        <p className={title ? undefined : styles.title}>{cause}</p>
        <p className={styles.remedy}>{remedy}</p>
        {error instanceof ApiError && (
          <p className={styles.request}>
            <code>
              {error.method} {error.uri}
              {error.status !== undefined && ` → ${error.status}`}
            </code>
          </p>
        )}
        {retry && (
          <Button size="small" icon="restart" onClick={retry}>
            {words.tryAgain}
          </Button>
        )}
      </div>
    </div>
  );
}
