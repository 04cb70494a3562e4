/** Tasks and their monitors. DSP0266 §13.5; DSP0268: TaskService, Task. */
import type { Context } from '../context.ts';
import { always, collection, type Outcome, plain, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { messageObject } from '../messages.ts';
import { link, root } from '../paths.ts';
import { accepted, isRunning, keptS, type Task, uriOfMonitor, uriOfTask } from '../tasks.ts';
import { dateTime } from './manager.ts';

const uri = `${root}/TaskService`;

const taskService = resource({
  path: '/redfish/v1/TaskService',
  type: '#TaskService.v1_3_0.TaskService',
  privileges: { get: ['Login'] },
  find: always,
  volatile: ['DateTime'],
  read: (_, { bmc }) => ({
    Id: 'TaskService',
    Name: 'Task service',
    ServiceEnabled: true,
    DateTime: dateTime(bmc.clock.wallTime()),
    CompletedTaskOverWritePolicy: 'Oldest',
    LifeCycleEventOnTaskStateChange: true,
    TaskAutoDeleteTimeoutMinutes: keptS / 60,
    Status: { State: 'Enabled', Health: 'OK' },
    Tasks: link(`${uri}/Tasks`),
  }),
});

const tasks = collection({
  path: '/redfish/v1/TaskService/Tasks',
  type: '#TaskCollection.TaskCollection',
  name: 'Tasks',
  privileges: { get: ['Login'] },
  find: always,
  members: (_, { state }) => state.tasks.list().map(({ id }) => uriOfTask(id)),
});

const findTask = (params: { readonly taskId: string }, { state }: Context) => state.tasks.get(params.taskId);
const ownsTask = ({ found }: { readonly found: Task }, { user }: Context) =>
  found.userId !== undefined && found.userId === user?.id;

const cancelPrivileges = ['ConfigureManager', 'ConfigureSelf'] as const;

/** Cancels one that runs; one that is over is forgotten. */
function remove({ found }: { readonly found: Task }, { state }: Context): Outcome {
  const running = isRunning(found);
  state.tasks.cancel(found.id);
  const cancelling = state.tasks.get(found.id);
  return running && cancelling ? accepted(cancelling) : undefined;
}

const healthOf = {
  Running: 'OK',
  Cancelling: 'OK',
  Completed: 'OK',
  Cancelled: 'Warning',
  Exception: 'Critical',
} as const;

const task = resource({
  path: '/redfish/v1/TaskService/Tasks/:taskId',
  type: '#Task.v1_7_4.Task',
  privileges: { get: ['Login'], delete: cancelPrivileges },
  find: findTask,
  isSelf: ownsTask,
  read: ({ found }) => ({
    Id: found.id,
    Name: found.name,
    TaskState: found.state,
    TaskStatus: healthOf[found.state],
    PercentComplete: found.percent,
    StartTime: new Date(found.startTime).toISOString(),
    ...(found.endTime !== undefined && { EndTime: new Date(found.endTime).toISOString() }),
    HidePayload: true,
    Messages: found.messages.map(messageObject),
    // It goes with the answer that it gives.
    TaskMonitor: uriOfMonitor(found.id),
  }),
  remove,
});

/** 202 while the task runs, then what the request is answered in the end. DELETE is as that of the task. DSP0266 §13.5 */
const monitor = plain({
  path: '/redfish/v1/TaskService/TaskMonitors/:taskId',
  privileges: { get: ['Login'], delete: cancelPrivileges },
  find: findTask,
  isSelf: ownsTask,
  answer({ found }) {
    if (isRunning(found)) return accepted(found);
    if (found.result instanceof RedfishError) throw found.result;
    return found.result;
  },
  remove,
});

export const taskServiceResources: readonly Resource[] = [taskService, tasks, task, monitor];
