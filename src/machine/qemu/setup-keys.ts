/**
 * Brings up the firmware's menu the way a person does: presses Escape while the firmware starts, watches the
 * screen, stops when the menu is there. SeaBIOS shows its boot menu, OVMF its setup utility. Both draw on the
 * serial line as well, which is where we look.
 */
import type { Clock, Timer } from '../../lib/clock.ts';

/**
 * Within the second that OVMF waits for a key. More often would do harm: what comes while OVMF sets up the keyboard
 * makes it give the keyboard up, and on a busy host that takes seconds.
 */
const pressEveryMs = 500;

interface FirmwareMenu {
  /** Pressing begins with this text. OVMF has none: the first thing that it does to the screen. */
  readonly prompt: string;
  /** The menu is there. A further Escape would leave it. */
  readonly shown: string;
  /** Pressing ends. Firmware is slow under emulation. */
  readonly giveUpMs: number;
}

export const firmwareMenus: Readonly<Record<'bios' | 'uefi', FirmwareMenu>> = {
  bios: { prompt: 'Press ESC for boot menu', shown: 'Select boot device', giveUpMs: 30_000 },
  uefi: { prompt: '\x1b[2J', shown: '"UiApp"', giveUpMs: 60_000 },
};

export class SetupKeys {
  readonly #clock: Clock;
  readonly #menu: FirmwareMenu;
  readonly #press: () => void;
  readonly #done: (shown: boolean) => void;
  readonly #keep: number;
  #text = '';
  #prompted = false;
  #next: Timer | undefined;
  readonly #end: Timer;
  #over = false;

  /**
   * @param press presses and releases Escape once
   * @param done called once: whether the menu was seen
   */
  constructor(clock: Clock, menu: FirmwareMenu, press: () => void, done: (shown: boolean) => void) {
    this.#clock = clock;
    this.#menu = menu;
    this.#press = press;
    this.#done = done;
    this.#keep = Math.max(menu.shown.length, menu.prompt.length);
    this.#end = clock.after(menu.giveUpMs, () => this.#finish(false));
  }

  /** What the firmware writes to the serial line. */
  output(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#text += Buffer.from(bytes).toString('latin1');
    if (this.#text.includes(this.#menu.shown)) {
      this.#finish(true);
      return;
    }
    if (!this.#prompted && this.#text.includes(this.#menu.prompt)) {
      this.#prompted = true;
      this.#repeat();
    }
    this.#text = this.#text.slice(-this.#keep);
  }

  stop(): void {
    if (!this.#over) this.#finish(false);
  }

  #repeat(): void {
    if (this.#over) return;
    this.#press();
    this.#next = this.#clock.after(pressEveryMs, () => this.#repeat());
  }

  #finish(shown: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#next?.cancel();
    this.#end.cancel();
    this.#done(shown);
  }
}
