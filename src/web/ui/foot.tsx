import type { ReactNode } from 'react';
import styles from './foot.module.css';

/** The last line of a form: buttons, and at its end what stands apart from them. */
export function Foot({ children, end }: { readonly children?: ReactNode; readonly end: ReactNode }) {
  return (
    <div className={styles.foot}>
      {children}
      <span className={styles.space} />
      {end}
    </div>
  );
}
