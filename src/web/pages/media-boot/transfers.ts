/** Images that the BMC fetches: each is a task, whoever has asked for it. */
import type { Task } from './schema.ts';

/**
 * @param slotName the name of the drive, as the task's own name has it at its end
 * @returns the drive's latest task; undefined when there was none
 */
export function transferOf(tasks: readonly Task[], slotName: string): Task | undefined {
  return tasks
    .filter(({ Name: name }) => name.endsWith(slotName))
    .reduce<Task | undefined>(
      (latest, task) => (latest && latest.StartTime > task.StartTime ? latest : task),
      undefined,
    );
}

export function isUnderWay({ TaskState: state }: Task): boolean {
  return state === 'Running' || state === 'Cancelling';
}
