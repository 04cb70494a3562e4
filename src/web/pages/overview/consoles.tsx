import { lazy, Suspense } from 'react';
import { Link } from 'react-router';
import { Cell } from '../../shell/page.tsx';
import { Card } from '../../ui/card.tsx';
import styles from './consoles.module.css';
import { useOverviewWords } from './words.ts';

const ScreenThumbnail = lazy(async () => {
  const { ScreenThumbnail: component } = await import('../../screen/thumbnail.tsx');
  return { default: component };
});
const SerialTail = lazy(async () => {
  const { SerialTail: component } = await import('../../terminal/tail.tsx');
  return { default: component };
});

/** What the machine shows and says now; the consoles themselves are a page of their own. */
export function Consoles() {
  const words = useOverviewWords();
  const open = (view: 'screen' | 'serial') => (
    <Link to={`/machine/console?view=${view}`} aria-label={words.openNamed[view]}>
      {words.openConsole}
    </Link>
  );
  return (
    <>
      <Cell span={5}>
        <Card flush title={words.screen} aside={open('screen')}>
          <div className={styles.screen}>
            <Suspense>
              <ScreenThumbnail />
            </Suspense>
          </div>
        </Card>
      </Cell>
      <Cell span={7}>
        <Card flush title={words.serial} aside={open('serial')}>
          <div className={styles.serial}>
            <Suspense>
              <SerialTail />
            </Suspense>
          </div>
        </Card>
      </Cell>
    </>
  );
}
