/**
 * The whole appliance in the foreground: a private run directory, pm2 in it, the BMC and QEMU under pm2, a
 * readable block when the BMC answers, and an orderly end by which nothing stays behind.
 *
 *   preparing ──▶ starting ──▶ running ──signal, or pm2's end──▶ stopping ──▶ gone
 *                     └────────── failure ──────────────────────────▲
 *
 * pm2 is a separate program in a session of its own, so that Ctrl-C on a terminal reaches only us: we tell the
 * BMC, which shuts the guest down, and end pm2 after it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { announcement } from './announcement.ts';
import type { Config } from './config/config.ts';
import { BmcExit, preparePrivateDirectory, type RunFiles, readStatus, runFiles } from './config/run-files.ts';
import { ConsoleLog } from './console-log.ts';
import { probeLan } from './ipmi/lan-probe.ts';
import { processStat } from './lib/process-stat.ts';
import { bmcProgram, checkPorts, prepareRun, RunError } from './prepare.ts';
import { isAlive, processesOf, signal } from './processes.ts';
import { StopRequest } from './stop-request.ts';
import { Pm2Supervisor } from './supervise/pm2.ts';

export interface RunOptions {
  readonly config: Config;
  /** The program itself: a Node script that knows the command `bmc`. */
  readonly script: string;
}

/** From SIGTERM on, what the BMC may need over the guest's grace, and from force on. */
const stopMarginMs = 15_000;
const forceMarginMs = 5_000;
const readyLimitMs = 60_000;
const settleLimitMs = 2_500;

/** Runs until stopped. @returns the exit code: 0 after an orderly stop that was asked for */
export async function run(options: RunOptions): Promise<number> {
  const stopping = new StopRequest();
  try {
    return await runUntil(stopping, options);
  } finally {
    stopping.dispose();
  }
}

async function runUntil(stopping: StopRequest, { config, script }: RunOptions): Promise<number> {
  const { runDir, stateDir } = config.bmc;
  const files = runFiles(runDir);
  try {
    preparePrivateDirectory(stateDir);
    preparePrivateDirectory(runDir);
  } catch (error) {
    throw new RunError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  await takeOver(config, files, stopping);
  const log = new ConsoleLog(join(stateDir, 'log'), config.bmc.logLevel);
  let pm2: ChildProcess | undefined;
  let failure: unknown;
  try {
    await checkPorts(config);
    pm2 = startSupervisor(config, script, log);
    failure = await serve(config, files, pm2, stopping);
  } catch (error) {
    failure = error;
  }
  if (failure !== undefined) {
    log.say(`qemu-bmc: ${failure instanceof Error ? failure.message : String(failure)}`);
  } else log.say('qemu-bmc: stopping; the guest is being shut down (again Ctrl-C: at once)');
  log.programsOnly();
  const killed = await endAll(config, pm2, stopping);
  for (const line of killed) log.say(`qemu-bmc: had to kill ${line}`);
  rmSync(runDir, { recursive: true, force: true });
  if (failure === undefined) log.say('qemu-bmc: stopped');
  log.close();
  return failure === undefined ? 0 : 1;
}

/** Makes the run directory ours; ends what an owner that was killed has left. */
async function takeOver(config: Config, files: RunFiles, stopping: StopRequest): Promise<void> {
  const { runDir } = config.bmc;
  const [pid, started] = existsSync(files.owner) ? readFileSync(files.owner, 'latin1').trim().split(' ') : [];
  if (pid && started && Number(pid) !== process.pid && processStat(Number(pid))?.startTime === started) {
    throw new RunError(
      `already running: process ${pid} uses ${runDir} (another STATE_DIR makes another appliance)`,
    );
  }
  if (processesOf(runDir).length > 0) {
    process.stderr.write('qemu-bmc: an earlier run was killed; ending in order what it has left\n');
    await endAll(config, undefined, stopping);
  }
  rmSync(runDir, { recursive: true, force: true });
  preparePrivateDirectory(runDir);
  writeFileSync(files.owner, `${process.pid} ${processStat(process.pid)?.startTime}\n`, { mode: 0o600 });
}

function startSupervisor(config: Config, script: string, log: ConsoleLog): ChildProcess {
  const { env, command } = prepareRun(config, { script });
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout?.on('data', (data: Buffer) => log.write(data));
  child.stderr?.on('data', (data: Buffer) => log.write(data));
  return child;
}

/** @returns why it ended; undefined when that was asked for */
async function serve(
  config: Config,
  files: RunFiles,
  pm2: ChildProcess,
  stopping: StopRequest,
): Promise<Error | undefined> {
  const ended = new Promise<Error>((resolve) => {
    pm2.once('error', (error) => resolve(new RunError(`pm2-runtime: ${error.message}`)));
    pm2.once('exit', (code, name) => resolve(new RunError(`pm2-runtime ended by itself (${name ?? code})`)));
  });
  const stop = stopping.stop.then(() => undefined);
  const hopeless = watchBmc(files, stopping);
  const waiting = new AbortController();
  const ready = untilReady(config, stopping, waiting.signal).then((answers) =>
    answers ? 'ready' : new RunError(`the BMC does not answer within ${readyLimitMs / 1000} s`),
  );
  const first = await Promise.race([ended, stop, hopeless, ready]);
  waiting.abort();
  if (first !== 'ready') return first;
  await machineSettles(config, stopping);
  process.stdout.write(announcement(config, readStatus(config.bmc.runDir)));
  return Promise.race([ended, stop, hopeless]);
}

/** Waits until the BMC says that it has started, and answers as any client sees it. */
async function untilReady(
  { bmc, ipmi }: Config,
  stopping: StopRequest,
  givenUp: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + readyLimitMs;
  const over = () => stopping.asked || givenUp.aborted;
  const target = { address: bmc.address, port: ipmi.port };
  const { present } = await probeLan(target, readyLimitMs, over);
  while (present && readStatus(bmc.runDir) === undefined && !over() && performance.now() < deadline) {
    await sleep(25);
  }
  return present && readStatus(bmc.runDir) !== undefined;
}

/** Gives the machine a moment to come up, so that the block can say how it runs. */
async function machineSettles({ bmc }: Config, stopping: StopRequest): Promise<void> {
  const deadline = performance.now() + settleLimitMs;
  while (!stopping.asked && performance.now() < deadline) {
    const state = readStatus(bmc.runDir)?.machine?.state;
    if (state === 'on' || state === 'off') return;
    await sleep(25);
  }
}

/**
 * pm2 restarts a BMC that falls; this tells when the BMC itself has given up. With a growing restart delay pm2 7 goes
 * on saying `waiting restart` of a program whose exit code it takes as final, so that the code is what counts.
 */
async function watchBmc(files: RunFiles, stopping: StopRequest): Promise<Error> {
  const program = new Pm2Supervisor(files.pm2Home, bmcProgram);
  for (let gone = 0; ; ) {
    await sleep(500, undefined, { ref: false });
    const status = await program.status().catch(() => undefined);
    if (stopping.asked) return new Promise(() => undefined);
    const final =
      status?.state !== 'online' && Object.values<number | undefined>(BmcExit).includes(status?.exitCode);
    gone = final || status?.state === 'stopped' ? gone + 1 : 0;
    if (gone >= 2) return new RunError('the BMC has ended: its last lines above say why');
  }
}

/** Ends BMC, QEMU and pm2, in this order. @returns what did not go by itself and had to be killed */
async function endAll(
  config: Config,
  pm2: ChildProcess | undefined,
  stopping: StopRequest,
): Promise<string[]> {
  const { runDir } = config.bmc;
  let limit = performance.now() + config.power.shutdownGraceMs + stopMarginMs;
  const bmc = pidOfBmc(runDir);
  if (bmc !== undefined && signal(bmc, 'SIGTERM')) {
    void stopping.force.then(() => {
      limit = Math.min(limit, performance.now() + forceMarginMs);
      // To the BMC, too, a second signal means at once.
      signal(bmc, 'SIGTERM');
    });
    while (isAlive(bmc) && performance.now() < limit) await sleep(20);
  }
  if (pm2?.pid !== undefined && signal(pm2.pid, 'SIGTERM')) {
    const end = performance.now() + forceMarginMs;
    while (isAlive(pm2.pid) && performance.now() < end) await sleep(20);
  }
  const left = processesOf(runDir);
  for (const { pid } of left) signal(pid, 'SIGKILL');
  for (let i = 0; i < 100 && processesOf(runDir).length > 0; i++) await sleep(20);
  return left.map(({ pid, command }) => `process ${pid} (${command})`);
}

function pidOfBmc(runDir: string): number | undefined {
  const known = processesOf(runDir).filter(({ command }) => / bmc --resolved /.test(command));
  return readStatus(runDir)?.pid ?? known[0]?.pid;
}
