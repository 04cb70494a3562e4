import type { ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { CopyAs, type ShellLines } from '../../ui/copy-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { useUiWords } from '../../ui/words.ts';
import { focusInvalid } from './focus-invalid.ts';
import styles from './form-dialog.module.css';

interface FormDialogProps {
  readonly title: ReactNode;
  readonly description?: ReactNode;
  readonly size?: 'small' | 'normal';
  /** What the button says that sends the form; `Save` if absent. */
  readonly action?: string;
  /** Whether there is nothing to be sent. */
  readonly disabled?: boolean;
  readonly busy: boolean;
  readonly error: Error | null;
  /** The same for a shell. */
  readonly lines?: ShellLines | undefined;
  readonly children: ReactNode;
  onSubmit(): void;
  onClose(): void;
}

/** Fields in a dialog, with what sends them and what went wrong. */
export function FormDialog({
  title,
  description,
  size = 'small',
  action,
  disabled = false,
  busy,
  error,
  lines,
  children,
  onSubmit,
  onClose,
}: FormDialogProps) {
  const words = useUiWords();
  return (
    <Dialog open size={size} title={title} description={description} onClose={onClose}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
          focusInvalid(event.currentTarget);
        }}
      >
        {children}
        {error && <ErrorPanel error={error} />}
        <div className={styles.foot}>
          <span className={styles.lines}>{lines && <CopyAs lines={lines} />}</span>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" disabled={disabled} busy={busy}>
            {action ?? words.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
