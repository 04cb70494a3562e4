/**
 * What the update service does with an image: finds out what it is and puts it where it belongs, one after the other, as
 * a task that tells what it is doing. An image is firmware of the machine, its UEFI variables, or a configuration of the
 * BMC; what it is shows in itself.
 */
import { BmcError } from '../bmc/errors.ts';
import { type FirmwareSlot, maxFirmwareBytes } from '../bmc/firmware-update.ts';
import type { FetchRequest } from '../bmc/media-images.ts';
import type { Context } from './context.ts';
import type { Outcome } from './definition.ts';
import { RedfishError } from './errors.ts';
import { inventoryUri, slotIds } from './inventory-ids.ts';
import { inWords, message } from './messages.ts';
import { managerUri, systemUri } from './paths.ts';
import { roleOf, roles } from './roles.ts';
import { accepted, type TaskProgress } from './tasks.ts';
import { updateMessage } from './update-messages.ts';

/** No larger image is taken. */
export const maxImageBytes = maxFirmwareBytes;

/** When firmware that has been installed is put to use. `Immediate` restarts a machine that is on. */
export const applyTimes = ['Immediate', 'OnReset'] as const;
export type ApplyTime = (typeof applyTimes)[number];

export interface UpdateWish {
  /** As people call it: the name of its file. */
  readonly image: string;
  readonly target: UpdateTarget;
  /** Undefined: firmware on reset, anything else at once. */
  readonly applyTime: ApplyTime | undefined;
  /** Kept, and not used until it is activated. */
  readonly stage: boolean;
}

/** Undefined: as the image says. */
export type UpdateTarget = FirmwareSlot | 'configuration' | 'system' | undefined;

const targets: Readonly<Record<string, UpdateTarget>> = {
  [`${inventoryUri}/${slotIds.bios}`]: 'bios',
  [`${inventoryUri}/${slotIds.uefi}`]: 'uefi',
  [`${inventoryUri}/${slotIds['uefi-secure-boot']}`]: 'uefi-secure-boot',
  [systemUri]: 'system',
  [managerUri]: 'configuration',
};

/** @returns undefined also for no targets @throws {BmcError} `bad-argument` naming the first that is none, or too many */
export function targetOf(uris: readonly string[]): UpdateTarget {
  const found = new Set(
    uris.map((uri) => {
      const target = targets[uri.replace(/\/$/, '')];
      if (target !== undefined) return target;
      throw new BmcError('bad-argument', `Targets: ${uri} is nothing that can be updated`);
    }),
  );
  if (found.size > 1) throw new BmcError('bad-argument', 'Targets: an image goes to one of them at a time');
  return [...found][0];
}

export class Updates {
  #busy = false;

  /**
   * Begins an update with an image that is still to come.
   * @param bytes gets the image; the signal is aborted when the task is cancelled
   * @throws {RedfishError} 503 while another one is under way, or too many tasks are
   */
  start(
    wish: UpdateWish,
    context: Context,
    bytes: (progress: TaskProgress, cancelled: AbortSignal) => Promise<Uint8Array>,
  ): Outcome {
    const { state, actor, user } = context;
    this.#begin();
    try {
      const task = state.tasks.start({
        name: `Update with ${wish.image}`,
        actor,
        userId: user?.id,
        run: async (progress, cancelled) => {
          try {
            const image = await bytes(progress, cancelled);
            cancelled.throwIfAborted();
            return await install(image, wish, context, progress);
          } finally {
            this.#busy = false;
          }
        },
      });
      return accepted(task);
    } catch (error) {
      this.#busy = false;
      throw error;
    }
  }

  /** What is being received counts as well: its image is in memory. @throws {RedfishError} 503 */
  async receive<T>(work: () => Promise<T>): Promise<T> {
    this.#begin();
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  #begin(): void {
    if (this.#busy) {
      throw new RedfishError(
        inWords('Another update is under way.', message('ServiceTemporarilyUnavailable', '5')),
        { headers: { 'retry-after': '5' } },
      );
    }
    this.#busy = true;
  }
}

/** @throws {BmcError} `bad-argument` for a longer one */
export async function collect(pieces: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const taken: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > limit) throw new RedfishError(message('PayloadTooLarge'));
    taken.push(piece);
  }
  return Buffer.concat(taken, length);
}

/** Fetches an image from another server. */
export async function fetched(
  request: FetchRequest,
  { bmc, state }: Context,
  progress: TaskProgress,
  cancelled: AbortSignal,
): Promise<Uint8Array> {
  const { fetcher } = bmc;
  if (!fetcher) throw new BmcError('not-supported', 'this BMC fetches no images');
  const pieces: Uint8Array[] = [];
  const trust = { verify: state.settings.verifyUpdateServer, certificates: [] };
  const begin = (sizeBytes: number | undefined) => {
    checkLength(sizeBytes ?? 0);
    let receivedBytes = 0;
    return Promise.resolve({
      get receivedBytes() {
        return receivedBytes;
      },
      write(bytes: Uint8Array) {
        checkLength(receivedBytes + bytes.length);
        pieces.push(Buffer.from(bytes));
        receivedBytes += bytes.length;
        if (sizeBytes) progress.percent((80 * receivedBytes) / sizeBytes);
        return Promise.resolve();
      },
    });
  };
  await fetcher.fetch(request, trust, begin, cancelled);
  return Buffer.concat(pieces);
}

function checkLength(bytes: number): void {
  if (bytes > maxImageBytes) throw new BmcError('no-space', `an image has at most ${maxImageBytes} bytes`);
}

function isConfiguration(image: Uint8Array): boolean {
  return /^\s*\{/.test(Buffer.from(image.subarray(0, 256)).toString('latin1'));
}

async function install(
  image: Uint8Array,
  wish: UpdateWish,
  context: Context,
  progress: TaskProgress,
): Promise<Outcome> {
  const { bmc, actor } = context;
  const configuration = isConfiguration(image);
  const { target, image: name } = wish;
  const uri = configuration ? managerUri : systemUri;
  progress.percent(80);
  progress.say(updateMessage('VerifyingAtComponent', name, uri));
  try {
    if (configuration && target !== undefined && target !== 'configuration') {
      throw new BmcError('bad-argument', 'Targets: a configuration is for the BMC, not for firmware');
    }
    if (configuration) restore(image, wish, context, progress);
    else if (target === 'configuration') {
      throw new BmcError('bad-argument', 'Targets: the image is no configuration of a BMC');
    } else installFirmware(image, target === 'system' ? undefined : target, wish, context, progress);
  } catch (error) {
    if (error instanceof BmcError && error.kind === 'bad-argument') {
      progress.say(updateMessage('VerificationFailed', name, uri));
    }
    bmc.events.add('update-failed', `${name}: ${(error as Error).message}`, actor);
    throw error;
  }
  return undefined;
}

function installFirmware(
  image: Uint8Array,
  wanted: FirmwareSlot | undefined,
  { image: name, applyTime, stage }: UpdateWish,
  { bmc, actor }: Context,
  progress: TaskProgress,
): void {
  const { slot } = bmc.firmware.install(image, { ...(wanted && { wanted }), staged: stage }, actor);
  const uri = `${inventoryUri}/${slotIds[slot]}`;
  progress.say(updateMessage('InstallingOnComponent', name, uri));
  progress.percent(95);
  if (stage) {
    progress.say(updateMessage('AwaitToActivate', name, uri));
    return;
  }
  const isUsed = bmc.firmware.slotOf(bmc.machineSettings.current) === slot;
  if (applyTime === 'Immediate' && bmc.power.isOn && isUsed) {
    progress.say(updateMessage('ApplyingOnComponent', name, uri));
    bmc.power.request('reset', actor);
  }
  progress.say(updateMessage('UpdateSuccessful', uri, name));
}

function restore(image: Uint8Array, wish: UpdateWish, context: Context, progress: TaskProgress): void {
  const { bmc, actor, user } = context;
  const held = user ? roles[roleOf(user)].privileges : [];
  if (
    !(['ConfigureManager', 'ConfigureUsers'] as const).every((needed) =>
      (held as readonly string[]).includes(needed),
    )
  ) {
    throw new RedfishError(
      inWords('A configuration is restored by an administrator.', message('InsufficientPrivilege')),
    );
  }
  if (wish.stage || wish.applyTime === 'OnReset') {
    throw new BmcError(
      'bad-argument',
      'a configuration is restored at once: it can neither be staged nor wait for a reset',
    );
  }
  bmc.configuration.restore(Buffer.from(image).toString('utf8'), actor);
  progress.say(updateMessage('UpdateSuccessful', managerUri, wish.image));
}
