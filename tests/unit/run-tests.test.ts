/** tests/run_tests.sh: its words, and that each of them leads to tests. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const script = join(root, 'tests/run_tests.sh');
const subjects = [
  'all',
  'quick',
  'container',
  'ipmi',
  'power',
  'network',
  'redfish',
  'operations',
  'sol',
  'web',
  'containerlab',
];

/** In the place of Node: prints what it was started with, one word a line, and ends with 7. */
const fakeNode = '#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-run-tests-'));
  writeFileSync(join(folder, 'node'), fakeNode);
  chmodSync(join(folder, 'node'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runTests(args: readonly string[], { cwd = root, program = script } = {}) {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  return { code: status, words: stdout.trim().split('\n'), stdout, stderr };
}

describe('tests/run_tests.sh', () => {
  test.each(subjects)('%s starts the one runner and passes its exit code on', (subject) => {
    const { code, words } = runTests([subject]);
    expect(code).toBe(7);
    expect(words[0]).toBe(join(root, 'scripts/test.mjs'));
  });

  test('runs everything when asked for all or for nothing in particular', () => {
    for (const args of [['all'], []]) expect(runTests(args).words).toEqual([join(root, 'scripts/test.mjs')]);
  });

  test('quick means the unit tests', () => {
    expect(runTests(['quick']).words.slice(1)).toEqual(['--project', 'unit']);
  });

  test.each(subjects.slice(2))('%s names files that exist, by parts of their paths', (subject) => {
    const files = testFiles();
    const parts = runTests([subject]).words.slice(1);
    expect(parts).not.toEqual([]);
    expect(parts.filter((part) => !files.some((file) => file.includes(part)))).toEqual([]);
  });

  // tests/peers/ and tests/long/ have commands of their own: npm run test:peers, npm run kill-matrix.
  test('no test of the container or with real clients is left out by all subjects', () => {
    const parts = subjects.slice(2).flatMap((subject) => runTests([subject]).words.slice(1));
    const slow = testFiles().filter((file) => !/^tests\/(unit|peers|long)\//.test(file));
    expect(slow.filter((file) => !parts.some((part) => file.includes(part)))).toEqual([]);
  });

  test('a word that it does not know is answered by the usage and code 2', () => {
    const { code, stdout, stderr } = runTests(['everything']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('no subject named everything');
    for (const subject of subjects) expect(stderr).toMatch(new RegExp(`^  ${subject} `, 'm'));
  });

  test('help is no error', () => {
    expect(runTests(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage:') });
  });

  test('works from any folder, and by a link to it', () => {
    const link = join(folder, 'link.sh');
    symlinkSync(script, link);
    for (const program of [script, link]) {
      expect(runTests(['quick'], { cwd: folder, program }).words[0]).toBe(join(root, 'scripts/test.mjs'));
    }
  });
});

function testFiles(): string[] {
  return readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `tests/${name}`);
}
