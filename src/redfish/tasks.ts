/**
 * Work that takes longer than a request: each piece is a task with its progress, which can be asked for, waited for and
 * cancelled. DSP0266 §13.5.
 *
 *   running ──▶ completed ──┐
 *      │  └───▶ exception ──┼─▶ kept for a while ─▶ forgotten
 *      └ cancel ▶ cancelled ┘
 */
import { type Actor, actorText } from '../bmc/actor.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { Outcome } from './definition.ts';
import { asRedfishError, RedfishError } from './errors.ts';
import type { Happenings } from './happenings.ts';
import { type Message, message, severityOf, textOf } from './messages.ts';
import { type TaskMessageId, taskMessage } from './task-messages.ts';

/** Running ones and those that are kept, together. */
export const maxTasks = 64;
export const maxRunning = 16;
/** How long a task that is over is kept. */
export const keptS = 3600;

export type TaskState = 'Running' | 'Completed' | 'Exception' | 'Cancelling' | 'Cancelled';

export interface TaskProgress {
  /** Whole percent, 0 to 100; it never goes back. */
  percent(value: number): void;
  /** For the list of messages. */
  say(message: Message): void;
}

export interface Task {
  /** 8 hexadecimal digits. */
  readonly id: string;
  /** What is done, for people. */
  readonly name: string;
  /** Who asked for it. */
  readonly userId: number | undefined;
  readonly state: TaskState;
  readonly percent: number;
  readonly messages: readonly Message[];
  /** Milliseconds since 1970, by the BMC's clock. */
  readonly startTime: number;
  readonly endTime: number | undefined;
  /** What the request would have been answered had it been quick; undefined while it runs. */
  readonly result: Outcome | RedfishError;
}

export interface TaskRequest {
  readonly name: string;
  readonly actor: Actor;
  readonly userId?: number | undefined;
  /**
   * The work. It ends early, by throwing anything, once the signal is aborted.
   * @returns what the request is answered in the end
   * @throws {WorkCancelled} when somebody has called it off by another way than the task
   */
  run(progress: TaskProgress, cancelled: AbortSignal): Promise<Outcome>;
}

/** Somebody did not want the work to go on: it has not failed. */
export class WorkCancelled extends Error {
  override readonly name = 'WorkCancelled';
}

interface Entry {
  task: Task;
  readonly cancel: AbortController;
  forget: Timer | undefined;
}

export interface TasksOptions {
  readonly happenings: Happenings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class Tasks {
  readonly #options: TasksOptions;
  readonly #changed = new Emitter<void>();
  readonly #entries = new Map<string, Entry>();

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  /** Told when a task has come, got further or gone. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  list(): readonly Task[] {
    return [...this.#entries.values()].map(({ task }) => task);
  }

  get(id: string): Task | undefined {
    return this.#entries.get(id)?.task;
  }

  /** Begins at once and returns. @throws {RedfishError} 503 when too many run */
  start({ name, actor, userId, run }: TaskRequest): Task {
    const running = this.list().filter(isRunning).length;
    if (running >= maxRunning) throw new RedfishError(message('ServiceTemporarilyUnavailable', '30'));
    this.#makeRoom();
    const { clock, random, log } = this.#options;
    const id = Buffer.from(random.bytes(4)).toString('hex');
    const entry: Entry = {
      task: {
        id,
        name,
        userId,
        state: 'Running',
        percent: 0,
        messages: [],
        startTime: clock.wallTime(),
        endTime: undefined,
        result: undefined,
      },
      cancel: new AbortController(),
      forget: undefined,
    };
    this.#entries.set(id, entry);
    this.#changed.emit();
    log.info({ task: id, name, actor: actorText(actor) }, 'task started');
    this.#tell(entry, 'TaskStarted');
    const progress: TaskProgress = {
      percent: (value) => {
        const percent = Math.max(entry.task.percent, Math.min(100, Math.floor(value)));
        if (isRunning(entry.task) && percent !== entry.task.percent) this.#put(entry, { percent });
      },
      say: (said) => {
        this.#put(entry, { messages: [...entry.task.messages, said] });
      },
    };
    // What runs may throw before it first waits, too.
    void Promise.resolve()
      .then(() => run(progress, entry.cancel.signal))
      .then(
        (result) => this.#end(entry, 'Completed', result),
        (error: unknown) => this.#failed(entry, error),
      );
    return entry.task;
  }

  /** Asks a task that runs to end; forgets one that is over. @returns false when there is none */
  cancel(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    if (entry.task.state === 'Running') {
      this.#put(entry, { state: 'Cancelling' });
      entry.cancel.abort();
    } else if (entry.task.state !== 'Cancelling') {
      this.#forget(entry);
    }
    return true;
  }

  /** Cancels what runs. */
  stop(): void {
    for (const entry of this.#entries.values()) {
      entry.forget?.cancel();
      if (isRunning(entry.task)) entry.cancel.abort();
    }
  }

  #failed(entry: Entry, error: unknown): void {
    if (entry.cancel.signal.aborted || error instanceof WorkCancelled) {
      this.#end(entry, 'Cancelled', new RedfishError(taskMessage('TaskCancelled', entry.task.id)));
      return;
    }
    const known = asRedfishError(error);
    if (!known) this.#options.log.error({ err: error, task: entry.task.id }, 'task: a bug');
    this.#end(entry, 'Exception', known ?? new RedfishError(message('InternalError')));
  }

  #end(entry: Entry, state: 'Completed' | 'Exception' | 'Cancelled', result: Outcome | RedfishError): void {
    const { clock, log } = this.#options;
    const told = result instanceof RedfishError ? result.messages : [message('Success')];
    this.#put(entry, {
      state,
      result,
      percent: state === 'Completed' ? 100 : entry.task.percent,
      messages: [...entry.task.messages, ...told],
      endTime: clock.wallTime(),
    });
    log.info({ task: entry.task.id, state }, 'task over');
    this.#tell(entry, endEvents[state]);
    entry.forget = clock.after(keptS * 1000, () => this.#forget(entry));
  }

  #put(entry: Entry, change: Partial<Task>): void {
    entry.task = { ...entry.task, ...change };
    this.#changed.emit();
  }

  #forget(entry: Entry): void {
    entry.forget?.cancel();
    this.#entries.delete(entry.task.id);
    this.#changed.emit();
  }

  /** Forgets the oldest that are over. */
  #makeRoom(): void {
    for (const entry of [...this.#entries.values()]) {
      if (this.#entries.size < maxTasks) return;
      if (!isRunning(entry.task)) this.#forget(entry);
    }
  }

  #tell({ task: { id } }: Entry, event: TaskMessageId): void {
    const told = taskMessage(event, id);
    this.#options.happenings.report({
      messageId: told.id,
      text: textOf(told),
      args: told.args,
      severity: severityOf(told),
      origin: uriOfTask(id),
      resourceType: 'Task',
    });
  }
}

const endEvents = {
  Completed: 'TaskCompletedOK',
  Exception: 'TaskAborted',
  Cancelled: 'TaskCancelled',
} as const satisfies Record<string, TaskMessageId>;

export function isRunning({ state }: Task): boolean {
  return state === 'Running' || state === 'Cancelling';
}

export function uriOfTask(id: string): string {
  return `/redfish/v1/TaskService/Tasks/${id}`;
}

export function uriOfMonitor(id: string): string {
  return `/redfish/v1/TaskService/TaskMonitors/${id}`;
}

/** What a request is answered whose work has become a task. DSP0266 §13.5. */
export function accepted(task: Task): Outcome {
  return {
    status: 202,
    headers: { location: uriOfMonitor(task.id), 'retry-after': '1' },
    body: {
      '@odata.id': uriOfTask(task.id),
      '@odata.type': '#Task.v1_7_4.Task',
      Id: task.id,
      Name: task.name,
      TaskState: task.state,
      TaskMonitor: uriOfMonitor(task.id),
    },
  };
}
