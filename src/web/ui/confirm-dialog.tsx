import { type ReactNode, useState } from 'react';
import type { ApiError } from '../api/errors.ts';
import { Button } from './button.tsx';
import styles from './confirm-dialog.module.css';
import { CopyAs, type ShellLines } from './copy-button.tsx';
import { Dialog } from './dialog.tsx';
import { ErrorPanel } from './error-panel.tsx';
import { Field, Input } from './field.tsx';
import { useUiWords } from './words.ts';

interface ConfirmDialogProps {
  readonly open: boolean;
  onClose(): void;
  /** A question: `Switch off at once?` */
  readonly title: ReactNode;
  /** What will happen, and what is lost by it. */
  readonly description: ReactNode;
  /** What the button says: the verb, never `OK`. */
  readonly action: string;
  /** `calm` for what can be undone, `danger` for what loses something. */
  readonly level?: 'calm' | 'danger';
  /** For what loses nearly everything: this must be typed first. */
  readonly typed?: string;
  readonly busy?: boolean;
  readonly error?: ApiError | null;
  /** The same for a shell. */
  readonly lines?: ShellLines | undefined;
  readonly children?: ReactNode;
  onConfirm(): void;
}

/** Asks in proportion. The focus is on what does no harm: on Cancel, or on the field. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  return props.open ? <OpenConfirmDialog {...props} /> : null;
}

function OpenConfirmDialog({
  onClose,
  title,
  description,
  action,
  level = 'danger',
  typed,
  busy = false,
  error,
  lines,
  children,
  onConfirm,
}: ConfirmDialogProps) {
  const [text, setText] = useState('');
  const words = useUiWords();
  const ready = typed === undefined || text === typed;
  return (
    <Dialog
      open
      role="alertdialog"
      size="small"
      title={title}
      description={description}
      onClose={onClose}
      footer={
        <>
          {lines && (
            <span className={styles.lines}>
              <CopyAs lines={lines} />
            </span>
          )}
          <Button onClick={onClose} {...(typed === undefined && { 'data-initial-focus': true })}>
            {words.cancel}
          </Button>
          <Button
            look={level === 'danger' ? 'danger' : 'primary'}
            disabled={!ready}
            busy={busy}
            onClick={onConfirm}
          >
            {action}
          </Button>
        </>
      }
    >
      {(children || typed !== undefined || error) && (
        <>
          {children}
          {typed !== undefined && (
            <Field label={words.typeToConfirm(typed)}>
              <Input
                data-initial-focus
                value={text}
                autoComplete="off"
                spellCheck={false}
                onChange={({ target }) => setText(target.value)}
              />
            </Field>
          )}
          {error && <ErrorPanel error={error} />}
        </>
      )}
    </Dialog>
  );
}
