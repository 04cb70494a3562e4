import { useEffect, useState } from 'react';
import { useConsoleWords } from '../pages/console/words.ts';
import { ConsoleLink } from './console-link.ts';
import { useLostOutput } from './lost-output.ts';
import { plainText } from './plain-text.ts';
import styles from './tail.module.css';

const lines = 12;
const keptCharacters = 8192;

/** What the serial console said last, as text and nothing but text. */
export function SerialTail() {
  const words = useConsoleWords();
  const lost = useLostOutput();
  /** Undefined until the past has been read. */
  const [text, setText] = useState<string>();
  useEffect(() => {
    const decoder = new TextDecoder();
    let said = '';
    let drawing = 0;
    const draw = () => {
      drawing ||= requestAnimationFrame(() => {
        drawing = 0;
        setText(plainText(said).split('\n').slice(-lines).join('\n'));
      });
    };
    const add = (bytes: Uint8Array) => {
      said = (said + decoder.decode(bytes, { stream: true })).slice(-keptCharacters);
      draw();
    };
    const link = new ConsoleLink('serial', false, {
      bytes: add,
      control: ({ type, bytes }) => {
        if (type === 'hello') said = '';
        if (type === 'history-end') draw();
        if (type === 'dropped') add(lost(Number(bytes)));
      },
      lost: draw,
    });
    link.start();
    return () => {
      link.stop();
      cancelAnimationFrame(drawing);
    };
  }, [lost]);
  return (
    <pre
      className={styles.tail}
      role="log"
      aria-label={words.tail}
      data-loading={text === undefined || undefined}
    >
      {text === '' ? words.nothingSaid : text}
    </pre>
  );
}
