import { useFormats } from '../../i18n/formats.ts';
import { useLanguage } from '../../i18n/words.ts';
import { StatusDot, toneOfHealth } from '../../ui/badge.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { visibleText } from '../../ui/visible-text.ts';
import styles from './entry-table.module.css';
import { entryText } from './entry-text.ts';
import { type Change, type Entry, type LogId, originOf } from './log-kinds.ts';
import { useLogsWords } from './words.ts';

export function EntryTable({ log, entries }: { readonly log: LogId; readonly entries: readonly Entry[] }) {
  const words = useLogsWords();
  const { columns } = words;
  const time: Column<Entry> = {
    id: 'time',
    header: columns.time,
    narrow: true,
    cell: ({ Created: created }) => <Time time={created} />,
  };
  const severity: Column<Entry> = {
    id: 'severity',
    header: columns.severity,
    narrow: true,
    cell: ({ Severity: level }) => (
      <span className={styles.severity}>
        <StatusDot tone={level === 'OK' ? 'neutral' : toneOfHealth(level)} />
        {words.levels[level]}
      </span>
    ),
  };
  const message: Column<Entry> = {
    id: 'message',
    header: columns.message,
    lead: true,
    cell: (entry) => <Message entry={entry} />,
  };
  const who: Column<Entry> = {
    id: 'who',
    header: columns.who,
    narrow: true,
    cell: ({ Originator: name }) =>
      name ? (
        <bdi className={styles.who}>{visibleText(name)}</bdi>
      ) : (
        <span className={styles.soft}>{words.nobody}</span>
      ),
  };
  const origin: Column<Entry> = {
    id: 'origin',
    header: columns.origin,
    narrow: true,
    cell: (entry) => <Origin entry={entry} />,
  };
  const sensor: Column<Entry> = {
    id: 'sensor',
    header: columns.sensor,
    narrow: true,
    cell: ({ SensorType: type = '' }) => <bdi>{words.sensorTypes[type] ?? visibleText(type)}</bdi>,
  };
  const id: Column<Entry> = {
    id: 'id',
    header: columns.id,
    narrow: true,
    align: 'end',
    cell: ({ Id }) => Id,
  };
  const shown: Readonly<Record<LogId, readonly Column<Entry>[]>> = {
    events: [time, severity, message, who],
    sel: [id, time, severity, sensor, message],
    audit: [time, who, origin, { ...message, header: columns.changes }],
  };
  return (
    <Table
      stacked="line"
      room={44}
      label={words.logs[log]}
      columns={shown[log]}
      rows={entries}
      rowKey={({ Id }) => Id}
    />
  );
}

function Time({ time }: { readonly time: string | undefined }) {
  const words = useLogsWords();
  const { dateTime } = useFormats();
  if (time === undefined) return <span className={styles.soft}>{words.noTime}</span>;
  return <time dateTime={time}>{dateTime(time)}</time>;
}

function Message({ entry }: { readonly entry: Entry }) {
  const language = useLanguage();
  const changes = entry.Oem?.QemuBmc?.Changes ?? [];
  return (
    <>
      <bdi>{visibleText(entryText(entry, language, true))}</bdi>
      {changes.length > 0 && (
        <ul className={styles.changes}>
          {changes.map((change) => (
            <ChangeLine key={change.Name} change={change} />
          ))}
        </ul>
      )}
    </>
  );
}

function ChangeLine({ change: { Name: name, Before: before, After: after } }: { readonly change: Change }) {
  const words = useLogsWords();
  const value = (each: Change['Before']) => (each === null ? words.none : visibleText(String(each)) || '""');
  return (
    <li>
      {name !== '' && <span className={styles.soft}>{visibleText(name)} </span>}
      <code>{value(before)}</code>
      {' → '}
      <code>{value(after)}</code>
    </li>
  );
}

function Origin({ entry }: { readonly entry: Entry }) {
  const words = useLogsWords();
  const { face, address } = originOf(entry);
  return (
    <>
      {face !== undefined && (words.faces[face] ?? visibleText(face))}
      {address !== undefined && <span className={styles.address}>{visibleText(address)}</span>}
    </>
  );
}
