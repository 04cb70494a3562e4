// A Docker engine for the container tests: the one that runs, or one that is installed and started here, by root
// alone. Without one the tests are skipped and say why, so that nothing here is an error.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const startLimitMs = 30_000;

/**
 * @param {object} options
 * @param {string} options.root the project's directory
 * @param {(line: string) => void} options.say gets progress lines
 * @returns {Promise<() => void>} ends the engine if it was started here
 */
export async function dockerForTests({ root, say }) {
  const nothing = () => {};
  if (answers() || process.getuid?.() !== 0) return nothing;
  // Where a machine's own tool starts an engine, it knows the machine's peculiarities.
  const tool = join(root, '../shared/tools/base-images');
  if (existsSync(tool)) {
    say('starting a Docker engine');
    if (run(tool, '--start-dockerd') && answers()) return () => run(tool, '--stop-dockerd');
    return nothing;
  }
  if (!installed('dockerd') && !install(say)) return nothing;
  if (run('systemctl', 'is-system-running') && run('systemctl', 'start', 'docker') && answers())
    return nothing;
  return (await start(say)) ?? nothing;
}

function install(say) {
  if (!installed('apt-get')) return false;
  say('installing system packages: docker.io');
  const apt = (...args) =>
    run('env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=600', '-q', ...args);
  const packages = ['install', '-y', '--no-install-recommends', 'docker.io', 'docker-cli', 'iptables'];
  // The client is a package of its own in newer Debians only.
  const older = packages.filter((name) => name !== 'docker-cli');
  const done = apt(...older) || (apt('update') && (apt(...packages) || apt(...older)));
  if (!done) say('docker.io cannot be installed; the container tests will be skipped');
  return done;
}

/** @returns {Promise<(() => void) | undefined>} */
async function start(say) {
  say('starting a Docker engine');
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-dockerd-'));
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const engine = spawn('dockerd', [], { stdio: ['ignore', output, output], detached: true });
  let ended = false;
  engine.once('error', () => {
    ended = true;
  });
  engine.once('exit', () => {
    ended = true;
  });
  const stop = () => {
    if (!ended) engine.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + startLimitMs;
  while (!ended && performance.now() < deadline) {
    if (answers()) {
      engine.unref();
      return stop;
    }
    await sleep(250);
  }
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const said = lines.findLast((line) => line.includes('failed')) ?? lines.at(-1);
  say(`no Docker engine can be started here, so the container tests will be skipped: ${said}`);
  stop();
  return undefined;
}

function answers() {
  return run('docker', 'version');
}

function installed(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

function run(program, ...args) {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 300_000 }).status === 0;
}
