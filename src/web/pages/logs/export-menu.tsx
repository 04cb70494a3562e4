import { useState } from 'react';
import { useFormats } from '../../i18n/formats.ts';
import { useMachineName } from '../../shell/machine-name.ts';
import { Button } from '../../ui/button.tsx';
import { Menu } from '../../ui/menu.tsx';
import { notify } from '../../ui/notices.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { useTellFailure } from '../../ui/tell-failure.ts';
import { csvOf, fileName, jsonOf } from './log-export.ts';
import { containsText } from './log-filter.ts';
import { type Entry, entriesUri, type LogId } from './log-kinds.ts';
import { readAll } from './log-pages.ts';
import { useLogsWords } from './words.ts';

interface ExportMenuProps {
  readonly log: LogId;
  /** The filter's part for the service. */
  readonly condition: string | undefined;
  readonly text: string;
  shown(entry: Entry): string;
}

/** The whole log, or what the filter lets through, as a file. */
export function ExportMenu({ log, condition, text, shown }: ExportMenuProps) {
  const words = useLogsWords();
  const { number } = useFormats();
  const tellFailure = useTellFailure();
  const machine = useMachineName();
  const [busy, setBusy] = useState(false);

  async function save(extension: 'csv' | 'json') {
    setBusy(true);
    try {
      const all = await readAll(entriesUri(log), condition);
      const entries = all.filter((entry) => containsText(entry, text, shown(entry)));
      const name = fileName(machine ?? '', log, extension, new Date());
      if (extension === 'csv') saveFile(name, 'text/csv;charset=utf-8', csvOf(entries));
      else saveFile(name, 'application/json', jsonOf(entries));
      notify({ kind: 'ok', title: words.exported(number(entries.length)) });
    } catch (error) {
      tellFailure(words.exportFailed, error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Menu
      trigger={
        <Button size="small" icon="download" busy={busy}>
          {words.export}
        </Button>
      }
      entries={[
        { kind: 'item', label: words.exportCsv, hint: words.exportCsvHint, run: () => void save('csv') },
        { kind: 'item', label: words.exportJson, hint: words.exportJsonHint, run: () => void save('json') },
      ]}
    />
  );
}
