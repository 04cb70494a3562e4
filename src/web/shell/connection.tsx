import { stream, useStreamState } from '../api/live.ts';
import { StatusDot } from '../ui/badge.tsx';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Tooltip } from '../ui/tooltip.tsx';
import styles from './connection.module.css';
import { useNow } from './use-now.ts';
import { useShellWords } from './words.ts';

/** Whether what is on the page is the present: the state of the event stream. */
export function ConnectionBadge() {
  const { connection } = useShellWords();
  const { phase } = useStreamState();
  const isLive = phase === 'live';
  const text = isLive ? connection.live : phase === 'connecting' ? connection.connecting : connection.idle;
  return (
    <Tooltip text={isLive ? connection.liveHint : text}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: its tooltip explains it, with the keyboard, too */}
      <span className={styles.badge} role="status" tabIndex={0}>
        <StatusDot tone={isLive ? 'ok' : 'warning'} blinking={!isLive} />
        <span className={styles.text}>{text}</span>
      </span>
    </Tooltip>
  );
}

/** A line across the page, once a first new attempt has failed. */
export function ConnectionBanner() {
  const state = useStreamState();
  const lost = (state.phase === 'waiting' || state.phase === 'connecting') && state.attempt > 1;
  return lost ? <LostBanner {...(state.phase === 'waiting' && { retryAt: state.retryAt })} /> : null;
}

function LostBanner({ retryAt }: { readonly retryAt?: number }) {
  const { connection } = useShellWords();
  const now = useNow();
  const seconds = retryAt === undefined ? 0 : Math.max(1, Math.ceil((retryAt - now) / 1000));
  return (
    <section className={styles.banner} aria-label={connection.label}>
      <Icon name="offline" />
      <p role="alert">{connection.waitingLong}</p>
      <span className={styles.when}>
        {retryAt === undefined ? connection.connecting : connection.waiting(seconds)}
      </span>
      <Button size="small" disabled={retryAt === undefined} onClick={() => stream.retryNow()}>
        {connection.retryNow}
      </Button>
    </section>
  );
}
