import { useEffect, useRef, useState } from 'react';
import { client } from '../../api/session.ts';
import type { ScreenView } from '../../screen/screen-view.ts';
import { download } from '../../terminal/recording.ts';
import { IconButton } from '../../ui/button.tsx';
import { Menu, type MenuEntry } from '../../ui/menu.tsx';
import { useTellFailure } from '../../ui/tell-failure.ts';
import styles from './panel.module.css';
import { Panel } from './panel.tsx';
import { PasteDialog } from './paste-dialog.tsx';
import { useConsoleWords } from './words.ts';

const actions = '/redfish/v1/Systems/1/Actions/Oem/QemuBmcComputerSystem';
const screenshotUri = '/redfish/v1/Systems/1/Oem/QemuBmc/Screenshot';

/** As they are printed on keys. */
const combinations: readonly (readonly [label: string, keys: readonly string[]])[] = [
  ['Ctrl-Alt-Del', ['ControlLeft', 'AltLeft', 'Delete']],
  ['Ctrl-Alt-Backspace', ['ControlLeft', 'AltLeft', 'Backspace']],
  ['Ctrl-Alt-F1', ['ControlLeft', 'AltLeft', 'F1']],
  ['Ctrl-Alt-F2', ['ControlLeft', 'AltLeft', 'F2']],
  ['Alt-Tab', ['AltLeft', 'Tab']],
  ['Alt-F4', ['AltLeft', 'F4']],
  ['Esc', ['Escape']],
  ['F2', ['F2']],
  ['F10', ['F10']],
  ['F11', ['F11']],
  ['F12', ['F12']],
  ['Print Screen', ['PrintScreen']],
  ['Alt-SysRq-B', ['AltLeft', 'PrintScreen', 'KeyB']],
];

export function ScreenPanel() {
  const words = useConsoleWords();
  const tellFailure = useTellFailure();
  const place = useRef<HTMLDivElement>(null);
  const [screen, setScreen] = useState<ScreenView>();
  const [fits, setFits] = useState(true);
  const [pasting, setPasting] = useState(false);

  useEffect(() => {
    let made: ScreenView | undefined;
    let gone = false;
    void import('../../screen/screen-view.ts').then(({ ScreenView: Made }) => {
      if (gone || !place.current) return;
      made = new Made(place.current, { interactive: true });
      setScreen(made);
    });
    return () => {
      gone = true;
      made?.dispose();
    };
  }, []);

  const failed = (title: string) => (error: Error) => tellFailure(title, error);
  const saveScreenshot = async () => {
    const answer = await client.open('GET', screenshotUri);
    download(await answer.blob(), `screen-${new Date().toISOString().replaceAll(':', '-')}.png`);
  };
  const scale = (next: boolean) => {
    if (screen) screen.scale = next;
    setFits(next);
  };
  const keys = combinations.map(
    ([label, names]): MenuEntry => ({
      kind: 'item',
      label,
      run: () => {
        client.post(`${actions}.SendKeys`, { Keys: names }).catch(failed(label));
        screen?.focus();
      },
    }),
  );
  return (
    <>
      <Panel
        kind="screen"
        icon="screen"
        link={screen?.link}
        tools={
          <>
            <Menu
              trigger={<IconButton icon="keyboard" label={words.sendKeys} size="small" />}
              entries={keys}
            />
            <IconButton
              icon="camera"
              label={words.screenshot}
              size="small"
              onClick={() => void saveScreenshot().catch(failed(words.screenshotFailed))}
            />
          </>
        }
        more={[
          { kind: 'item', label: words.paste, icon: 'edit', run: () => setPasting(true) },
          {
            kind: 'item',
            label: fits ? words.actualSize : words.fit,
            icon: fits ? 'expand' : 'shrink',
            run: () => scale(!fits),
          },
        ]}
      >
        <div className={styles.place} ref={place} />
      </Panel>
      <PasteDialog open={pasting} onClose={() => setPasting(false)} onFailed={failed(words.paste)} />
    </>
  );
}
