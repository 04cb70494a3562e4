import styles from './skeleton.module.css';
import { useUiWords } from './words.ts';

/** Where text will be: so many lines. */
export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  const words = useUiWords();
  return (
    <div className={styles.skeleton} role="status" aria-label={words.loading} data-loading>
      {Array.from({ length: lines }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are all alike
        <span key={index} />
      ))}
    </div>
  );
}
