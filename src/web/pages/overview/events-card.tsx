import { useLatest } from '../../api/queries.ts';
import { type LogEntry, uris } from '../../api/schema.ts';
import { eventText } from '../../i18n/event-texts.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useLanguage } from '../../i18n/words.ts';
import { StatusDot, toneOfHealth } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { Unseen } from '../../ui/unseen.tsx';
import styles from './events-card.module.css';
import { useOverviewWords } from './words.ts';

const shown = 7;

/** What has happened last, as it happens. */
export function EventsCard() {
  const words = useOverviewWords();
  const { number } = useFormats();
  const log = useLatest<LogEntry>(uris.eventLogEntries, shown);
  return (
    <Card flush title={words.events} aside={log.data && words.eventCount(number(log.data.total))}>
      {log.isPending && (
        <div className={styles.padded}>
          <Skeleton lines={5} />
        </div>
      )}
      {log.error && !log.data && (
        <div className={styles.padded}>
          <ErrorPanel error={log.error} title={words.eventsUnreadable} retry={() => void log.refetch()} />
        </div>
      )}
      {log.data?.entries.length === 0 && (
        <EmptyState icon="logs" title={words.noEvents}>
          {words.noEventsText}
        </EmptyState>
      )}
      <ol className={styles.list}>
        {log.data?.entries.map((entry) => (
          <Entry key={entry.Id} entry={entry} />
        ))}
      </ol>
    </Card>
  );
}

function Entry({ entry }: EntryProps) {
  const { Severity: severity, Created: time, Originator: who } = entry;
  const message = eventText(entry, useLanguage());
  const words = useOverviewWords();
  const { shortTime, dateTime } = useFormats();
  return (
    <li className={styles.entry}>
      <span className={styles.light} title={words.severities[severity]}>
        <StatusDot tone={severity === 'OK' ? 'neutral' : toneOfHealth(severity)} />
      </span>
      {severity !== 'OK' && <Unseen>{words.severities[severity]}</Unseen>}
      <span className={styles.message} title={message}>
        {message}
      </span>
      {who && <span className={styles.who}>{who}</span>}
      <time className={styles.time} dateTime={time} title={dateTime(time)}>
        {shortTime(time)}
      </time>
    </li>
  );
}

interface EntryProps {
  readonly entry: LogEntry;
}
