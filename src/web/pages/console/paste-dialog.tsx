import { useRef, useState } from 'react';
import { client } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, TextArea } from '../../ui/field.tsx';
import { useConsoleWords } from './words.ts';

const typeUri = '/redfish/v1/Systems/1/Actions/Oem/QemuBmcComputerSystem.TypeText';
/** Sent at once: a part takes the machine about a second to read. */
const partLength = 32;

interface PasteDialogProps {
  readonly open: boolean;
  onClose(): void;
  onFailed(error: Error): void;
}

/** Types a text on the machine's keyboard, part by part, until it is done or stopped. */
export function PasteDialog({ open, onClose, onFailed }: PasteDialogProps) {
  const words = useConsoleWords();
  const [text, setText] = useState('');
  const [done, setDone] = useState<number>();
  const stopped = useRef(false);
  const close = () => {
    stopped.current = true;
    setDone(undefined);
    onClose();
  };
  const type = async () => {
    stopped.current = false;
    const characters = [...text.replaceAll('\r\n', '\n')];
    for (let at = 0; at < characters.length && !stopped.current; at += partLength) {
      setDone(at);
      await client.post(typeUri, { Text: characters.slice(at, at + partLength).join('') });
    }
    close();
  };
  const typing = done !== undefined;
  return (
    <Dialog
      open={open}
      onClose={close}
      title={words.paste}
      description={words.pasteHint}
      footer={
        <>
          <Button onClick={close}>{typing ? words.pasteCancel : words.cancel}</Button>
          <Button
            look="primary"
            busy={typing}
            disabled={text === ''}
            onClick={() => {
              type().catch((error: Error) => {
                close();
                onFailed(error);
              });
            }}
          >
            {words.pasteSend}
          </Button>
        </>
      }
    >
      <Field label={words.pasteText} hint={typing ? words.pasteProgress(done, text.length) : undefined}>
        <TextArea
          rows={6}
          value={text}
          readOnly={typing}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
    </Dialog>
  );
}
