import { useLayoutEffect, useRef } from 'react';
import { IconButton } from '../ui/button.tsx';
import styles from './drawer.module.css';
import { Rail } from './rail.tsx';
import { useShellWords } from './words.ts';

/** The navigation on a narrow screen. */
export function Drawer({ onClose }: { onClose(): void }) {
  const words = useShellWords();
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>('a[aria-current]')?.focus();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={styles.drawer}
      aria-label={words.navigation}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className={styles.panel}>
        <Rail onFollow={onClose} />
        <span className={styles.close}>
          <IconButton icon="close" label={words.closeNavigation} onClick={onClose} />
        </span>
      </div>
    </dialog>
  );
}
