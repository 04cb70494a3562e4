import { useCallback, useState } from 'react';
import { useSearchParams } from 'react-router';
import { useMay } from '../../api/privileges.ts';
import { useResource } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useLanguage } from '../../i18n/words.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { ClearDialog } from './clear-dialog.tsx';
import { EntryTable } from './entry-table.tsx';
import { entryText } from './entry-text.ts';
import { ExportMenu } from './export-menu.tsx';
import { FilterBar } from './filter-bar.tsx';
import { filterFromSearch, isFiltered, type LogFilter, noFilter, searchOfFilter } from './log-filter.ts';
import { type Entry, entriesUri, type LogId, type LogService, serviceUris } from './log-kinds.ts';
import { pageSize, useLogPage } from './log-pages.ts';
import styles from './log-view.module.css';
import { useLogsWords } from './words.ts';

/** One log: filter, table, pages, export; the SEL can be cleared. */
export function LogView({ log }: { readonly log: LogId }) {
  const words = useLogsWords();
  const language = useLanguage();
  const { number } = useFormats();
  const [search, setSearch] = useSearchParams();
  // One object as long as the URL says the same.
  const [kept, setKept] = useState({ search: search.toString(), filter: filterFromSearch(search) });
  if (kept.search !== search.toString()) {
    setKept({ search: search.toString(), filter: filterFromSearch(search) });
  }
  const { filter } = kept;
  const [page, setPage] = useState(0);
  const [asking, setAsking] = useState(false);
  const mayClear = useMay('ConfigureManager');
  const service = useResource<LogService>(serviceUris[log]);
  const shown = useCallback((entry: Entry) => entryText(entry, language), [language]);
  const { reading, found, condition } = useLogPage(entriesUri(log), filter, page, shown);
  const total = found?.total ?? 0;
  const lastPage = Math.max(0, Math.ceil(total / pageSize) - 1);
  const at = Math.min(page, lastPage);
  if (page !== at && found) setPage(at);
  const clearTarget = service.data?.Actions?.['#LogService.ClearLog']?.target;
  const filtered = isFiltered(filter);

  function choose(next: LogFilter) {
    setPage(0);
    setSearch(searchOfFilter(next), { replace: true });
  }

  return (
    <>
      <p className={styles.about}>{words.about[log]}</p>
      <Card
        flush
        title={words.logs[log]}
        aside={
          <>
            {service.data?.Overflow && <Badge tone="warning">{words.overflow}</Badge>}
            <span className={styles.fill} role="status">
              {found &&
                (filtered
                  ? number(total)
                  : words.fill(number(total), number(service.data?.MaxNumberOfRecords ?? total)))}
            </span>
            <ExportMenu log={log} condition={condition} text={filter.text.trim()} shown={shown} />
            {clearTarget !== undefined && (
              <Button
                size="small"
                icon="remove"
                disabled={!mayClear || (total === 0 && !filtered)}
                title={mayClear ? undefined : words.mayNotClear}
                onClick={() => setAsking(true)}
              >
                {words.clear}
              </Button>
            )}
          </>
        }
      >
        <FilterBar filter={filter} onChange={choose} />
        {reading.error && !reading.data && (
          <div className={styles.padded}>
            <ErrorPanel error={reading.error} title={words.unreadable} retry={() => void reading.refetch()} />
          </div>
        )}
        {reading.isPending && (
          <div className={styles.padded}>
            <Skeleton lines={8} />
          </div>
        )}
        {found && total === 0 && filtered && (
          <EmptyState
            icon="filter"
            title={words.noMatch}
            action={<Button onClick={() => choose(noFilter)}>{words.clearFilter}</Button>}
          >
            {words.noMatchText}
          </EmptyState>
        )}
        {found && total === 0 && !filtered && (
          <EmptyState icon="logs" title={words.empty[log][0]}>
            {words.empty[log][1]}
          </EmptyState>
        )}
        {found && total > 0 && <EntryTable log={log} entries={found.entries} />}
        {found && total > pageSize && (
          <nav className={styles.pager} aria-label={words.logs[log]}>
            <Button size="small" disabled={at === 0} onClick={() => setPage(at - 1)}>
              {words.newer}
            </Button>
            <span role="status">
              {words.shown(
                number(at * pageSize + 1),
                number(Math.min(total, (at + 1) * pageSize)),
                number(total),
              )}
            </span>
            <Button size="small" disabled={at === lastPage} onClick={() => setPage(at + 1)}>
              {words.older}
            </Button>
          </nav>
        )}
      </Card>
      {asking && clearTarget !== undefined && (
        <ClearDialog target={clearTarget} entries={entriesUri(log)} onClose={() => setAsking(false)} />
      )}
    </>
  );
}
