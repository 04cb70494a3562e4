import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Link } from 'react-router';
import { useMay } from '../../api/privileges.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { useMachineName } from '../../shell/machine-name.ts';
import { ConsoleLink, type ConsoleState } from '../../terminal/console-link.ts';
import { useLostOutput } from '../../terminal/lost-output.ts';
import { plainText } from '../../terminal/plain-text.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Skeleton } from '../../ui/skeleton.tsx';
import { fileName } from './log-export.ts';
import { serialEntriesUri } from './log-kinds.ts';
import styles from './serial-log.module.css';
import { useLogsWords } from './words.ts';

/** As much as the BMC keeps. */
const keptBytes = 256 * 1024;
/** Between two drawings of what has come: a host that boots says a lot. */
const drawMs = 200;

interface SerialText {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lines: readonly string[];
}

const closed: ConsoleState = {
  phase: 'stopped',
  reason: undefined,
  mode: 'read',
  mayWrite: false,
  connected: false,
  you: undefined,
  attached: [],
};
const never = () => () => undefined;

/** Follows the serial line from what is kept of it on. @returns undefined before it is open */
function useSerialText(may: boolean): {
  readonly text: SerialText | undefined;
  readonly state: ConsoleState;
} {
  const [text, setText] = useState<SerialText>();
  const [link, setLink] = useState<ConsoleLink>();
  const lost = useLostOutput();
  useEffect(() => {
    if (!may) return;
    let said = new Uint8Array(0);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        const all = plainText(new TextDecoder().decode(said));
        setText({ bytes: said, lines: all === '' ? [] : all.split('\n') });
      }, drawMs);
    };
    const add = (bytes: Uint8Array) => {
      const joined = new Uint8Array(said.length + bytes.length);
      joined.set(said);
      joined.set(bytes, said.length);
      said = joined.slice(-keptBytes);
      draw();
    };
    const opened = new ConsoleLink('serial', false, {
      bytes: add,
      control({ type, bytes }) {
        if (type === 'dropped') add(lost(Number(bytes)));
        if (type !== 'hello') return;
        said = new Uint8Array(0);
        draw();
      },
      lost: () => undefined,
    });
    opened.start();
    setLink(opened);
    return () => {
      clearTimeout(timer);
      opened.stop();
    };
  }, [may, lost]);
  const state = useSyncExternalStore(link?.subscribe ?? never, link?.current ?? (() => closed));
  return { text, state };
}

/** What the host said on its serial port, and says: the end stays in sight as long as nobody scrolls away from it. */
export function SerialLog() {
  const words = useLogsWords();
  const { number } = useFormats();
  const machine = useMachineName();
  const linesOf = useShellLines();
  const may = useMay('ConfigureComponents');
  const [wrap, setWrap] = useState(true);
  const [find, setFind] = useState('');
  const { text, state } = useSerialText(may);
  const scroll = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  const all = text?.lines ?? [];
  const wanted = find.trim().toLowerCase();
  const lines = wanted === '' ? all : all.filter((line) => line.toLowerCase().includes(wanted));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown is what moves the end
  useEffect(() => {
    if (atEnd.current && scroll.current) scroll.current.scrollTop = scroll.current.scrollHeight;
  }, [text, wanted, wrap]);
  return (
    <>
      <p className={styles.about}>{words.about.serial}</p>
      <Card
        flush
        title={words.logs.serial}
        aside={
          <>
            {may && (
              <span role="status">{state.phase === 'open' ? words.serialLive : words.serialConnecting}</span>
            )}
            <CopyAs
              lines={linesOf({
                method: 'GET',
                uri: `${serialEntriesUri}/1/attachment`,
                ipmi: ['sol', 'activate'],
              })}
            />
            <Button
              size="small"
              icon="download"
              disabled={!text}
              onClick={() => {
                if (!text) return;
                const name = fileName(machine ?? '', 'serial', 'log', new Date());
                saveFile(name, 'application/octet-stream', text.bytes);
              }}
            >
              {words.download}
            </Button>
          </>
        }
      >
        {!may && (
          <EmptyState icon="lock" title={words.serialForbidden}>
            {words.serialForbiddenText}
          </EmptyState>
        )}
        {may && !text && (
          <div className={styles.padded}>
            {state.reason === undefined ? (
              <Skeleton lines={10} />
            ) : (
              <EmptyState icon="warning" title={words.serialUnreadable}>
                {state.reason}
              </EmptyState>
            )}
          </div>
        )}
        {text && all.length === 0 && (
          <EmptyState
            icon="terminal"
            title={words.serialEmpty}
            action={<Link to="/machine/console?view=serial">{words.openConsole}</Link>}
          >
            {words.serialEmptyText}
          </EmptyState>
        )}
        {all.length > 0 && (
          <>
            <search className={styles.bar} aria-label={words.filter}>
              <Field label={words.serialFind}>
                <Input type="search" value={find} onChange={({ target }) => setFind(target.value)} />
              </Field>
              <Checkbox
                label={words.wrap}
                checked={wrap}
                onChange={({ target }) => setWrap(target.checked)}
              />
              <span className={styles.count} role="status">
                {words.serialLines(number(lines.length), number(all.length))}
              </span>
            </search>
            <section
              ref={scroll}
              className={styles.scroll}
              onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
                atEnd.current = scrollTop + clientHeight >= scrollHeight - 4;
              }}
              aria-label={words.serialOutput}
              // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by the keyboard, too
              tabIndex={0}
            >
              <pre className={styles.text} data-wrap={wrap || undefined}>
                {lines.join('\n')}
              </pre>
            </section>
          </>
        )}
      </Card>
    </>
  );
}
