/** Media that come and go while the guest runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BmcError } from '../../bmc/errors.ts';
import type { MachineMedium } from '../../bmc/machine.ts';
import type { MediaSlot } from '../../bmc/media-images.ts';
import { type QmpClient, QmpCommandError } from '../qmp/client.ts';
import { mediumNode, mediumNodes, usbStickDevice, usbStickId, virtualCdId } from './devices/virtual-media.ts';
import type { QemuRun } from './qemu-run.ts';

/** QEMU lets go of a device, and so of its image, a moment after it has been unplugged. */
const releaseTimeoutMs = 3000;
const releasePollMs = 20;
/** A client waits for the change: a QEMU that hangs is found out before anything of it is done. */
const answerTimeoutMs = 1500;

/**
 * Changes what is in a drive of a machine that runs; `run` says afterwards what is in it, also when this fails.
 * @throws {QmpCommandError} when QEMU refuses @throws {Error} when it does not answer
 */
export async function changeMedium(
  run: QemuRun,
  slot: MediaSlot,
  medium: MachineMedium | undefined,
): Promise<void> {
  const { qmp } = run;
  if (!qmp) throw new BmcError('timed-out', 'QEMU does not answer');
  const present = run.media.find((each) => each.slot === slot);
  if (present?.file === medium?.file && present?.readOnly === medium?.readOnly) return;
  await qmp.execute('query-status', {}, { timeoutMs: answerTimeoutMs });
  run.changingMedia = true;
  try {
    if (present) await drives[slot].remove(qmp);
    note(run, slot, undefined);
    if (!medium) return;
    for (const node of mediumNodes(medium)) await qmp.execute('blockdev-add', node);
    try {
      await drives[slot].insert(qmp, medium);
    } catch (error) {
      await removeNodes(qmp, slot);
      throw error;
    }
    note(run, slot, medium);
  } finally {
    run.changingMedia = false;
  }
}

function note(run: QemuRun, slot: MediaSlot, medium: MachineMedium | undefined): void {
  run.media = [...run.media.filter((each) => each.slot !== slot), ...(medium ? [medium] : [])];
  if (slot !== 'usb') return;
  const others = run.bootDevices.filter(({ id }) => id !== usbStickId);
  run.bootDevices = medium ? [...others, { id: usbStickId, bootClass: 'usb' }] : others;
}

interface Drive {
  insert(qmp: QmpClient, medium: MachineMedium): Promise<void>;
  /** Whatever is in it, or nothing; its image is free afterwards. */
  remove(qmp: QmpClient): Promise<void>;
}

const drives: Readonly<Record<MediaSlot, Drive>> = {
  cd: {
    async insert(qmp, medium) {
      await qmp.execute('blockdev-open-tray', { id: virtualCdId, force: true });
      await qmp.execute('blockdev-insert-medium', { id: virtualCdId, 'node-name': mediumNode(medium) });
      await qmp.execute('blockdev-close-tray', { id: virtualCdId });
    },
    async remove(qmp) {
      // By force: a guest that has locked the tray is not asked.
      await qmp.execute('blockdev-open-tray', { id: virtualCdId, force: true });
      await qmp.execute('blockdev-remove-medium', { id: virtualCdId });
      await qmp.execute('blockdev-close-tray', { id: virtualCdId });
      await removeNodes(qmp, 'cd');
    },
  },
  usb: {
    async insert(qmp, medium) {
      await qmp.execute('device_add', usbStickDevice(medium));
    },
    async remove(qmp) {
      await qmp.execute('device_del', { id: usbStickId }).catch(unlessMissing);
      await removeNodes(qmp, 'usb');
    },
  },
};

async function removeNodes(qmp: QmpClient, slot: MediaSlot): Promise<void> {
  const medium = mediumNode({ slot });
  for (const node of [medium, `${medium}-file`]) {
    const deadline = performance.now() + releaseTimeoutMs;
    for (;;) {
      try {
        await qmp.execute('blockdev-del', { 'node-name': node }).catch(unlessMissing);
        break;
      } catch (error) {
        if (!(error instanceof QmpCommandError) || performance.now() >= deadline) throw error;
        await sleep(releasePollMs);
      }
    }
  }
}

/** What is not there need not be removed. */
function unlessMissing(error: unknown): void {
  const missing =
    error instanceof QmpCommandError &&
    (error.errorClass === 'DeviceNotFound' || /Failed to find node|not found/i.test(error.message));
  if (!missing) throw error;
}
