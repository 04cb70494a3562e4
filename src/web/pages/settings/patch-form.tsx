import type { ReactNode } from 'react';
import type { ApiError } from '../../api/errors.ts';
import { usePatch } from '../../api/queries.ts';
import type { Resource } from '../../api/schema.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { Button } from '../../ui/button.tsx';
import { CopyAs } from '../../ui/copy-button.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Foot } from '../../ui/foot.tsx';
import { notify } from '../../ui/notices.tsx';
import { useUiWords } from '../../ui/words.ts';
import { focusInvalid } from './focus-invalid.ts';
import styles from './patch-form.module.css';
import { useSettingsWords } from './words.ts';

interface PatchFormProps {
  readonly uri: string;
  readonly may: boolean;
  /** What is sent; undefined as long as nothing is another. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** The same for ipmitool, where it has words for it. */
  readonly ipmi?: readonly string[] | undefined;
  readonly saved: string;
  /** What is shown below the fields as long as something is another. */
  readonly warning?: ReactNode;
  /** The fields; told what the service refused of them, if it did. */
  readonly children: ReactNode | ((refused: ApiError | null) => ReactNode);
  revert(): void;
}

/** Fields of one resource, with a button that saves what was changed. */
export function PatchForm({ uri, may, body, ipmi, saved, warning, children, revert }: PatchFormProps) {
  const words = useSettingsWords();
  const { save } = useUiWords();
  const linesOf = useShellLines();
  const patch = usePatch<Resource>(uri);
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!body) return;
        const form = event.currentTarget;
        patch.mutate(body, {
          onError: () => focusInvalid(form),
          onSuccess() {
            revert();
            notify({ kind: 'ok', title: saved });
          },
        });
      }}
    >
      <fieldset className={styles.fields} disabled={!may}>
        {typeof children === 'function' ? children(patch.error) : children}
      </fieldset>
      {body && warning}
      {patch.error && <ErrorPanel error={patch.error} />}
      <Foot end={body && <CopyAs lines={linesOf({ method: 'PATCH', uri, body, ipmi })} />}>
        <Button type="submit" look="primary" disabled={!may || !body} busy={patch.isPending}>
          {save}
        </Button>
        {body && (
          <Button
            onClick={() => {
              patch.reset();
              revert();
            }}
          >
            {words.revert}
          </Button>
        )}
      </Foot>
    </form>
  );
}
