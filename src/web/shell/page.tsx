import type { ReactNode } from 'react';
import { useEffect } from 'react';
import { useMachineName } from './machine-name.ts';
import styles from './page.module.css';

interface PageProps {
  readonly title: string;
  /** Beside the title: what concerns the whole page. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The frame of every page: its title, here and in the browser's tab. */
export function Page({ title, actions, children }: PageProps) {
  const machine = useMachineName();
  useEffect(() => {
    document.title = machine === undefined ? title : `${title} · ${machine}`;
  }, [title, machine]);
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.title}>{title}</h1>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** Cards beside each other as the width permits; each child says by `data-span` how many of twelve columns it takes. */
export function Grid({ children }: { readonly children: ReactNode }) {
  return <div className={styles.grid}>{children}</div>;
}

export function Cell({
  span,
  children,
}: {
  readonly span: 4 | 5 | 6 | 7 | 8 | 12;
  readonly children: ReactNode;
}) {
  return (
    <div className={styles.cell} data-span={span}>
      {children}
    </div>
  );
}
