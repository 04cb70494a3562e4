/**
 * The screen of the machine in memory: one black pixel, and a conversation in which it says what RFB begins with and
 * hears whatever the viewer says. Keys are noted.
 */
import { Duplex } from 'node:stream';
import { BmcError } from '../../bmc/errors.ts';
import type { KeyName } from '../../bmc/keyboard.ts';
import type { HostScreen } from '../../bmc/machine.ts';

/** PNG of 1 × 1, black. */
const onePixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC',
  'base64',
);

export class FakeScreen implements HostScreen {
  readonly #running: () => boolean;
  readonly #views = new Set<FakeView>();
  /** What has been pressed, the oldest first. */
  readonly pressed: (readonly KeyName[])[] = [];
  /** Pictures taken so far. */
  pictures = 0;

  constructor(running: () => boolean) {
    this.#running = running;
  }

  /** Conversations that have not ended. */
  get views(): readonly FakeView[] {
    return [...this.#views];
  }

  view(): Promise<FakeView> {
    if (!this.#running()) return Promise.reject(off());
    const view: FakeView = new FakeView(() => this.#views.delete(view));
    this.#views.add(view);
    return Promise.resolve(view);
  }

  picture(): Promise<Uint8Array> {
    if (!this.#running()) return Promise.reject(off());
    this.pictures++;
    return Promise.resolve(onePixel);
  }

  press(keys: readonly KeyName[]): Promise<void> {
    if (!this.#running()) return Promise.reject(off());
    this.pressed.push(keys);
    return Promise.resolve();
  }

  /** The machine has gone. */
  unplug(): void {
    for (const view of [...this.#views]) view.destroy();
  }
}

export class FakeView extends Duplex {
  readonly #heard: Buffer[] = [];
  readonly #gone: () => void;

  constructor(gone: () => void) {
    super();
    this.#gone = gone;
    this.push('RFB 003.008\n');
  }

  /** What the viewer has said. */
  get heard(): Buffer {
    return Buffer.concat(this.#heard);
  }

  override _read(): void {
    // What it says is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#heard.push(chunk);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#gone();
    done(error);
  }
}

function off(): BmcError {
  return new BmcError('wrong-state', 'the machine is off');
}
