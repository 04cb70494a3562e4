/**
 * How much the tests of the modules notice that decide who gets in: one small change after another is made in a copy of
 * the project, and the tests that belong to the module are run. A change that none of them notices is printed.
 *
 *     npm run mutants -- [--every N] [--minutes N] [part of a path …]
 *
 * The modules and their tests are in tests/deciding-modules.ts. `--every 5` takes each fifth change of each module, so
 * that a short run is spread over all of them. What nobody could notice, since it comes to the same, is in the list
 * below, each with the reason, and is not made. Modules that the time does not suffice for are named as not reached.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createVitest, type Vitest } from 'vitest/node';
import { decidingModules } from '../tests/deciding-modules.ts';

const root = join(import.meta.dirname, '..');

/** A change that comes to the same, so that no test can notice it. */
interface Equivalent {
  readonly module: string;
  /** The line, without the blanks around it. */
  readonly before: string;
  readonly after: string;
  readonly why: string;
}

const equivalents: readonly Equivalent[] = [
  {
    module: 'src/lib/bytes.ts',
    before: 'const inHeapBytes = 64;',
    after: 'const inHeapBytes = (64 + 1);',
    why: 'Says how fast bytes are written, not which.',
  },
  {
    module: 'src/ipmi/message/message.ts',
    before: 'bytes[2] = checksum(bytes, 0, 2);',
    after: 'bytes[2] = checksum(bytes, 0, (2 + 1));',
    why: 'The third byte is still 0.',
  },
  {
    module: 'src/ipmi/session/sessions.ts',
    before: 'const order = ({ handle }: Session) => (handle === noHandle ? maxHandle + 1 : handle);',
    after: 'const order = ({ handle }: Session) => (handle === noHandle ? maxHandle + (1 + 1) : handle);',
    why: 'Any number above the highest handle sorts last.',
  },
  {
    module: 'src/ipmi/commands/registry.ts',
    before: 'return ((group ?? 0) << 16) | (netFn << 8) | cmd;',
    after: 'return ((group ?? 0) << 16) | (netFn << (8 + 1)) | cmd;',
    why: 'The 6 bits of a network function have room there, too.',
  },
  {
    module: 'src/http/console-session.ts',
    before: 'const maxCookieLength = 256;',
    after: 'const maxCookieLength = (256 + 1);',
    why: 'Spares the work of decrypting what is longer than any cookie of ours, and so fails.',
  },
  {
    module: 'src/ipmi/in-band/vm-protocol.ts',
    before: 'if (id === undefined || netFnLun === undefined || cmd === undefined) return undefined;',
    after: 'if (id === undefined && netFnLun === undefined || cmd === undefined) return undefined;',
    why: 'Where an earlier byte is missing, the last one is, too.',
  },
  {
    module: 'src/ipmi/in-band/vm-protocol.ts',
    before: 'if (id === undefined || netFnLun === undefined || cmd === undefined) return undefined;',
    after: 'if (id === undefined || netFnLun === undefined && cmd === undefined) return undefined;',
    why: 'A frame of one or two bytes is refused by the next line.',
  },
];

/** What stands in a line of code, and what is put in its place. */
const changes: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ <= /g, ' < '],
  [/ >= /g, ' > '],
  [/ < (?=[\w(])/g, ' <= '],
  [/ > (?=[\w(])/g, ' >= '],
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ >>> /g, ' << '],
  [/ & /g, ' | '],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/(?<=[ (])!(?=[\w(])/g, ''],
  [/(?<=[ ([])0(?=[ ,;)\]])/g, '1'],
  [/(?<=[ ([])([1-9]\d*)(?=[ ,;)\]])/g, '($1 + 1)'],
  [/^( +)(?:throw|return) .*;$/g, '$1;'],
  [/^( +)(this\.#?\w+(?:\.\w+)*\(.*\);)$/g, '$1;'],
];

interface Mutant {
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** Of the whole module. */
  readonly text: string;
}

/** Lines that only say something to readers or to the compiler. */
const noCode =
  /^\s*(\*|\/\/|\/\*|import |(export )?(type|interface) |(override )?readonly [\w#]+\??: |\[\w+ in )/;

/** @throws {Error} for an entry of the list of equivalents that is none of the module's changes any more */
function mutantsOf(module: string, text: string): Mutant[] {
  const lines = text.split('\n');
  const all = lines.flatMap((before, index) => {
    if (noCode.test(before)) return [];
    return changes.flatMap(([pattern, instead]) =>
      [...before.matchAll(pattern)].map((found) => {
        const put = instead.replace('$1', found[1] ?? '');
        const after = before.slice(0, found.index) + put + before.slice(found.index + found[0].length);
        const changed = lines.toSpliced(index, 1, after).join('\n');
        return { line: index + 1, before: before.trim(), after: after.trim(), text: changed };
      }),
    );
  });
  const known = equivalents.filter((each) => each.module === module);
  const isSame = (mutant: Mutant) => (each: Equivalent) =>
    each.before === mutant.before && each.after === mutant.after;
  const stale = known.find((each) => !all.some((mutant) => isSame(mutant)(each)));
  if (stale) throw new Error(`${module}: no change makes of «${stale.before}» «${stale.after}» any more`);
  return all.filter((mutant) => !known.some(isSame(mutant)));
}

/** Longer than any of the tests takes: a change that makes them endless has been noticed. */
const limitMs = 120_000;

/** Runs tests in a copy of the project, again and again. */
class Copy {
  readonly folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-mutants-'));
  #vitest: Vitest | undefined;

  constructor() {
    for (const name of [
      'src',
      'tests',
      'configs',
      'docs',
      'package.json',
      'vitest.config.ts',
      'tsconfig.json',
    ]) {
      cpSync(join(root, name), join(this.folder, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** @returns whether all tests in files whose paths hold one of these parts pass */
  async passes(parts: readonly string[]): Promise<boolean> {
    const quiet = { reporters: [{}], watch: false, project: ['unit'], maxWorkers: 1, bail: 1 };
    this.#vitest ??= await createVitest('test', { root: this.folder, ...quiet });
    const vitest = this.#vitest;
    const files = await vitest.globTestSpecifications([...parts]);
    if (files.length < parts.length) throw new Error(`no tests: ${parts.join(', ')}`);
    const run = vitest.runTestSpecifications(files);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limitMs);
    });
    const result = await Promise.race([run, late]);
    clearTimeout(timer);
    if (!result) {
      await this.rest();
      return false;
    }
    return result.unhandledErrors.length === 0 && result.testModules.every((each) => each.ok());
  }

  /** The same, with nothing left of earlier runs. */
  async passesAnew(parts: readonly string[]): Promise<boolean> {
    await this.rest();
    return this.passes(parts);
  }

  /** The module's text from now on. */
  write(module: string, text: string): void {
    const path = join(this.folder, module);
    writeFileSync(path, text);
    this.#vitest?.invalidateFile(path);
  }

  /** Begins anew with the next run: nothing of one module's runs is in those of the next. */
  async rest(): Promise<void> {
    const vitest = this.#vitest;
    this.#vitest = undefined;
    await vitest?.close();
  }

  async end(): Promise<void> {
    await this.rest();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const options = {
    every: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const every = Number(values.every);
  const endsAt = performance.now() + Number(values.minutes) * 60_000;
  const chosen = Object.entries(decidingModules).filter(
    ([module]) => positionals.length === 0 || positionals.some((part) => module.includes(part)),
  );
  const copy = new Copy();
  const notReached: string[] = [];
  let [made, noticed] = [0, 0];
  try {
    for (const [module, tests] of chosen) {
      const text = readFileSync(join(root, module), 'utf8');
      const taken = mutantsOf(module, text).filter((_, index) => index % every === 0);
      if (performance.now() > endsAt) {
        notReached.push(module);
        continue;
      }
      if (!(await copy.passes(tests))) throw new Error(`${module}: its tests fail without any change`);
      let [ofModule, here] = [0, 0];
      for (const { line, before, after, text: changed } of taken) {
        if (performance.now() > endsAt) break;
        copy.write(module, changed);
        ofModule++;
        // On a busy machine a run has been seen that still had the module from before: another one begins anew.
        if (!(await copy.passes(tests)) || !(await copy.passesAnew(tests))) here++;
        else process.stdout.write(`${module}:${line}: nobody notices\n  - ${before}\n  + ${after}\n`);
      }
      copy.write(module, text);
      await copy.rest();
      const left = taken.length - ofModule;
      const unmade = left > 0 ? `, ${left} not made` : '';
      process.stdout.write(`${module}: ${here} of ${ofModule} noticed${unmade}\n`);
      made += ofModule;
      noticed += here;
    }
  } finally {
    await copy.end();
  }
  for (const module of notReached) process.stdout.write(`${module}: not reached\n`);
  if (made === 0) throw new Error('no change was made');
  process.stdout.write(`${noticed} of ${made} changes noticed: ${((100 * noticed) / made).toFixed(1)} %\n`);
}

await main();
