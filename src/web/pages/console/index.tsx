import { useSearchParams } from 'react-router';
import { Page } from '../../shell/page.tsx';
import { Button } from '../../ui/button.tsx';
import styles from './console.module.css';
import { ScreenPanel } from './screen-panel.tsx';
import { SerialPanel } from './serial-panel.tsx';
import { useConsoleWords } from './words.ts';

const views = ['both', 'screen', 'serial'] as const;

export default function ConsolePage() {
  const words = useConsoleWords();
  const [search, setSearch] = useSearchParams();
  const view = views.find((each) => each === search.get('view')) ?? 'both';
  const choose = (next: (typeof views)[number]) =>
    setSearch(
      (before) => {
        before.set('view', next);
        return before;
      },
      { replace: true },
    );
  return (
    <Page
      title={words.title}
      actions={
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
        <div role="group" aria-label={words.view} className={styles.views}>
          {views.map((each) => (
            <Button
              key={each}
              size="small"
              look={each === view ? 'primary' : 'plain'}
              aria-pressed={each === view}
              onClick={() => choose(each)}
            >
              {words.views[each]}
            </Button>
          ))}
        </div>
      }
    >
      <div className={styles.consoles} data-view={view}>
        {view !== 'serial' && <ScreenPanel />}
        {view !== 'screen' && <SerialPanel />}
      </div>
    </Page>
  );
}
