/** The messages of DMTF's TaskEvent message registry that tasks tell of themselves by, as the registry words them (DSP2065). */
import { type Entry, type Message, messageOf } from './messages.ts';

export const taskEventRegistry = { prefix: 'TaskEvent', messagePrefix: 'TaskEvent.1.0' } as const;

export const taskMessages = {
  TaskStarted: [200, 'OK', "The task with Id '%1' has started.", 'None.'],
  TaskCompletedOK: [200, 'OK', "The task with Id '%1' has completed.", 'None.'],
  TaskAborted: [500, 'Critical', "The task with Id '%1' has completed with errors.", 'None.'],
  TaskCancelled: [
    410,
    'Warning',
    "Work on the task with Id '%1' has been halted prior to completion due to an explicit request.",
    'None.',
  ],
} as const satisfies Record<string, Entry>;
export type TaskMessageId = keyof typeof taskMessages;

/** @param id of the task */
export function taskMessage(event: TaskMessageId, id: string): Message {
  return messageOf(`${taskEventRegistry.messagePrefix}.${event}`, taskMessages[event], [id]);
}
