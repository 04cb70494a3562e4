/** An image on its way, for those who wait for it. */
import { BmcError } from './errors.ts';
import type { MediaSlot } from './media-images.ts';

export interface Transfer {
  readonly slot: MediaSlot;
  readonly receivedBytes: number;
  /** Undefined as long as nobody has said. */
  readonly totalBytes: number | undefined;
  /** Settles when the image is in its slot. @throws {BmcError} when it will never be */
  readonly done: Promise<void>;
  /** Somebody did not want it any more: then it is not by a fault that it ends. */
  readonly cancelled: boolean;
  cancel(): void;
}

/** A transfer as its maker sees it. */
export interface OwnTransfer extends Transfer {
  settle(): void;
  fail(error: unknown): void;
}

export interface TransferFacts {
  receivedBytes(): number;
  totalBytes(): number | undefined;
  cancel(): void;
}

/** What is on its way into a slot. */
export interface Loading {
  readonly name: string;
  readonly url: string | undefined;
  readonly transfer: Transfer;
}

export function beginTransfer(
  slot: MediaSlot,
  { receivedBytes, totalBytes, cancel }: TransferFacts,
): OwnTransfer {
  let settle = (): void => undefined;
  let fail = (_error: unknown): void => undefined;
  let cancelled = false;
  const done = new Promise<void>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  // Whoever does not wait for it learns of its failure by the event log.
  done.catch(() => undefined);
  return {
    slot,
    get receivedBytes() {
      return receivedBytes();
    },
    get totalBytes() {
      return totalBytes();
    },
    done,
    get cancelled() {
      return cancelled;
    },
    cancel() {
      cancelled = true;
      cancel();
    },
    settle,
    fail,
  };
}

/** What a transfer ends with that was cancelled. */
export function givenUp(cause?: unknown): BmcError {
  return new BmcError('wrong-state', 'the image was given up before it was whole', { cause });
}

/** Of an image that is in its slot already. */
export function finishedTransfer(slot: MediaSlot, sizeBytes: number): Transfer {
  return {
    slot,
    receivedBytes: sizeBytes,
    totalBytes: sizeBytes,
    done: Promise.resolve(),
    cancelled: false,
    cancel: () => undefined,
  };
}
