import { useParams } from 'react-router';
import { Page } from '../../shell/page.tsx';
import { SubNav } from '../../ui/sub-nav.tsx';
import { logIds } from './log-kinds.ts';
import { LogView } from './log-view.tsx';
import { SerialLog } from './serial-log.tsx';
import { useLogsWords } from './words.ts';

const base = '/machine/logs';
const parts = [...logIds, 'serial'] as const;

export default function Logs() {
  const words = useLogsWords();
  const { '*': rest = '' } = useParams();
  const part = parts.find((each) => each === rest) ?? 'events';
  return (
    <Page title={words.title}>
      <SubNav
        label={words.title}
        current={`${base}/${part}`}
        items={parts.map((each) => ({ to: `${base}/${each}`, label: words.logs[each] }))}
      />
      {part === 'serial' ? <SerialLog /> : <LogView key={part} log={part} />}
    </Page>
  );
}
