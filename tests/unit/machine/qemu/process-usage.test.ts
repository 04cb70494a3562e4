import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ProcessRef, processUsage } from '../../../../src/machine/qemu/process.ts';

function thisProcess(): ProcessRef {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  if (startTime === undefined) throw new Error('no start time');
  return { pid: process.pid, startTime };
}

test('a process is told by what it has used, as the kernel tells itself', async () => {
  const usage = await processUsage(thisProcess());
  const { user, system } = process.cpuUsage();
  expect(usage?.cpuSeconds).toBeGreaterThan(0);
  expect(Math.abs((usage?.cpuSeconds ?? 0) - (user + system) / 1e6)).toBeLessThan(0.5);
  const residentMb = process.memoryUsage.rss() / 1024 / 1024;
  expect(Math.abs((usage?.residentMb ?? 0) - residentMb)).toBeLessThan(residentMb * 0.2);
});

test('a process that has ended, or whose number another has, has used nothing', async () => {
  expect(await processUsage({ ...thisProcess(), startTime: '1' })).toBeUndefined();
  expect(await processUsage({ pid: 2 ** 22 - 1, startTime: '1' })).toBeUndefined();
});
