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
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isIPv6 } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { announcement } from './announcement.ts';
import type { Config } from './config/config.ts';
import { packageRoot } from './config/package-paths.ts';
import { BmcExit, preparePrivateDirectory, type RunFiles, readStatus, runFiles } from './config/run-files.ts';
import { ConsoleLog } from './console-log.ts';
import { withOwnDemoDisk } from './demo-disk.ts';
import { processStat } from './lib/process-stat.ts';
import { isAlive, processesOf, runMarker, signal } from './processes.ts';
import { StopRequest } from './stop-request.ts';
import { ecosystem, Pm2Supervisor, pm2Environment } from './supervise/pm2.ts';

/** A reason not to run that the user can do something about; shown without a stack. */
export class RunError extends Error {
  override readonly name = 'RunError';
}

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
    await checkPort(config);
    pm2 = startSupervisor(withOwnDemoDisk(config), script, files, log);
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

/** Says what is wrong with the port while there is a simple thing to say. */
async function checkPort({ bmc: { address }, ipmi: { port } }: Config): Promise<void> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port, exclusive: true }, resolve);
    });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const where = `UDP port ${port} on ${address}`;
    if (code === 'EADDRINUSE') {
      throw new RunError(
        `${where} is taken by another program: stop it, or set IPMI_PORT (IPMI_PORT=6230 npm start)`,
      );
    }
    if (code === 'EACCES') {
      throw new RunError(`${where} needs root: set IPMI_PORT to 1024 or above (IPMI_PORT=6230 npm start)`);
    }
    if (code === 'EADDRNOTAVAIL')
      throw new RunError(`${address} is no address of this machine: set BMC_ADDR`);
    throw new RunError(`${where}: ${(error as Error).message}`, { cause: error });
  } finally {
    socket.close();
  }
}

function startSupervisor(config: Config, script: string, files: RunFiles, log: ConsoleLog): ChildProcess {
  const { runDir } = config.bmc;
  const { env } = process;
  const environment = {
    PATH: env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: env.HOME ?? '/',
    LANG: env.LANG ?? 'C.UTF-8',
    [runMarker]: runDir,
    ...pm2Environment(files.pm2Home),
  };
  preparePrivateDirectory(files.pm2Home);
  writeFileSync(files.config, JSON.stringify(config), { mode: 0o600 });
  writeFileSync(files.powerReturned, '', { mode: 0o600 });
  const programs = ecosystem({
    runDir,
    pm2Home: files.pm2Home,
    bmc: {
      // With an interpreter of pm2's choice, pm2 would load its own code into the BMC's process.
      interpreter: 'none',
      script: process.execPath,
      args: [...process.execArgv, script, 'bmc', '--resolved', files.config],
      cwd: packageRoot,
    },
    stopGraceMs: config.power.shutdownGraceMs,
  });
  for (const app of programs.apps) {
    if (app.name === bmcProgram) app.stop_exit_codes = Object.values(BmcExit);
  }
  writeFileSync(files.ecosystem, JSON.stringify(programs, null, 2), { mode: 0o600 });

  const packageFile = createRequire(import.meta.url).resolve('pm2/package.json');
  const runtime = join(dirname(packageFile), 'bin/pm2-runtime');
  const child = spawn(process.execPath, [runtime, 'start', files.ecosystem, '--raw', '--no-auto-exit'], {
    cwd: '/',
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout?.on('data', (data: Buffer) => log.write(data));
  child.stderr?.on('data', (data: Buffer) => log.write(data));
  return child;
}

const bmcProgram = 'bmc';

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

/**
 * Waits until the BMC says that it has started, and asks like any client does whether somebody is there: the presence
 * ping of RMCP. IPMI 2.0 §13.2.3.
 */
async function untilReady(
  { bmc, ipmi }: Config,
  stopping: StopRequest,
  givenUp: AbortSignal,
): Promise<boolean> {
  const address = { '0.0.0.0': '127.0.0.1', '::': '::1' }[bmc.address] ?? bmc.address;
  const ping = Buffer.from([0x06, 0x00, 0xff, 0x06, 0x00, 0x00, 0x11, 0xbe, 0x80, 0x00, 0x00, 0x00]);
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let answered = false;
  socket.on('message', (message) => {
    answered ||= message.length >= 12 && message[8] === 0x40;
  });
  socket.on('error', () => undefined);
  const deadline = performance.now() + readyLimitMs;
  const ready = () => answered && readStatus(bmc.runDir) !== undefined;
  while (!ready() && !stopping.asked && !givenUp.aborted && performance.now() < deadline) {
    socket.send(ping, ipmi.port, address, () => undefined);
    await sleep(25);
  }
  socket.close();
  return ready();
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
