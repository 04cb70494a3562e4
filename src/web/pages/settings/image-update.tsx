/** Sending an image and following what the service makes of it, until it ends. */
import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../../api/errors.ts';
import { useResource } from '../../api/queries.ts';
import { client } from '../../api/session.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { notify } from '../../ui/notices.tsx';
import { Progress } from '../../ui/progress.tsx';
import { visibleText } from '../../ui/visible-text.ts';
import { useUiWords } from '../../ui/words.ts';
import styles from './image-update.module.css';
import { type ImageUpload, uploadImage } from './image-upload.ts';
import type { Task } from './schema.ts';
import { failureText, updateText } from './update-messages.ts';
import { useSettingsWords } from './words.ts';

export interface Update {
  readonly name: string;
  readonly share: number;
  readonly taskUri: string | undefined;
  readonly error: Error | undefined;
}

/** One at a time, as the service has it. */
export function useImageUpdate() {
  const [update, setUpdate] = useState<Update>();
  const controller = useRef<AbortController>(undefined);
  useEffect(() => () => controller.current?.abort(), []);

  async function start(request: Omit<ImageUpload, 'signal' | 'progress'>) {
    const own = new AbortController();
    controller.current = own;
    const { name } = request.file;
    const state: Update = { name, share: 0, taskUri: undefined, error: undefined };
    setUpdate(state);
    try {
      const task = await uploadImage({
        ...request,
        signal: own.signal,
        progress: (share) => setUpdate({ ...state, share }),
      });
      setUpdate({ ...state, share: 1, taskUri: task['@odata.id'] });
    } catch (error) {
      if (own.signal.aborted) setUpdate(undefined);
      else setUpdate({ ...state, error: error as Error });
    }
  }

  return {
    update,
    start,
    cancel: () => controller.current?.abort(),
    forget: () => setUpdate(undefined),
  };
}

interface UpdateProgressProps {
  readonly update: Update;
  cancel(): void;
  forget(): void;
}

export function UpdateProgress({ update, cancel, forget }: UpdateProgressProps) {
  const { maintenance: words } = useSettingsWords();
  const ui = useUiWords();
  const task = useResource<Task>(update.taskUri);
  const { name, share, error, taskUri } = update;
  const state = task.data?.TaskState;
  const isOver = state === 'Completed' || state === 'Exception' || state === 'Cancelled';
  const messages = task.data?.Messages ?? [];
  const why = state === 'Exception' ? failureText(messages, words.updateMessages) : undefined;
  const reason = why && visibleText(why);
  const told = useRef<string>(undefined);
  useEffect(() => {
    if (!isOver || told.current === taskUri) return;
    told.current = taskUri;
    if (state === 'Completed') notify({ kind: 'ok', title: words.updated(name) });
    else notify({ kind: 'warning', title: words.notUpdated(name), detail: reason });
  }, [isOver, state, taskUri, name, reason, words]);
  if (error) {
    return (
      <div className={styles.update}>
        {error instanceof ApiError ? <ErrorPanel error={error} title={words.notSent(name)} /> : error.message}
        <Button onClick={forget}>{ui.close}</Button>
      </div>
    );
  }
  const part = taskUri === undefined ? share : (task.data?.PercentComplete ?? 0) / 100;
  return (
    <div className={styles.update}>
      {isOver ? (
        <strong>{name}</strong>
      ) : (
        <Progress
          label={name}
          share={part}
          detail={taskUri === undefined ? words.sending(name) : words.working(name)}
        />
      )}
      {task.error && <ErrorPanel error={task.error} />}
      {task.data && (
        <div className={styles.state} role="status">
          <Badge tone={state === 'Completed' ? 'ok' : state === 'Exception' ? 'bad' : 'neutral'}>
            {words.taskStates[state ?? ''] ?? state}
          </Badge>
          <ul className={styles.messages}>
            {messages.map((message, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: messages are only added
              <li key={index}>{visibleText(updateText(message, words.updateMessages))}</li>
            ))}
          </ul>
        </div>
      )}
      {taskUri === undefined && <Button onClick={cancel}>{ui.cancel}</Button>}
      {taskUri !== undefined && !isOver && (
        <Button onClick={() => void client.delete(taskUri).catch(() => undefined)}>{ui.cancel}</Button>
      )}
      {isOver && <Button onClick={forget}>{ui.close}</Button>}
    </div>
  );
}
