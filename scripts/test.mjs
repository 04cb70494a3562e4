#!/usr/bin/env node
// Sets up what is missing, then runs all tests. Arguments go to vitest. Ends with one line of numbers.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerForTests } from './docker.mjs';
import { command, root, setup } from './setup.mjs';

await command(async () => {
  await setup({ test: true });
  const stopDocker = await dockerForTests({ root, say: (line) => process.stdout.write(`test: ${line}\n`) });
  const directory = mkdtempSync(join(tmpdir(), 'qemu-bmc-test-'));
  try {
    const report = join(directory, 'report.json');
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await vitest([...args, ...withoutTheLong(process.argv.slice(2))]);
    if (!existsSync(report)) {
      process.stdout.write('test: ended without a report: interrupted, or vitest did not start\n');
      return code || 1;
    }
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    // A file that cannot even be loaded has no tests to count, but has failed.
    const broken = testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    );
    const skipped = numPendingTests + numTodoTests;
    const failed = numFailedTests + broken.length;
    process.stdout.write(
      `${numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
    );
    return code === 0 && failed > 0 ? 1 : code;
  } finally {
    stopDocker();
    rmSync(directory, { recursive: true, force: true });
  }
});

/** What takes long to install or to run has commands of its own: `npm run test:peers`, `npm run test:long`. */
function withoutTheLong(words) {
  const chosen = words.some((word) => word.startsWith('--project'));
  // Named one by one: of two projects that are left out, vitest takes each for what the other does not leave out.
  return chosen ? words : ['unit', 'e2e', 'container'].map((name) => `--project=${name}`).concat(words);
}

function vitest(args) {
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => child.kill(name));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
