import type { ReactNode } from 'react';
import styles from './unseen.module.css';

/** For those who hear the page. */
export function Unseen({ role, children }: { readonly role?: 'status'; readonly children: ReactNode }) {
  return (
    <span className={styles.unseen} role={role}>
      {children}
    </span>
  );
}
