import { usePost, useReading } from '../../api/queries.ts';
import type { Collection } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useShellLines } from '../../machine/use-shell-lines.ts';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { notify } from '../../ui/notices.tsx';
import { useLogsWords } from './words.ts';

interface ClearDialogProps {
  /** Of the action ClearLog. */
  readonly target: string;
  readonly entries: string;
  onClose(): void;
}

/** Says how much goes: all of it, whatever the filter shows. */
export function ClearDialog({ target, entries, onClose }: ClearDialogProps) {
  const words = useLogsWords();
  const { number } = useFormats();
  const linesOf = useShellLines();
  const post = usePost(target);
  const count = useReading(entries, ['count'], async (uri, signal) => {
    const { body } = await client.get<Collection>(`${uri}?$top=1`, { signal });
    return body['Members@odata.count'];
  });
  return (
    <ConfirmDialog
      open
      title={words.clearTitle}
      description={count.data === undefined ? undefined : words.clearText(number(count.data))}
      action={words.clearAction}
      busy={post.isPending}
      error={post.error}
      lines={linesOf({ method: 'POST', uri: target, body: {}, ipmi: ['sel', 'clear'] })}
      onClose={onClose}
      onConfirm={() =>
        post.mutate(
          {},
          {
            onSuccess() {
              notify({ kind: 'ok', title: words.cleared });
              onClose();
            },
          },
        )
      }
    />
  );
}
