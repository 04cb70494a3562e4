/**
 * Taking over a QEMU that an earlier life of ours, or another object, has started. A run that comes from here is
 * not yet watched.
 */
import { BmcError } from '../../bmc/errors.ts';
import { QmpClient } from '../qmp/client.ts';
import { hardwareOf } from './config.ts';
import { isAlive, type ProcessRef } from './process.ts';
import { adoptTimeoutMs, type MachineParts, QemuRun } from './qemu-run.ts';
import { startError } from './start-qemu.ts';

/**
 * When we begin: a QEMU that does not answer is taken over as a machine that hangs.
 * @returns undefined when it has ended meanwhile
 * @throws {BmcError} `wrong-state` when it is another machine's
 */
export async function adoptQemu(parts: MachineParts, process: ProcessRef): Promise<QemuRun | undefined> {
  let qmp: QmpClient | undefined;
  try {
    qmp = await QmpClient.connect(parts.runDir.qmpSocket, { timeoutMs: adoptTimeoutMs });
  } catch (error) {
    if (!isAlive(process)) return undefined;
    parts.log.warn({ err: error, pid: process.pid }, 'QEMU runs but does not answer');
  }
  return takeOver(parts, process, qmp);
}

/**
 * Before a start: a QEMU that runs here is either taken over, or nobody may start a second.
 * @throws {BmcError} `wrong-state` when it does not answer or is another machine's
 */
export async function adoptOrRefuse(parts: MachineParts, process: ProcessRef): Promise<QemuRun> {
  let qmp: QmpClient;
  try {
    qmp = await QmpClient.connect(parts.runDir.qmpSocket, { timeoutMs: adoptTimeoutMs });
  } catch (cause) {
    throw new BmcError(
      'wrong-state',
      `QEMU (pid ${process.pid}) already runs this machine and cannot be taken over: ${(cause as Error).message}`,
      { cause },
    );
  }
  return takeOver(parts, process, qmp);
}

async function takeOver(
  parts: MachineParts,
  process: ProcessRef,
  qmp: QmpClient | undefined,
): Promise<QemuRun> {
  const { config, runDir, log } = parts;
  const record = runDir.readRecord();
  const run = new QemuRun(parts, {
    process,
    tpm: runDir.readTpmProcess(),
    bootDevices: record?.bootDevices ?? [],
    media: record?.media ?? [],
    firmware: record?.firmware,
    // A record of an earlier version of ours may know less.
    hardware: { ...hardwareOf(config, {}, undefined), ...record?.hardware },
    accelerator: record && { accelerator: record.accelerator, reason: record.acceleratorReason },
  });
  if (qmp) {
    run.useQmp(qmp);
    try {
      const { name } = await qmp.execute('query-name');
      if (name !== config.name) {
        throw new BmcError(
          'wrong-state',
          `QEMU (pid ${process.pid}) in ${runDir.path} calls itself ${name}, not ${config.name}`,
        );
      }
      await run.resume(qmp);
    } catch (error) {
      if (error instanceof BmcError || !isAlive(process)) {
        run.leave();
        throw startError(error);
      }
      log.warn({ err: error, pid: process.pid }, 'QEMU taken over in part');
    }
  }
  parts.boot.adopted(record?.bootOverride ?? undefined);
  return run;
}
