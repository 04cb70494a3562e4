import type { ReactNode } from 'react';
import { type Privilege, useMay, useWho } from '../../api/privileges.ts';
import { Card } from '../../ui/card.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import styles from './section.module.css';
import { useSettingsWords } from './words.ts';

interface SectionProps<T> {
  readonly title: ReactNode;
  /** What it is about, in a sentence or two. */
  readonly about?: ReactNode;
  readonly aside?: ReactNode;
  /** What changing takes; who has it not is told so. */
  readonly needs?: Privilege;
  readonly reading: {
    readonly data: T | undefined;
    readonly error: Error | null;
    refetch(): unknown;
  };
  readonly flush?: boolean;
  children(data: T): ReactNode;
}

/** A card of settings that are read first. */
export function Section<T>({
  title,
  about,
  aside,
  needs,
  reading,
  flush = false,
  children,
}: SectionProps<T>) {
  const { data, error } = reading;
  return (
    <Card title={title} aside={aside} flush>
      {(about || needs) && (
        <div className={styles.head}>
          {about && <p className={styles.about}>{about}</p>}
          {needs && <ReadOnlyNote needs={needs} />}
        </div>
      )}
      <div className={flush && data !== undefined ? styles.flush : styles.body}>
        {data === undefined && error && <ErrorPanel error={error} retry={() => void reading.refetch()} />}
        {data === undefined && !error && <Skeleton lines={4} />}
        {data !== undefined && children(data)}
      </div>
    </Card>
  );
}

/** Why nothing can be changed here. */
export function ReadOnlyNote({ needs }: { readonly needs: Privilege }) {
  const words = useSettingsWords();
  const who = useWho();
  const may = useMay(needs);
  if (may || !who) return null;
  return <Note>{words.readOnly(who.roleId, words.neededRoles[needs] ?? needs)}</Note>;
}

/** Why something cannot be changed. */
export function Note({ children }: { readonly children: ReactNode }) {
  return (
    <p className={styles.note} role="note">
      <Icon name="lock" size="small" />
      {children}
    </p>
  );
}

/** Words and buttons beside each other; below each other where it is narrow. */
export function Action({
  title,
  text,
  children,
}: {
  readonly title: ReactNode;
  readonly text: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <div className={styles.action}>
      <div className={styles.words}>
        <h3>{title}</h3>
        <p className={styles.about}>{text}</p>
      </div>
      <div className={styles.buttons}>{children}</div>
    </div>
  );
}
