/** Short words in the corner: what has been done, or has gone wrong, away from where the user is looking. */
import { Toast as Primitive } from 'radix-ui';
import { useSyncExternalStore } from 'react';
import { IconButton } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';
import styles from './notices.module.css';
import { useUiWords } from './words.ts';

export interface Notice {
  readonly kind: 'ok' | 'info' | 'warning' | 'error';
  readonly title: string;
  /** For an error: cause and remedy. */
  readonly detail?: string | undefined;
}

interface Shown extends Notice {
  readonly id: number;
}

const most = 4;
const listeners = new Set<() => void>();
let shown: readonly Shown[] = [];
let last = 0;

function show(next: readonly Shown[]): void {
  shown = next;
  for (const listener of listeners) listener();
}

export function notify(notice: Notice): void {
  last += 1;
  show([...shown, { ...notice, id: last }].slice(-most));
}

const icons: Readonly<Record<Notice['kind'], IconName>> = {
  ok: 'ok',
  info: 'info',
  warning: 'warning',
  error: 'error',
};

export function Notices() {
  const words = useUiWords();
  const notices = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
  return (
    <Primitive.Provider label={words.notice} swipeDirection="right">
      {notices.map(({ id, kind, title, detail }) => (
        <Primitive.Root
          key={id}
          className={styles.notice}
          data-kind={kind}
          type={kind === 'error' ? 'foreground' : 'background'}
          duration={kind === 'error' || kind === 'warning' ? 12_000 : 5_000}
          onOpenChange={(open) => {
            if (!open) show(shown.filter((each) => each.id !== id));
          }}
        >
          <Icon name={icons[kind]} />
          <div className={styles.text}>
            <Primitive.Title className={styles.title}>{title}</Primitive.Title>
            {detail && <Primitive.Description className={styles.detail}>{detail}</Primitive.Description>}
          </div>
          <Primitive.Close asChild>
            <IconButton icon="close" label={words.close} size="small" />
          </Primitive.Close>
        </Primitive.Root>
      ))}
      <Primitive.Viewport className={styles.viewport} />
    </Primitive.Provider>
  );
}
