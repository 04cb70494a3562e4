/**
 * The machine's screen as the BMC hands it out: who looks at it, who of them has the keyboard and the mouse, pictures
 * of it, and keys for those who look at nothing. This file knows no protocol.
 */
import type { Duplex } from 'node:stream';
import { type Clock, delay } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import { BmcError } from './errors.ts';
import { type KeyName, strokesOf } from './keyboard.ts';
import type { Machine } from './machine.ts';

/** How long a picture is as good as a new one. */
const pictureMs = 1000;
/** A firmware's keyboard driver, slow under emulation, takes no shorter strokes. */
const comboHoldMs = 100;
const strokeHoldMs = 20;
const strokeGapMs = 10;

export const maxTextLength = 256;
export const maxKeysAtOnce = 8;

export interface ScreenAttendee {
  /** Rises with each viewer. */
  readonly id: number;
  readonly name: string;
  /** `write`: keyboard and mouse are this viewer's. */
  readonly mode: 'write' | 'read';
  /** By the BMC's clock, milliseconds since 1970. */
  readonly since: number;
}

/** One viewer. */
export interface ScreenAttachment extends ScreenAttendee {
  /**
   * Gets keyboard and mouse.
   * @throws {BmcError} `busy` naming the holder when somebody else has them and is not to lose them
   */
  claim(options: { readonly takeOver: boolean }): void;
  yield(): void;
  /** Told when somebody else took keyboard and mouse. @param by who */
  onTaken(listener: (by: string) => void): void;
  detach(): void;
}

export interface ScreenHubOptions {
  readonly machine: Pick<Machine, 'screen' | 'running' | 'on'>;
  readonly clock: Clock;
}

export class ScreenHub {
  readonly #machine: ScreenHubOptions['machine'];
  readonly #clock: Clock;
  readonly #viewers = new Set<Viewer>();
  readonly #changed = new Emitter<void>();
  #holder: Viewer | undefined;
  #lastId = 0;
  #picture: { readonly at: number; readonly bytes: Promise<Uint8Array> } | undefined;
  /** Texts are typed one after the other. */
  #typing: Promise<void> = Promise.resolve();

  constructor({ machine, clock }: ScreenHubOptions) {
    this.#machine = machine;
    this.#clock = clock;
  }

  /** Those who look at it, the earliest first. */
  get attendees(): readonly ScreenAttendee[] {
    return [...this.#viewers].map(({ id, name, mode, since }) => ({ id, name, mode, since }));
  }

  /** Told when somebody came, went, or took keyboard and mouse. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** The machine is there to be looked at. */
  get connected(): boolean {
    return this.#machine.running;
  }

  /** Told when the machine has come or gone. */
  onConnection(listener: (connected: boolean) => void): () => void {
    return this.#machine.on(({ kind }) => {
      if (kind === 'started') listener(true);
      else if (kind === 'stopped') listener(false);
    });
  }

  /** @param name as others are told it; {@link ScreenAttachment.claim} gives keyboard and mouse */
  attach(name: string): ScreenAttachment {
    const viewer: Viewer = new Viewer(++this.#lastId, name, this.#clock.wallTime(), {
      claim: (takeOver) => this.#claim(viewer, takeOver),
      yield: () => this.#yield(viewer),
      detach: () => {
        this.#viewers.delete(viewer);
        if (this.#holder === viewer) this.#holder = undefined;
        this.#changed.emit();
      },
    });
    this.#viewers.add(viewer);
    this.#changed.emit();
    return viewer;
  }

  /** One viewer's conversation with the machine, in RFB. @throws {BmcError} `wrong-state` or `timed-out` */
  view(): Promise<Duplex> {
    return this.#machine.screen.view();
  }

  /** PNG, at most a second old. @throws {BmcError} `wrong-state` while the machine is off, or `timed-out` */
  picture(): Promise<Uint8Array> {
    const now = this.#clock.now();
    if (this.#picture && this.#machine.running && now - this.#picture.at < pictureMs) {
      return this.#picture.bytes;
    }
    const bytes = this.#machine.screen.picture();
    const picture = { at: now, bytes };
    this.#picture = picture;
    bytes.catch(() => {
      if (this.#picture === picture) this.#picture = undefined;
    });
    return bytes;
  }

  /**
   * Presses keys together, and releases them.
   * @throws {BmcError} `bad-argument` unless 1 to {@link maxKeysAtOnce}; `wrong-state` while the machine is off
   */
  async press(keys: readonly KeyName[]): Promise<void> {
    if (keys.length < 1 || keys.length > maxKeysAtOnce) {
      throw new BmcError(
        'bad-argument',
        `1 to ${maxKeysAtOnce} keys are pressed at once, not ${keys.length}`,
      );
    }
    await this.#machine.screen.press(keys, comboHoldMs);
  }

  /**
   * Types a text on a keyboard of the United States; done when it has been typed.
   * @throws {BmcError} `bad-argument` for one that is too long or has other characters: then nothing is typed;
   * `wrong-state` when the machine is off, or goes off in its middle
   */
  async type(text: string): Promise<void> {
    if (text.length > maxTextLength) {
      throw new BmcError('bad-argument', `at most ${maxTextLength} characters are typed at once`);
    }
    const all = strokesOf(text);
    const typed = this.#typing.then(async () => {
      for (const keys of all) {
        await this.#machine.screen.press(keys, strokeHoldMs);
        await delay(this.#clock, strokeHoldMs + strokeGapMs);
      }
    });
    this.#typing = typed.catch(() => undefined);
    return typed;
  }

  #claim(viewer: Viewer, takeOver: boolean): void {
    const holder = this.#holder;
    if (holder === viewer || !this.#viewers.has(viewer)) return;
    if (holder && !takeOver) {
      throw new BmcError('busy', `keyboard and mouse are in use by ${holder.name}`);
    }
    this.#holder = viewer;
    viewer.mode = 'write';
    holder?.lose(viewer.name);
    this.#changed.emit();
  }

  #yield(viewer: Viewer): void {
    if (this.#holder !== viewer) return;
    this.#holder = undefined;
    viewer.mode = 'read';
    this.#changed.emit();
  }
}

/** What a viewer asks of the hub. */
interface Seat {
  claim(takeOver: boolean): void;
  yield(): void;
  detach(): void;
}

class Viewer implements ScreenAttachment {
  readonly id: number;
  readonly name: string;
  readonly since: number;
  mode: 'write' | 'read' = 'read';
  readonly #seat: Seat;
  #taken: ((by: string) => void) | undefined;

  constructor(id: number, name: string, since: number, seat: Seat) {
    this.id = id;
    this.name = name;
    this.since = since;
    this.#seat = seat;
  }

  claim({ takeOver }: { readonly takeOver: boolean }): void {
    this.#seat.claim(takeOver);
  }

  yield(): void {
    this.#seat.yield();
  }

  onTaken(listener: (by: string) => void): void {
    this.#taken = listener;
  }

  lose(by: string): void {
    this.mode = 'read';
    this.#taken?.(by);
  }

  detach(): void {
    this.#seat.detach();
  }
}
