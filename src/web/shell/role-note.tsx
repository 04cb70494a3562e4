import type { ReactNode } from 'react';
import { Icon } from '../ui/icon.tsx';
import styles from './role-note.module.css';

/** Why nothing on a page can be changed: the controls stay, so that one sees what there is. */
export function RoleNote({ children }: { readonly children: ReactNode }) {
  return (
    <p className={styles.note} role="note">
      <Icon name="lock" size="small" />
      <span>{children}</span>
    </p>
  );
}
