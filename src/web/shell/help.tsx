import type { ReactNode } from 'react';
import { useLanguage } from '../i18n/words.ts';
import { pages } from '../pages/pages.ts';
import { Dialog } from '../ui/dialog.tsx';
import styles from './help.module.css';
import { useShellWords } from './words.ts';

export function Help({ open, onClose }: { readonly open: boolean; onClose(): void }) {
  const { help, helpText, keys } = useShellWords();
  const language = useLanguage();
  const rows: readonly (readonly [string, ReactNode])[] = [
    [keys.palette, <kbd key="k">Ctrl K</kbd>],
    ...pages.map(
      ({ key, title }) =>
        [
          keys.go(title[language]),
          <span key={key}>
            <kbd>g</kbd> {keys.or} <kbd>{key}</kbd>
          </span>,
        ] as const,
    ),
    [keys.help, <kbd key="?">?</kbd>],
    [keys.leave, <kbd key="leave">Ctrl Alt Home</kbd>],
    [keys.escape, <kbd key="esc">Esc</kbd>],
  ];
  return (
    <Dialog open={open} onClose={onClose} title={help} description={helpText} size="small">
      <dl className={styles.keys}>
        {rows.map(([name, key]) => (
          <div key={name} className={styles.row}>
            <dt>{name}</dt>
            <dd>{key}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
