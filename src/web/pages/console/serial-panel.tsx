import { useEffect, useRef, useState } from 'react';
import { useLostOutput } from '../../terminal/lost-output.ts';
import { download } from '../../terminal/recording.ts';
import type { SerialTerminal } from '../../terminal/serial-terminal.ts';
import { IconButton } from '../../ui/button.tsx';
import styles from './panel.module.css';
import { Panel } from './panel.tsx';
import { useConsoleWords } from './words.ts';

export function SerialPanel() {
  const words = useConsoleWords();
  const place = useRef<HTMLDivElement>(null);
  const [terminal, setTerminal] = useState<SerialTerminal>();
  const [recording, setRecording] = useState(false);
  const label = words.serial;
  const lost = useLostOutput();

  useEffect(() => {
    let made: SerialTerminal | undefined;
    let gone = false;
    void import('../../terminal/serial-terminal.ts').then(({ SerialTerminal: Made }) => {
      if (gone || !place.current) return;
      made = new Made(place.current, { interactive: true, label, lost });
      setTerminal(made);
    });
    return () => {
      gone = true;
      made?.dispose();
    };
  }, [label, lost]);

  const record = () => {
    if (recording) {
      const file = terminal?.stopRecording();
      if (file) download(file, `serial-${new Date().toISOString().replaceAll(':', '-')}.cast`);
    } else terminal?.startRecording(document.title);
    setRecording(!recording);
  };
  return (
    <Panel
      kind="serial"
      icon="terminal"
      link={terminal?.link}
      tools={
        <IconButton
          icon={recording ? 'download' : 'record'}
          label={recording ? words.stopRecording : words.record}
          size="small"
          aria-pressed={recording}
          onClick={record}
        />
      }
      more={[
        {
          kind: 'item',
          label: words.copy,
          icon: 'copy',
          run: () => void navigator.clipboard.writeText(terminal?.selection ?? ''),
        },
        {
          kind: 'item',
          label: words.pasteSerial,
          icon: 'edit',
          run: () => void navigator.clipboard.readText().then((text) => terminal?.paste(text)),
        },
        { kind: 'item', label: words.sendBreak, icon: 'bolt', run: () => terminal?.sendBreak() },
      ]}
    >
      <div className={styles.terminal}>
        <div className={styles.lines} ref={place} />
      </div>
    </Panel>
  );
}
