import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { type Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { LogOutput } from '../../src/log-output.ts';

/** Takes nothing before it is let. */
class SlowReader extends Writable {
  readonly writes: string[] = [];
  #open = false;
  #waiting: (() => void) | undefined;

  override _write(line: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(line.toString());
    if (this.#open) done();
    else this.#waiting = done;
  }

  get lines(): readonly string[] {
    return this.writes.join('').trim().split('\n');
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
    reader.read();
    await vi.waitFor(() => expect(reader.lines).toHaveLength(5_000 - dropped));
    output.write(line);
    await vi.waitFor(() => expect(reader.lines).toHaveLength(5_000 - dropped + 2));
    expect(JSON.parse(reader.lines.at(-2) ?? '')).toMatchObject({ level: 40, lines: dropped });
  });

  it('gets the first line at once, and those right behind it together', async () => {
    const reader = new SlowReader();
    reader.read();
    const output = new LogOutput(reader);
    output.write('first\n');
    expect(reader.writes).toEqual(['first\n']);
    for (const line of ['second\n', 'third\n']) output.write(line);
    expect(reader.writes).toEqual(['first\n']);
    await vi.waitFor(() => expect(reader.writes).toEqual(['first\n', 'second\nthird\n']));
    // Nothing for a while: the next one goes out at once again.
    await vi.waitFor(() => {
      const before = reader.writes.length;
      output.write('later\n');
      expect(reader.writes).toHaveLength(before + 1);
    });
  });

  it.each([
    ['at an exit', 'process.exit(3)', 3],
    ['at the end of its work', 'process.exitCode = 4', 4],
    ['at an error that nobody caught', "throw new Error('nobody caught this')", 1],
    ['at a promise that nobody caught', "void Promise.reject(new Error('nor this'))", 1],
  ])('gets every line of a process that ends %s', async (_, end, code) => {
    const child = logging(`for (let i = 0; i < 1000; i++) log.info({ i }, 'line'); ${end};`);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    child.stderr.resume();
    const ended = await new Promise((resolve) => child.once('close', resolve));
    expect(ended).toBe(code);
    const lines = text.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { i: number }).i)).toEqual([...Array(1000).keys()]);
  });

  it.each([
    ['that is gone', 'destroy'],
    ['that hangs', 'hang'],
  ])('%s keeps no process from its end, nor from its work', async (_, how) => {
    // Says how often it had its turn on standard error, and logs until it is told to end.
    const child = logging(`
      let turns = 0;
      setInterval(() => { for (let i = 0; i < 100; i++) log.info({ text: 'x'.repeat(1000) }, 'line'); turns++; }, 1);
      setInterval(() => process.stderr.write(turns + '\\n'), 20);
      process.on('SIGTERM', () => process.exit(7));
    `);
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

/** A process of which `program` has a log, `log`. */
function logging(program: string): ChildProcessByStdio<null, Readable, Readable> {
  const module = pathToFileURL(fileURLToPath(new URL('../../src/log-output.ts', import.meta.url))).href;
  const whole = `
    import { pino } from 'pino';
    import { LogOutput } from ${JSON.stringify(module)};
    const log = pino({ base: null }, new LogOutput());
    ${program}
  `;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', whole], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
