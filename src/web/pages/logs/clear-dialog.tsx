import { useReading } from '../../api/queries.ts';
import type { Collection } from '../../api/schema.ts';
import { client } from '../../api/session.ts';
import { useFormats } from '../../i18n/formats.ts';
import { ConfirmPost } from '../../machine/confirm-post.tsx';
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
  const count = useReading(entries, ['count'], async (uri, signal) => {
    const { body } = await client.get<Collection>(`${uri}?$top=1`, { signal });
    return body['Members@odata.count'];
  });
  return (
    <ConfirmPost
      open
      title={words.clearTitle}
      description={count.data === undefined ? undefined : words.clearText(number(count.data))}
      action={words.clearAction}
      uri={target}
      ipmi={['sel', 'clear']}
      done={words.cleared}
      onClose={onClose}
    />
  );
}
