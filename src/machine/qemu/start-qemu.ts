/**
 * Starting QEMU: its arguments, the launcher, the process it becomes, the first QMP connection, the first
 * instruction. A start that fails leaves nothing behind and says what QEMU said.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUefiTarget, type MachineBootOverride } from '../../bmc/boot.ts';
import { BmcError } from '../../bmc/errors.ts';
import type { MachineHardware, MachineMedium } from '../../bmc/machine.ts';
import { launcherLockedExitCode } from '../../supervise/launcher.ts';
import type { Supervisor } from '../../supervise/supervisor.ts';
import { QmpClient } from '../qmp/client.ts';
import type { BootDevice } from './boot-order.ts';
import { commandLine } from './command-line.ts';
import { hardwareOf, type NicConfig } from './config.ts';
import { checkDisk } from './disk-image.ts';
import type { AcceleratorChoice } from './kvm-probe.ts';
import type { FirmwareInUse } from './machine-firmware.ts';
import { isAlive, killProcess, type ProcessRef, processEnds } from './process.ts';
import { killTimeoutMs, type MachineParts, QemuRun } from './qemu-run.ts';
import type { RunDir } from './run-dir.ts';
import { tpmCommand } from './tpm.ts';
import { prepareBoot } from './uefi-boot.ts';
import { httpsAuthorities } from './uefi-https.ts';
import { changeUefiVariables, uefiVariables } from './uefi-variables.ts';

const startTimeoutMs = 10_000;
const pollMs = 5;
/** How often a start that shows no process asks the supervisor whether there is still hope. */
const supervisorPollMs = 100;

export interface StartOptions {
  /** Starts the launcher with the machine's run directory. */
  readonly supervisor: Supervisor;
  readonly stateDir: string;
  readonly accelerator: AcceleratorChoice;
  readonly nics: readonly NicConfig[];
  /** Ends a start that has been overtaken. */
  readonly aborted: AbortSignal;
}

/** What one start waits with. */
interface Launch {
  readonly runDir: RunDir;
  readonly supervisor: Supervisor;
  readonly aborted: AbortSignal;
  /** By the clock of `performance.now()`. */
  readonly deadline: number;
}

/**
 * No QEMU lives in the run directory.
 * @returns a run that is not yet watched; its guest runs
 * @throws {BmcError} `wrong-state` or `timed-out`
 */
export async function startQemu(parts: MachineParts, options: StartOptions): Promise<QemuRun> {
  const { runDir } = parts;
  const { supervisor, accelerator, aborted } = options;
  for (const disk of parts.config.disks) checkDisk(disk);
  const made = prepare(parts, options);

  let run: QemuRun | undefined;
  try {
    const launch = { runDir, supervisor, aborted, deadline: performance.now() + startTimeoutMs };
    if (aborted.aborted) throw new BmcError('wrong-state', 'power-on was interrupted');
    await supervisor.start();
    const process = await launched(launch);
    run = new QemuRun(parts, { process, tpm: runDir.readTpmProcess(), accelerator, ...made });
    const qmp = await firstQmp(launch, process);
    run.useQmp(qmp);
    await run.begin(qmp);
    if (!isAlive(process)) throw startFailure(runDir, 'QEMU ended at once');
    return run;
  } catch (cause) {
    const error = startError(cause);
    parts.log.error({ err: error }, 'machine does not start');
    // Whatever was started must not be left behind unowned.
    const process = run?.process ?? (error instanceof LockedError ? undefined : runDir.livingProcess());
    run?.leave();
    if (process) {
      killProcess(process);
      await processEnds(process, killTimeoutMs);
    }
    // Another QEMU's files are not ours to remove.
    if (!runDir.livingProcess()) runDir.forget();
    throw error;
  }
}

/** Any failure of a start or a takeover, as the core knows it. */
export function startError(cause: unknown): BmcError {
  if (cause instanceof BmcError) return cause;
  return new BmcError('wrong-state', `QEMU cannot be started: ${(cause as Error).message}`, { cause });
}

/** Leaves in the run directory what the launcher and a later life of ours will read. */
function prepare(
  parts: MachineParts,
  { stateDir, nics, accelerator: { accelerator, reason } }: StartOptions,
): {
  bootDevices: readonly BootDevice[];
  hardware: MachineHardware;
  media: readonly MachineMedium[];
  firmware: FirmwareInUse;
} {
  const { config, runDir, clock, boot, setup } = parts;
  const bootOverride = boot.starting();
  const { labels, hardware: wanted, media = [], firmware: files = {}, bootAuthorities } = setup();
  const hardware = hardwareOf(config, wanted, bootOverride);
  const firmware = parts.firmware.inUse(hardware, files);
  const variables = asConfigurationError(() => preparedVariables(parts, stateDir, hardware, bootOverride));
  const tpm = asConfigurationError(() => (hardware.tpm ? tpmCommand(stateDir, runDir.tpmSocket) : undefined));
  const { argv, bootDevices, descriptors } = asConfigurationError(() =>
    commandLine({
      config,
      run: runDir,
      accelerator,
      bootOverride,
      hardware,
      labels,
      media,
      nics,
      uefiVariables: variables,
      firmwareFile: firmware.file,
    }),
  );
  runDir.clear();
  runDir.writeArgs(argv);
  runDir.writeDescriptors(descriptors);
  if (bootOverride?.target === 'uefi-http') {
    runDir.writeHttpsAuthorities(httpsAuthorities(bootAuthorities));
  }
  runDir.writeTpmCommand(tpm);
  runDir.writeRecord({
    name: config.name,
    accelerator,
    acceleratorReason: reason,
    poweredOnAt: clock.wallTime(),
    bootDevices,
    bootOverride: bootOverride ?? null,
    hardware,
    media,
    firmware,
  });
  return { bootDevices, hardware, media, firmware };
}

/** @returns their file, which says what the override wants; undefined for a start without UEFI */
function preparedVariables(
  { config, log }: MachineParts,
  stateDir: string,
  hardware: MachineHardware,
  override: MachineBootOverride | undefined,
): string | undefined {
  if (hardware.firmware !== 'uefi') return undefined;
  const path = uefiVariables(config.firmware, stateDir, hardware);
  try {
    changeUefiVariables(path, (variables) => {
      if (!prepareBoot(variables, override)) {
        log.warn({ boot: override?.target, choice: override?.choice }, 'no such boot entry: own order');
      }
    });
  } catch (error) {
    // What cannot be read here may mean something to the firmware that was put in the place of OVMF.
    if (override && isUefiTarget(override.target)) throw error;
    log.warn({ err: error }, 'UEFI variables left as they are');
  }
  return path;
}

function asConfigurationError<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof BmcError) throw cause;
    throw new BmcError('wrong-state', `configuration: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Waits for the launcher to say which process it became, also when the start has been overtaken: nobody could end a
 * QEMU that nobody knows.
 */
async function launched({ runDir, supervisor, deadline }: Launch): Promise<ProcessRef> {
  let askAt = performance.now() + supervisorPollMs;
  for (;;) {
    const process = runDir.readProcess();
    if (process) return process;
    const now = performance.now();
    if (now >= deadline)
      throw startFailure(runDir, `no QEMU process within ${startTimeoutMs} ms`, 'timed-out');
    if (now >= askAt) {
      askAt = now + supervisorPollMs;
      const { state, exitCode } = await supervisor.status();
      // Looked for once more: it may have come and gone since.
      if (state === 'stopped' && !runDir.readProcess()) {
        if (exitCode === launcherLockedExitCode) throw new LockedError();
        throw startFailure(runDir, `the launcher ended with code ${exitCode ?? 'unknown'}`);
      }
    }
    await sleep(pollMs);
  }
}

async function firstQmp({ runDir, aborted, deadline }: Launch, process: ProcessRef): Promise<QmpClient> {
  for (;;) {
    if (!isAlive(process)) throw startFailure(runDir, 'QEMU ended at once');
    if (aborted.aborted) throw new BmcError('wrong-state', 'power-on was interrupted');
    const left = deadline - performance.now();
    if (left <= 0) throw startFailure(runDir, `no QMP within ${startTimeoutMs} ms`, 'timed-out');
    try {
      return await QmpClient.connect(runDir.qmpSocket, { timeoutMs: left });
    } catch {
      await sleep(pollMs);
    }
  }
}

function startFailure(
  runDir: RunDir,
  reason: string,
  kind: 'wrong-state' | 'timed-out' = 'wrong-state',
): BmcError {
  const said = runDir.lastErrors();
  return new BmcError(kind, said ? `${reason}: ${said}` : reason);
}

/** Somebody else's QEMU runs in our run directory: it is not ours to end. */
class LockedError extends BmcError {
  constructor() {
    super('wrong-state', 'another QEMU holds the lock of this machine');
  }
}
