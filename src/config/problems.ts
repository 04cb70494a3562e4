/** Collects what is wrong with a configuration, so that it is said all at once, and the words for saying it. */
import { relative } from 'node:path';
import { type Origins, originOf } from './origins.ts';

/** Everything that is wrong with a configuration, one line each. Never holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const [only] = problems;
    super(
      problems.length === 1
        ? `configuration: ${only}`
        : `configuration: ${problems.length} problems\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

export class Problems {
  readonly origins: Origins = new Map();
  readonly #file: string;
  readonly #list: string[] = [];

  constructor(file: string) {
    const short = relative(process.cwd(), file);
    this.#file = short.startsWith('..') ? file : short;
  }

  /** @param got shown as it is: mask secrets before */
  add(path: string, expected: string, got: string): void {
    this.say(path, `expected ${expected}, got ${got}`);
  }

  say(path: string, text: string): void {
    this.#list.push(`${this.#where(path)}: ${text}`);
  }

  /** Only a file can have a key that nobody knows. */
  unknown(path: string, known: readonly string[]): void {
    this.#list.push(`${this.#file}: ${path}: not a setting; here are ${known.join(', ')}`);
  }

  throwIfAny(): void {
    if (this.#list.length > 0) throw new ConfigError(this.#list);
  }

  #where(path: string): string {
    const origin = originOf(this.origins, path);
    if (origin === undefined) return path === '' ? this.#file : path;
    return origin === 'file' ? `${this.#file}: ${path}` : `${origin} (${path})`;
  }
}

export function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return { string: 'text', number: 'a number', boolean: 'true or false', object: 'a mapping' }[
    typeof value as 'string'
  ];
}

/** A value as the user wrote it, shortened. Not for secrets. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT'
    ? 'no such file'
    : code === 'EACCES'
      ? 'permission denied'
      : (code ?? error.message);
}

export function attempt<T>(run: () => T): T | Error {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
