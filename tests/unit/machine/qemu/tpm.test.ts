import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { processStat } from '../../../../src/lib/process-stat.ts';
import { TpmWatch, tpmCommand } from '../../../../src/machine/qemu/tpm.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

describe('the command of the TPM’s process', () => {
  test('names a directory that is for nobody else, and the socket', () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-tpm-'));
    try {
      const command = tpmCommand(folder, '/run/tpm.sock');
      expect(command.slice(0, 4)).toEqual(['swtpm', 'socket', '--tpm2', '--terminate']);
      expect(command).toContain(`dir=${join(folder, 'tpm')},mode=0600`);
      expect(command).toContain('type=unixio,path=/run/tpm.sock,mode=0660');
      expect(statSync(join(folder, 'tpm')).mode & 0o777).toBe(0o700);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('takes no path that would be another option', () => {
    expect(() => tpmCommand('/state', '/run/a,mode=0777')).toThrow('no comma');
    expect(() => tpmCommand('/state,backend-uri=x', '/run/tpm.sock')).toThrow('no comma');
  });
});

test('a TPM that ends is told once, and nobody is told after the watch has stopped', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const process = { pid: child.pid ?? 0, startTime: processStat(child.pid ?? 0)?.startTime ?? '' };
  const clock = new ScriptedClock();
  const told: string[] = [];
  const first = new TpmWatch(process, clock, () => told.push('first'));
  const stopped = new TpmWatch(process, clock, () => told.push('stopped'));
  first.start();
  stopped.start();
  await clock.advance(10_000);
  expect(told).toEqual([]);
  stopped.stop();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await clock.advance(10_000);
  expect(told).toEqual(['first']);
});
