import styles from './brand.module.css';

/** Two units in a rack, the upper one alight. */
export function Brand({ large = false }: { readonly large?: boolean }) {
  return (
    <span className={styles.brand} data-large={large || undefined}>
      <svg viewBox="0 0 28 28" aria-hidden="true" focusable="false">
        <rect x="2" y="4.5" width="24" height="8.5" rx="2.5" />
        <rect x="2" y="15.5" width="24" height="8.5" rx="2.5" opacity=".45" />
        <path d="M13 8.75h8M13 19.75h8" opacity=".6" />
        <circle cx="7.5" cy="8.75" r="1.7" />
        <circle cx="7.5" cy="19.75" r="1.7" opacity=".5" />
      </svg>
      <span>
        qemu<b>bmc</b>
      </span>
    </span>
  );
}
