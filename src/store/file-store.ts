/**
 * The store on disk: one folder of small JSON files, each replaced whole (write aside, fsync, rename, fsync of
 * the folder), and of JSON-lines files for records. Every value carries a checksum. What is damaged is set aside
 * under a name of its own and reported; it is never guessed at.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { BmcError } from '../bmc/errors.ts';
import type { Store } from '../bmc/store.ts';

export interface DamageReport {
  /** Name of the damaged file. */
  readonly file: string;
  /** Where it, or what could not be read of it, is kept. */
  readonly keptAs: string;
  readonly reason: string;
}

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

  const read = (file: string): string | undefined => {
    try {
      return readFileSync(join(folder, file), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      setAside(file, `cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  };
  const setAside = (file: string, reason: string): void => {
    const keptAs = `${file}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    renameSync(join(folder, file), join(folder, keptAs));
    damaged({ file, keptAs, reason });
  };
  const replace = (file: string, content: string): void => {
    const target = join(folder, file);
    const aside = `${target}.new`;
    const descriptor = openSync(aside, 'w', 0o600);
    try {
      writeWhole(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(aside, target);
    syncFolder(folder);
  };

  return {
    load<T>(name: string): T | undefined {
      const content = read(`${name}.json`);
      if (content === undefined) return undefined;
      try {
        return open<T>(content);
      } catch (error) {
        setAside(`${name}.json`, messageOf(error));
        return undefined;
      }
    },
    save(name, value) {
      attempt(name, () => replace(`${name}.json`, `${seal(value)}\n`));
    },
    records<T>(name: string): T[] {
      const file = `${name}.jsonl`;
      const content = read(file);
      if (content === undefined) return [];
      const good: T[] = [];
      let firstBad: string | undefined;
      for (const line of content.split('\n')) {
        if (line === '') continue;
        try {
          good.push(open<T>(line));
        } catch (error) {
          firstBad ??= messageOf(error);
        }
      }
      if (firstBad !== undefined || (content !== '' && !content.endsWith('\n'))) {
        setAside(file, firstBad ?? 'the last record has no end');
        replace(file, good.map((record) => `${seal(record)}\n`).join(''));
      }
      return good;
    },
    append(name, record) {
      attempt(name, () => {
        const descriptor = openSync(join(folder, `${name}.jsonl`), 'a', 0o600);
        try {
          writeWhole(descriptor, `${seal(record)}\n`);
          fsyncSync(descriptor);
        } finally {
          closeSync(descriptor);
        }
      });
    },
    rewrite(name, records) {
      attempt(name, () => replace(`${name}.jsonl`, records.map((record) => `${seal(record)}\n`).join('')));
    },
  };

  function attempt(name: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      rmSync(join(folder, `${name}.json.new`), { force: true });
      const full = ['ENOSPC', 'EDQUOT', 'EROFS'].includes(codeOf(error) ?? '');
      throw new BmcError(full ? 'no-space' : 'timed-out', `state ${name} not saved: ${messageOf(error)}`, {
        cause: error,
      });
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

function writeWhole(descriptor: number, content: string): void {
  const raw = Buffer.from(content, 'utf8');
  for (let offset = 0; offset < raw.length; ) offset += writeSync(descriptor, raw, offset);
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
