/** The programs in C of these benchmarks, compiled when they are needed. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** What a benchmark needs is not there; the message says how to get it. */
export class MissingError extends Error {
  override readonly name = 'MissingError';
}

/**
 * @param source from this folder on
 * @param folder where the program goes
 * @returns its path
 * @throws {MissingError} without a compiler or a header file
 */
export function compile(source: string, folder: string, ...libraries: readonly string[]): string {
  const program = join(folder, source.replaceAll(/[/.]/g, '-'));
  try {
    execFileSync('gcc', ['-O2', '-o', program, join(here, source), ...libraries.map((name) => `-l${name}`)], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    if (code !== 'ENOENT' && !/No such file|cannot find -l/.test(stderr ?? '')) throw error;
    const why = `${source} was not compiled: ${code ?? stderr}`;
    throw new MissingError(`${why}\napt-get install gcc libc6-dev libssl-dev`);
  }
  return program;
}
