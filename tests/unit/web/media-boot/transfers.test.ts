import { describe, expect, it } from 'vitest';
import { moved } from '../../../../src/web/pages/media-boot/moved.ts';
import type { Task } from '../../../../src/web/pages/media-boot/schema.ts';
import { isUnderWay, transferOf } from '../../../../src/web/pages/media-boot/transfers.ts';

function task(Name: string, StartTime: string, TaskState: Task['TaskState'] = 'Running'): Task {
  return { '@odata.id': `/tasks/${StartTime}`, Id: StartTime, Name, StartTime, TaskState };
}

describe('transfers', () => {
  const tasks = [
    task('Image for the Virtual CD', '2026-01-01T00:00:02Z'),
    task('Image for the Virtual CD', '2026-01-01T00:00:01Z', 'Exception'),
    task('Image for the Virtual USB stick', '2026-01-01T00:00:09Z'),
    task('Firmware', '2026-01-01T00:00:10Z'),
  ];

  it('are found by the drive that they are for, the latest one', () => {
    expect(transferOf(tasks, 'Virtual CD')?.Id).toBe('2026-01-01T00:00:02Z');
    expect(transferOf([...tasks].reverse(), 'Virtual CD')?.Id).toBe('2026-01-01T00:00:02Z');
    expect(transferOf([], 'Virtual CD')).toBeUndefined();
  });

  it('are under way until they have ended', () => {
    const states = ['Running', 'Cancelling', 'Completed', 'Exception', 'Cancelled'] as const;
    expect(states.map((state) => isUnderWay(task('', '', state)))).toEqual([true, true, false, false, false]);
  });
});

describe('boot order', () => {
  it('moves an entry up and down, and nowhere else', () => {
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b']);
    expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
    expect(moved(['a', 'b', 'c'], 0, -1)).toEqual(['a', 'b', 'c']);
    expect(moved(['a', 'b', 'c'], 2, 3)).toEqual(['a', 'b', 'c']);
  });
});
