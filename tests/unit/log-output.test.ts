import { spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LogOutput } from '../../src/log-output.ts';

/** Takes nothing before it is let. */
class SlowReader extends Writable {
  readonly lines: string[] = [];
  #open = false;
  #waiting: (() => void) | undefined;

  override _write(line: Buffer, _encoding: string, done: () => void): void {
    this.lines.push(line.toString());
    if (this.#open) done();
    else this.#waiting = done;
  }

  read(): void {
    this.#open = true;
    this.#waiting?.();
  }
}

describe('a reader of the log', () => {
  it('that takes nothing costs the lines beyond 1 MiB, and is told how many', async () => {
    const reader = new SlowReader();
    const output = new LogOutput(reader);
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 5_000; i++) output.write(line);
    expect(reader.writableLength).toBeLessThanOrEqual(1024 * 1024 + line.length);
    const { dropped } = output;
    expect(dropped).toBe(5_000 - (1024 + 1));
    const drained = new Promise<void>((resolve) => reader.once('drain', resolve));
    reader.read();
    await drained;
    output.write(line);
    await new Promise((resolve) => setImmediate(resolve));
    expect(reader.lines).toHaveLength(5_000 - dropped + 2);
    expect(JSON.parse(reader.lines.at(-2) ?? '')).toMatchObject({ level: 40, lines: dropped });
  });

  it.each([
    ['that is gone', 'destroy'],
    ['that hangs', 'hang'],
  ])('%s keeps no process from its end, nor from its work', async (_, how) => {
    const module = pathToFileURL(fileURLToPath(new URL('../../src/log-output.ts', import.meta.url))).href;
    // Says "go on" on standard error once it is logging, and logs until it is told to end.
    const program = `
      import { pino } from 'pino';
      import { LogOutput } from ${JSON.stringify(module)};
      const log = pino({ base: null }, new LogOutput());
      let turns = 0;
      setInterval(() => { for (let i = 0; i < 100; i++) log.info({ text: 'x'.repeat(1000) }, 'line'); turns++; }, 1);
      setInterval(() => process.stderr.write(turns + '\\n'), 20);
      process.on('SIGTERM', () => process.exit(7));
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      let turns = 0;
      const said = new Promise<void>((resolve) => {
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          turns = Number(text.trim().split('\n').at(-1));
          if (turns > 100) resolve();
        });
      });
      // Nothing reads a stream of Node's before it is asked to: it hangs as it is.
      if (how === 'destroy') child.stdout.destroy();
      await said;
      const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
      child.kill('SIGTERM');
      expect(await ended).toBe(7);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
