import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishError } from '../../../src/redfish/errors.ts';
import { message } from '../../../src/redfish/messages.ts';
import {
  accepted,
  keptS,
  type Task,
  type TaskProgress,
  uriOfMonitor,
  uriOfTask,
  WorkCancelled,
} from '../../../src/redfish/tasks.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

const actor = { name: 'admin', face: 'redfish' } as const;

/** Work that a test does step by step. */
interface Script {
  readonly task: Task;
  readonly progress: TaskProgress;
  readonly cancelled: AbortSignal;
  finish(outcome?: { status: number; body: { Answer: string } }): void;
  fail(error: unknown): void;
}

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const settle = async () => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
};

async function script(userId?: number): Promise<Script> {
  let begun: Omit<Script, 'task'> | undefined;
  const task = bench.redfish.state.tasks.start({
    name: 'Scripted work',
    actor,
    userId,
    run: (progress, cancelled) =>
      new Promise((resolve, reject) => {
        cancelled.addEventListener('abort', () => reject(new Error('cancelled')));
        begun = { progress, cancelled, finish: resolve, fail: reject };
      }),
  });
  await settle();
  if (!begun) throw new Error('the work has not begun');
  return { task, ...begun };
}

describe('a task', () => {
  it('shows its progress, answers 202 until it is over, then what the request is answered', async () => {
    const { task, progress, finish } = await script();
    expect(accepted(task)).toMatchObject({ status: 202, headers: { location: uriOfMonitor(task.id) } });
    progress.percent(41.7);
    progress.percent(12);
    progress.say(message('Success'));
    const running = await bench.ask('GET', uriOfTask(task.id));
    expect(running.body).toMatchObject({ TaskState: 'Running', TaskStatus: 'OK', PercentComplete: 41 });
    expect(running.body.Messages).toHaveLength(1);
    if (!noSchemas) expect(schemaProblems(running.body)).toEqual([]);
    const waiting = await bench.ask('GET', running.body.TaskMonitor);
    expect(waiting.status).toBe(202);
    expect(waiting.headers.location).toBe(running.body.TaskMonitor);

    finish({ status: 200, body: { Answer: 'done' } });
    await settle();
    const over = await bench.ask('GET', uriOfTask(task.id));
    expect(over.body).toMatchObject({ TaskState: 'Completed', PercentComplete: 100 });
    expect(over.body.EndTime).toBeDefined();
    if (!noSchemas) expect(schemaProblems(over.body)).toEqual([]);
    expect(await bench.ask('GET', running.body.TaskMonitor)).toMatchObject({
      status: 200,
      body: { Answer: 'done' },
    });
  });

  it('that failed says why, in the monitor as well', async () => {
    const { task, fail } = await script();
    fail(new RedfishError(message('InsufficientStorage')));
    await settle();
    const { body } = await bench.ask('GET', uriOfTask(task.id));
    expect(body).toMatchObject({ TaskState: 'Exception', TaskStatus: 'Critical' });
    expect(body.Messages.at(-1).MessageId).toMatch(/InsufficientStorage$/);
    expect((await bench.ask('GET', uriOfMonitor(task.id))).status).toBe(507);
  });

  it('is cancelled by DELETE, by its owner or an administrator', async () => {
    const operator = bench.bmc.users.findByName('operator');
    const { task, cancelled } = await script(operator?.id);
    expect((await bench.ask('DELETE', uriOfTask(task.id), { as: 'reader' })).status).toBe(403);
    expect(cancelled.aborted).toBe(false);
    expect((await bench.ask('DELETE', uriOfTask(task.id), { as: 'operator' })).status).toBe(202);
    await settle();
    expect(cancelled.aborted).toBe(true);
    const { body } = await bench.ask('GET', uriOfTask(task.id));
    expect(body).toMatchObject({ TaskState: 'Cancelled', TaskStatus: 'Warning' });
    expect(body.Messages).toHaveLength(1);
    expect(body.Messages[0]).toMatchObject({
      MessageId: 'TaskEvent.1.0.TaskCancelled',
      MessageArgs: [task.id],
      MessageSeverity: 'Warning',
    });
    if (!noSchemas) expect(schemaProblems(body)).toEqual([]);
    const gone = await bench.ask('GET', uriOfMonitor(task.id));
    expect([gone.status, gone.body.error.code]).toEqual([410, 'TaskEvent.1.0.TaskCancelled']);
    // The one that is over goes.
    expect((await bench.ask('DELETE', uriOfTask(task.id))).status).toBe(204);
    expect((await bench.ask('GET', uriOfTask(task.id))).status).toBe(404);
  });

  it('is cancelled by DELETE of its monitor as well, with the same rights', async () => {
    const operator = bench.bmc.users.findByName('operator');
    const { task, cancelled } = await script(operator?.id);
    const monitor = uriOfMonitor(task.id);
    expect((await bench.ask('DELETE', monitor, { as: 'reader' })).status).toBe(403);
    expect(cancelled.aborted).toBe(false);
    const reply = await bench.ask('DELETE', monitor, { as: 'operator' });
    expect([reply.status, reply.headers.location]).toEqual([202, monitor]);
    await settle();
    expect((await bench.ask('GET', uriOfTask(task.id))).body.TaskState).toBe('Cancelled');
    // The one that is over goes, and its monitor with it.
    expect((await bench.ask('DELETE', monitor)).status).toBe(204);
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await bench.ask(method, monitor)).status).toBe(404);
    }
    expect((await bench.ask('GET', uriOfTask(task.id))).status).toBe(404);
    const other = await bench.ask('PATCH', uriOfMonitor((await script()).task.id), { body: {} });
    expect([other.status, other.headers.allow]).toEqual([405, 'GET, HEAD, DELETE']);
  });

  it('whose work is called off by another way is cancelled, and has not failed', async () => {
    const { task, fail } = await script();
    fail(new WorkCancelled('not wanted any more'));
    await settle();
    const { body } = await bench.ask('GET', uriOfTask(task.id));
    expect(body).toMatchObject({ TaskState: 'Cancelled', TaskStatus: 'Warning' });
    const told = bench.redfish.state.happenings
      .since(0)
      .filter(({ origin }) => origin === uriOfTask(task.id));
    expect(told.map(({ messageId }) => messageId)).toEqual([
      'TaskEvent.1.0.TaskStarted',
      'TaskEvent.1.0.TaskCancelled',
    ]);
  });

  it('is told by events, and forgotten after a while', async () => {
    const { task, finish } = await script();
    finish();
    await settle();
    const ids = bench.redfish.state.happenings
      .since(0)
      .filter(({ origin }) => origin === uriOfTask(task.id))
      .map(({ messageId }) => messageId);
    expect(ids).toEqual(['TaskEvent.1.0.TaskStarted', 'TaskEvent.1.0.TaskCompletedOK']);
    bench.clock.advance(keptS * 1000 - 1);
    expect((await bench.ask('GET', uriOfTask(task.id))).status).toBe(200);
    bench.clock.advance(1);
    expect((await bench.ask('GET', uriOfTask(task.id))).status).toBe(404);
  });

  it('is one of 16 that run at most, and of 64 in all', async () => {
    const running = [];
    for (let i = 0; i < 16; i++) running.push(await script());
    await expect(script()).rejects.toThrow(RedfishError);
    for (const { finish } of running) finish();
    await settle();
    for (let i = 0; i < 60; i++) {
      (await script()).finish();
      await settle();
    }
    expect((await bench.ask('GET', '/redfish/v1/TaskService/Tasks')).body['Members@odata.count']).toBe(64);
  });
});
