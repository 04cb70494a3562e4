/**
 * The store on disk: one folder of small JSON files, each replaced whole (write aside, fsync, rename, fsync of
 * the folder), and of JSON-lines files for records. Every value carries a checksum. What is damaged is set aside
 * under a name of its own and reported; it is never guessed at.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BmcError, savingError } from '../bmc/errors.ts';
import type { Store } from '../bmc/store.ts';
import { replaceFile, syncFolder } from '../lib/replace-file.ts';

export interface DamageReport {
  /** Name of the damaged file. */
  readonly file: string;
  /** Where it, or what could not be read of it, is kept. */
  readonly keptAs: string;
  readonly reason: string;
}

const newline = 0x0a;

/**
 * @param folder made with mode 0700 when absent; must belong to this user and be closed to others, whom it may let
 *   pass through to a file that it does not keep (0710)
 * @param damaged told of each damaged file as it is found
 * @throws {BmcError} `not-permitted` when the folder is not ours alone
 */
export function fileStore(folder: string, damaged: (report: DamageReport) => void): Store {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const state = statSync(folder);
  if (process.getuid && state.uid !== process.getuid()) {
    throw new BmcError('not-permitted', `state folder ${folder} belongs to user ${state.uid}, not to us`);
  }
  if ((state.mode & 0o067) !== 0) {
    throw new BmcError('not-permitted', `state folder ${folder} is open to others (chmod 700 ${folder})`);
  }

  /** Damaged files that could not be set aside, and where each is to go before anything takes its place. */
  const inTheWay = new Map<string, string>();
  /** Files whose end is what a failed write has left there: their length without it. */
  const torn = new Map<string, number>();
  const everDamaged = new Set<string>();
  const pathOf = (file: string) => join(folder, file);

  const read = (file: string): Buffer | undefined => {
    try {
      return readFileSync(pathOf(file));
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (code === 'ENOENT') return undefined;
      // Of this moment, not of the file.
      if (['EMFILE', 'ENFILE', 'ENOMEM'].includes(code)) throw error;
      setAside(file, `cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  };
  const setAside = (file: string, reason: string): void => {
    const keptAs = nameAside(file);
    everDamaged.add(file);
    try {
      renameSync(pathOf(file), pathOf(keptAs));
      damaged({ file, keptAs, reason });
    } catch (error) {
      inTheWay.set(file, keptAs);
      damaged({ file, keptAs: file, reason: `${reason}; cannot be set aside: ${messageOf(error)}` });
    }
  };
  const nameAside = (file: string): string => {
    const name = `${file}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    for (let number = 2; ; number++) {
      const candidate = number === 2 ? name : `${name}-${number}`;
      if (!existsSync(pathOf(candidate))) return candidate;
    }
  };
  const clearTheWay = (file: string): void => {
    const keptAs = inTheWay.get(file);
    if (keptAs === undefined) return;
    renameSync(pathOf(file), pathOf(keptAs));
    inTheWay.delete(file);
  };
  const replace = (file: string, content: string): void => {
    clearTheWay(file);
    replaceFile(pathOf(file), content);
    torn.delete(file);
  };

  return {
    load<T>(name: string): T | undefined {
      const file = `${name}.json`;
      const content = inTheWay.has(file) ? undefined : read(file);
      try {
        if (content !== undefined) return open<T>(content.toString('utf8'));
      } catch (error) {
        setAside(file, messageOf(error));
      }
      return undefined;
    },
    wasDamaged: (name) => everDamaged.has(`${name}.json`),
    save(name, value) {
      attempt(name, () => replace(`${name}.json`, `${seal(value)}\n`));
    },
    records<T>(name: string): T[] {
      const file = `${name}.jsonl`;
      const content = inTheWay.has(file) ? undefined : read(file);
      if (content === undefined) return [];
      const good: T[] = [];
      let firstBad: string | undefined;
      for (const line of content.toString('utf8').split('\n')) {
        if (line === '') continue;
        try {
          good.push(open<T>(line));
        } catch (error) {
          firstBad ??= messageOf(error);
        }
      }
      if (firstBad !== undefined || (content.length > 0 && content.at(-1) !== newline)) {
        mend(file, content, firstBad ?? 'the last record has no end', good);
      }
      return good;
    },
    append(name, record) {
      attempt(name, () => append(`${name}.jsonl`, `${seal(record)}\n`));
    },
    rewrite(name, records) {
      attempt(name, () => replace(`${name}.jsonl`, records.map((record) => `${seal(record)}\n`).join('')));
    },
  };

  /** Leaves the good records alone in the file. Where that cannot be written, the file stays as it is. */
  function mend(file: string, content: Buffer, reason: string, good: readonly unknown[]): void {
    const keptAs = nameAside(file);
    try {
      linkSync(pathOf(file), pathOf(keptAs));
      replace(file, good.map((record) => `${seal(record)}\n`).join(''));
      damaged({ file, keptAs, reason });
    } catch (error) {
      // What comes next must not be written onto half a record.
      torn.set(file, content.lastIndexOf(newline) + 1);
      damaged({ file, keptAs: file, reason: `${reason}; cannot be mended: ${messageOf(error)}` });
    }
  }

  /** Whole or not at all, like a replacement: what a failed write has left is taken away again. */
  function append(file: string, line: string): void {
    clearTheWay(file);
    const descriptor = openSync(pathOf(file), 'a', 0o600);
    try {
      const before = torn.get(file) ?? fstatSync(descriptor).size;
      try {
        if (torn.has(file)) ftruncateSync(descriptor, before);
        torn.set(file, before);
        writeFileSync(descriptor, line);
        fsyncSync(descriptor);
        if (before === 0) syncFolder(folder);
      } catch (error) {
        ftruncateSync(descriptor, before);
        throw error;
      }
      torn.delete(file);
    } finally {
      closeSync(descriptor);
    }
  }

  function attempt(name: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      throw savingError(`state ${name} not saved`, error);
    }
  }
}

/** `{"sha256":"…","value":…}` on one line. */
function seal(value: unknown): string {
  const json = JSON.stringify(value);
  return `{"sha256":"${checksum(json)}","value":${json}}`;
}

function open<T>(line: string): T {
  const sealed: unknown = JSON.parse(line);
  if (typeof sealed !== 'object' || sealed === null || !('sha256' in sealed) || !('value' in sealed)) {
    throw new Error('no checksum and value');
  }
  if (checksum(JSON.stringify(sealed.value)) !== sealed.sha256) throw new Error('the checksum does not fit');
  return sealed.value as T;
}

function checksum(json: string): string {
  return createHash('sha256').update(json).digest('hex');
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
