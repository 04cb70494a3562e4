import type { ComponentProps } from 'react';
import { usePost } from '../api/queries.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { notify } from '../ui/notices.tsx';
import { useShellLines } from './use-shell-lines.ts';

interface ConfirmPostProps
  extends Omit<ComponentProps<typeof ConfirmDialog>, 'busy' | 'error' | 'lines' | 'onConfirm'> {
  /** Of the action. */
  readonly uri: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** The same for ipmitool, where it has words for it. */
  readonly ipmi?: readonly string[];
  /** What is told when it was done. */
  readonly done: string;
}

/** Asks, and then posts an action. */
export function ConfirmPost({ uri, body = {}, ipmi, done, ...dialog }: ConfirmPostProps) {
  const linesOf = useShellLines();
  const post = usePost(uri);
  return (
    <ConfirmDialog
      {...dialog}
      busy={post.isPending}
      error={post.error}
      lines={linesOf({ method: 'POST', uri, body, ipmi })}
      onConfirm={() =>
        post.mutate(body, {
          onSuccess() {
            notify({ kind: 'ok', title: done });
            dialog.onClose();
          },
        })
      }
    />
  );
}
