import { type KeyboardEvent, type ReactNode, useRef, useSyncExternalStore } from 'react';
import type { ConsoleLink, ConsoleState } from '../../terminal/console-link.ts';
import { StatusDot, type Tone } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import type { IconName } from '../../ui/icon.tsx';
import { Menu, type MenuEntry } from '../../ui/menu.tsx';
import styles from './panel.module.css';
import { useConsoleWords } from './words.ts';

interface PanelProps {
  readonly kind: 'screen' | 'serial';
  readonly icon: IconName;
  /** Undefined until the console has been loaded. */
  readonly link: ConsoleLink | undefined;
  readonly tools: ReactNode;
  readonly more: readonly MenuEntry[];
  /** Where the screen or the terminal is. */
  readonly children: ReactNode;
}

const tones: Readonly<Record<ConsoleState['phase'], Tone>> = {
  connecting: 'neutral',
  open: 'ok',
  waiting: 'warning',
  stopped: 'neutral',
};
const never = () => () => undefined;

/** The frame of a console: its state in one line, who else is there, what can be done. */
export function Panel({ kind, icon, link, tools, more, children }: PanelProps) {
  const words = useConsoleWords();
  const frame = useRef<HTMLElement>(null);
  const state = useSyncExternalStore<ConsoleState | undefined>(
    link?.subscribe ?? never,
    link?.current ?? (() => undefined),
  );
  const fullScreen: MenuEntry = {
    kind: 'item',
    label: words.fullScreen,
    icon: 'expand',
    run: () => void frame.current?.requestFullscreen(),
  };
  const popOut: MenuEntry = {
    kind: 'item',
    label: words.popOut,
    icon: 'external',
    run: () => {
      window.open(`/machine/console?view=${kind}&popout=1`, `console-${kind}`, 'popup,width=1100,height=820');
    },
  };
  return (
    <section className={styles.panel} ref={frame} aria-label={words[kind]}>
      <header className={styles.bar}>
        <h2 className={styles.title}>{words[kind]}</h2>
        {state && <StateLine state={state} link={link} />}
        <div className={styles.tools}>
          {tools}
          <Menu
            trigger={<IconButton icon="more" label={words.more} size="small" />}
            entries={[...more, { kind: 'line' }, fullScreen, popOut]}
          />
        </div>
      </header>
      <div
        className={styles.body}
        data-console-focus
        onKeyDownCapture={(event) => leave(event, frame.current)}
        data-icon={icon}
        data-loading={(state?.phase ?? 'connecting') === 'connecting' || undefined}
      >
        {children}
        {state?.phase === 'open' && !state.connected && kind === 'screen' && (
          <div className={styles.cover}>
            <p className={styles.coverTitle}>{words.machineOff}</p>
            <p>{words.machineOffHint}</p>
          </div>
        )}
      </div>
    </section>
  );
}

/** Every key is the machine's, Tab too, but for Ctrl-Alt-Home: it goes back to the buttons above. */
function leave(event: KeyboardEvent, frame: HTMLElement | null): void {
  if (event.key !== 'Home' || !event.ctrlKey || !event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  frame?.querySelector<HTMLElement>('header button:not(:disabled)')?.focus();
}

function StateLine({
  state,
  link,
}: {
  readonly state: ConsoleState;
  readonly link: ConsoleLink | undefined;
}) {
  const words = useConsoleWords();
  const { phase, reason, mode, mayWrite, attached, you } = state;
  const holder = attached.find((each) => each.mode === 'write');
  const others = attached.filter(({ id }) => id !== you).length;
  const control =
    mode === 'write'
      ? words.interactive
      : !mayWrite
        ? words.readOnly
        : holder
          ? words.watchingBecause(holder.name)
          : words.watching;
  return (
    <div className={styles.state} role="status">
      <StatusDot tone={tones[phase]} blinking={phase === 'connecting' || phase === 'waiting'} />
      <span className={styles.text}>{phase === 'open' ? control : words.phases[phase]}</span>
      {phase === 'waiting' && (
        <>
          {reason !== undefined && <span className={styles.reason}>{reason}</span>}
          <Button size="small" look="quiet" onClick={() => link?.retry()}>
            {words.retry}
          </Button>
        </>
      )}
      {phase === 'open' && mayWrite && (
        <Button
          size="small"
          look={mode === 'write' ? 'quiet' : 'plain'}
          onClick={() => link?.tell({ type: mode === 'write' ? 'release' : 'take-over' })}
        >
          {mode === 'write' ? words.releaseControl : words.takeControl}
        </Button>
      )}
      {others > 0 && (
        <Menu
          align="start"
          trigger={
            <Button size="small" look="quiet" icon="user">
              {words.alsoAttached(others)}
            </Button>
          }
          entries={[
            { kind: 'heading', label: words.attached },
            ...attached.map(
              ({ id, name, mode: its }): MenuEntry => ({
                kind: 'heading',
                label: id === you ? `${name} — ${words.you}` : name,
                hint: its === 'write' ? words.controls : words.watching,
              }),
            ),
          ]}
        />
      )}
    </div>
  );
}
