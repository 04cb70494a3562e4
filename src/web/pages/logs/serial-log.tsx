import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import type { ApiError } from '../../api/errors.ts';
import { useMay } from '../../api/privileges.ts';
import type { Collection } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { useMachineName } from '../../shell/machine-name.ts';
import { plainText } from '../../terminal/plain-text.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Skeleton } from '../../ui/skeleton.tsx';
import { fileName } from './log-export.ts';
import { type Entry, serialEntriesUri } from './log-kinds.ts';
import styles from './serial-log.module.css';
import { useLogsWords } from './words.ts';

interface SerialText {
  readonly bytes: ArrayBuffer;
  readonly lines: readonly string[];
  /** Milliseconds since 1970. */
  readonly readAt: number;
}

/** @returns undefined when the host has said nothing yet */
async function readSerial(signal: AbortSignal): Promise<SerialText | null> {
  const { body } = await client.get<Collection<Entry & { readonly AdditionalDataURI?: string }>>(
    serialEntriesUri,
    { signal },
  );
  const uri = body.Members[0]?.AdditionalDataURI;
  if (uri === undefined) return null;
  const bytes = await (await client.open('GET', uri, { signal })).arrayBuffer();
  const text = plainText(new TextDecoder().decode(bytes));
  return { bytes, lines: text === '' ? [] : text.split('\n'), readAt: Date.now() };
}

/** What the host said on its serial port. It never stops: what is shown is as of a time, and is read again on demand. */
export function SerialLog() {
  const words = useLogsWords();
  const { dateTime, number } = useFormats();
  const machine = useMachineName();
  const linesOf = useShellLines();
  const may = useMay('ConfigureComponents');
  const [wrap, setWrap] = useState(true);
  const [find, setFind] = useState('');
  const log = useQuery<SerialText | null, ApiError>({
    queryKey: ['serial-log'],
    enabled: may,
    // Each visit reads what there is now.
    staleTime: 0,
    queryFn: ({ signal }) => readSerial(signal),
  });
  const all = log.data?.lines ?? [];
  const wanted = find.trim().toLowerCase();
  const lines = wanted === '' ? all : all.filter((line) => line.toLowerCase().includes(wanted));
  return (
    <>
      <p className={styles.about}>{words.about.serial}</p>
      <Card
        flush
        title={words.logs.serial}
        aside={
          <>
            {log.data && <span>{words.serialAsOf(dateTime(log.data.readAt))}</span>}
            <CopyAs
              lines={linesOf({
                method: 'GET',
                uri: `${serialEntriesUri}/1/attachment`,
                ipmi: ['sol', 'activate'],
              })}
            />
            <Button
              size="small"
              icon="restart"
              busy={log.isFetching}
              disabled={!may}
              onClick={() => void log.refetch()}
            >
              {words.readAgain}
            </Button>
            <Button
              size="small"
              icon="download"
              disabled={!log.data}
              onClick={() => {
                if (!log.data) return;
                const name = fileName(machine ?? '', 'serial', 'log', new Date(log.data.readAt));
                saveFile(name, 'application/octet-stream', log.data.bytes);
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
        {may && log.isPending && (
          <div className={styles.padded}>
            <Skeleton lines={10} />
          </div>
        )}
        {log.error && !log.data && (
          <div className={styles.padded}>
            <ErrorPanel error={log.error} title={words.serialUnreadable} retry={() => void log.refetch()} />
          </div>
        )}
        {may && log.isSuccess && all.length === 0 && (
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
              className={styles.scroll}
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
