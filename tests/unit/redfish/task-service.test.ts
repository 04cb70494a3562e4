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
    expect((await bench.ask('GET', uriOfTask(task.id))).body.TaskState).toBe('Cancelled');
    expect((await bench.ask('GET', uriOfMonitor(task.id))).status).toBe(410);
    // The one that is over goes.
    expect((await bench.ask('DELETE', uriOfTask(task.id))).status).toBe(204);
    expect((await bench.ask('GET', uriOfTask(task.id))).status).toBe(404);
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
