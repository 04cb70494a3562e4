/**
 * How much the tests of the modules notice that decide who gets in: one small change after another is made in a copy of
 * the project, and the tests that belong to the module are run. A change that none of them notices is printed.
 *
 *     npx tsx scripts/mutants.ts [--every N] [--minutes N] [part of a path …]
 *
 * `--every 5` takes each fifth change of each module, so that a short run is spread over all of them. Most changes that
 * are left are worth a look, not a test: some change nothing that anybody could see.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createVitest, type Vitest } from 'vitest/node';

const root = join(import.meta.dirname, '..');

/** Modules, and the tests that must notice. */
const modules: Readonly<Record<string, readonly string[]>> = {
  'src/bmc/guess-throttle.ts': ['unit/bmc/guess-throttle'],
  'src/bmc/password-login.ts': ['unit/bmc/password-login'],
  'src/http/same-origin.ts': ['unit/http/same-origin'],
  'src/http/sockets/tickets.ts': ['unit/http/sockets/tickets'],
  'src/ipmi/crypto/confidentiality.ts': ['unit/ipmi/crypto', 'golden/replay'],
  'src/ipmi/crypto/integrity.ts': ['unit/ipmi/crypto', 'golden/replay'],
  'src/ipmi/crypto/keys.ts': ['unit/ipmi/crypto', 'golden/replay'],
  'src/ipmi/crypto/v15-auth-code.ts': ['unit/ipmi/lan/v15', 'golden/replay'],
  'src/ipmi/in-band/vm-protocol.ts': ['unit/ipmi/in-band/vm-protocol'],
  'src/ipmi/message/message.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/message/privilege.ts': ['unit/ipmi/security/authorization', 'unit/ipmi/lan/in-session'],
  'src/ipmi/rmcp/header.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/session/packet.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/session/rakp.ts': ['unit/ipmi/session/codecs', 'golden/replay'],
  'src/ipmi/session/v15-packet.ts': ['unit/ipmi/session/codecs', 'unit/ipmi/lan/v15'],
  'src/ipmi/session/window.ts': ['unit/ipmi/session/window', 'unit/ipmi/security/replay'],
  'src/ipmi/sol/packet.ts': ['unit/ipmi/sol/packet'],
  'src/lib/same-secret.ts': ['unit/ipmi/security/constant-time', 'unit/bmc/password-login'],
};

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
const noCode = /^\s*(\*|\/\/|\/\*|import |export (type|interface)|(override )?readonly [\w#]+\??: )/;

function mutantsOf(text: string): Mutant[] {
  const lines = text.split('\n');
  return lines.flatMap((before, index) => {
    if (noCode.test(before)) return [];
    return changes.flatMap(([pattern, instead]) =>
      [...before.matchAll(pattern)].map((found) => {
        const put = instead.replace('$1', found[1] ?? '');
        const after = before.slice(0, found.index) + put + before.slice(found.index + found[0].length);
        return { line: index + 1, before, after, text: lines.toSpliced(index, 1, after).join('\n') };
      }),
    );
  });
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
    const quiet = { reporters: [{}], watch: false, project: ['unit'], maxWorkers: 1 };
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
  const chosen = Object.entries(modules).filter(
    ([module]) => positionals.length === 0 || positionals.some((part) => module.includes(part)),
  );
  const copy = new Copy();
  let [made, noticed] = [0, 0];
  try {
    for (const [module, tests] of chosen) {
      const text = readFileSync(join(root, module), 'utf8');
      if (!(await copy.passes(tests))) throw new Error(`${module}: its tests fail without any change`);
      const taken = mutantsOf(text).filter((_, index) => index % every === 0);
      let [ofModule, here] = [0, 0];
      for (const { line, before, after, text: changed } of taken) {
        if (performance.now() > endsAt) break;
        copy.write(module, changed);
        ofModule++;
        if (!(await copy.passes(tests))) here++;
        else
          process.stdout.write(
            `${module}:${line}: nobody notices\n  - ${before.trim()}\n  + ${after.trim()}\n`,
          );
      }
      copy.write(module, text);
      await copy.rest();
      process.stdout.write(`${module}: ${here} of ${ofModule} noticed\n`);
      made += ofModule;
      noticed += here;
    }
  } finally {
    await copy.end();
  }
  process.stdout.write(`${noticed} of ${made} changes noticed: ${((100 * noticed) / made).toFixed(1)} %\n`);
}

await main();
