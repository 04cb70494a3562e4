import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import styles from './sub-nav.module.css';
import strip from './tab-strip.module.css';

interface SubNavProps {
  /** What is navigated: `Logs`. */
  readonly label: string;
  readonly items: readonly { readonly to: string; readonly label: string }[];
  /** The `to` of the one that is shown. */
  readonly current: string;
  /** Beside the content where the page is wide, instead of above it. */
  readonly side?: boolean;
}

/** The parts of a page that have URLs of their own. */
export function SubNav({ label, items, current, side = false }: SubNavProps) {
  const here = useRef<HTMLAnchorElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place is another link to be seen
  useEffect(() => {
    here.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  return (
    <nav className={styles.nav} aria-label={label}>
      <ul className={side ? `${strip.list} ${styles.side}` : strip.list}>
        {items.map((item) => (
          <li key={item.to}>
            <Link
              className={strip.tab}
              to={item.to}
              ref={item.to === current ? here : undefined}
              aria-current={item.to === current ? 'page' : undefined}
            >
              {item.label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
