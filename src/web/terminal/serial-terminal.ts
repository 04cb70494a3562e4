/**
 * The host's serial line in a terminal: xterm, told to do nothing that the host's bytes could misuse. No links are
 * followed, no clipboard is written, the window keeps its title and size, and what the past asks of the terminal is not
 * answered once more.
 */
import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { ConsoleLink, type ControlMessage } from './console-link.ts';
import { Recording } from './recording.ts';
import { styledDocument, whileStyled } from './styled-document.ts';

const scrollbackLines = 5000;
/** What firmware, boot loaders and getty take for granted on a serial line. */
const leastColumns = 80;
/** Pixels, the largest that has room for so many columns; with the smallest the place scrolls. */
const fontSizes = [14, 13, 12, 11] as const;
/** The lowest row of `_` and of `g` is otherwise cut off where a font's height has been rounded down. */
const lineHeight = 1.2;
/** DECAWM. VT510 Programmer Reference, chapter 5. */
const autowrap = 7;

export interface SerialTerminalOptions {
  readonly interactive: boolean;
  /** What the terminal is called. */
  readonly label: string;
  /** What stands where so much of the output is missing. */
  readonly lost: (bytes: number) => Uint8Array<ArrayBuffer>;
}

export class SerialTerminal {
  readonly link: ConsoleLink;
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #encoder = new TextEncoder();
  readonly #resized: ResizeObserver;
  #recording: Recording | undefined;
  /** The past is being shown: its questions have had their answers. */
  #past = true;

  readonly #lost: SerialTerminalOptions['lost'];

  /** @param place the element that it fills, inside one that scrolls sideways */
  constructor(place: HTMLElement, { interactive, label, lost }: SerialTerminalOptions) {
    this.#lost = lost;
    this.link = new ConsoleLink('serial', interactive, {
      bytes: (bytes) => this.#write(bytes),
      control: (message) => this.#control(message),
      lost: () => undefined,
    });
    this.#terminal = new Terminal({
      documentOverride: styledDocument(),
      scrollback: scrollbackLines,
      fontFamily: getComputedStyle(place).fontFamily,
      fontSize: fontSizes[0],
      lineHeight,
      cursorBlink: true,
      macOptionIsMeta: true,
      theme: themeOf(place),
      linkHandler: { activate: () => undefined },
      windowOptions: {},
    });
    this.#terminal.loadAddon(this.#fit);
    whileStyled(() => this.#terminal.open(place));
    this.#terminal.textarea?.setAttribute('aria-label', label);
    this.#terminal.onData((text) => this.#type(this.#encoder.encode(text)));
    this.#terminal.onBinary((text) =>
      this.#type(Uint8Array.from(text, (character) => character.charCodeAt(0))),
    );
    this.#keepWrapping();
    this.#terminal.onResize(({ cols, rows }) => this.#recording?.resize(cols, rows));
    this.#terminal.attachCustomKeyEventHandler((event) => this.#isForTheHost(event));
    this.#resized = new ResizeObserver(() => this.#fill());
    this.#resized.observe(place);
    this.#fill();
    this.link.start();
  }

  dispose(): void {
    this.link.stop();
    this.#resized.disconnect();
    this.#terminal.dispose();
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** As if it had been typed, with the line ends of keyboards. */
  paste(text: string): void {
    this.#terminal.paste(text);
  }

  get selection(): string {
    return this.#terminal.getSelection();
  }

  sendBreak(): void {
    this.link.tell({ type: 'break' });
  }

  startRecording(title: string): void {
    const { cols: columns, rows } = this.#terminal;
    this.#recording = new Recording({ columns, rows, title });
  }

  /** @returns the file; undefined when nothing was being recorded */
  stopRecording(): Blob | undefined {
    const file = this.#recording?.file;
    this.#recording = undefined;
    return file;
  }

  /** As many rows and columns as there is room for, and never fewer columns than lines are made for. */
  #fill(): void {
    let room: ReturnType<FitAddon['proposeDimensions']>;
    for (const size of fontSizes) {
      this.#terminal.options.fontSize = size;
      room = this.#fit.proposeDimensions();
      if (room && room.cols >= leastColumns) break;
    }
    // Not shown: there is nothing to measure.
    if (!room || Number.isNaN(room.cols) || Number.isNaN(room.rows)) return;
    this.#terminal.resize(Math.max(room.cols, leastColumns), room.rows);
  }

  /**
   * SeaBIOS switches the wrapping of long lines off, and no system after it on again: their ends would be lost.
   */
  #keepWrapping(): void {
    this.#terminal.parser.registerCsiHandler({ prefix: '?', final: 'l' }, (modes) => {
      if (!modes.includes(autowrap)) return false;
      if (modes.length === 1) return true;
      // Others are switched off with it.
      this.#terminal.write(`\u001b[?${autowrap}h`);
      return false;
    });
  }

  #write(bytes: Uint8Array): void {
    this.#recording?.output(bytes);
    this.#terminal.write(bytes);
  }

  #control(message: ControlMessage): void {
    const { type } = message;
    if (type === 'hello') {
      this.#past = true;
      this.#terminal.reset();
    }
    if (type === 'dropped') this.#write(this.#lost(Number(message.bytes)));
    // Behind the past in the terminal's own queue.
    if (type === 'history-end') this.#terminal.write('', () => (this.#past = false));
  }

  #type(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#past) this.link.send(bytes);
  }

  /** Ctrl-Shift-C and -V are the browser's, as in other terminals; Ctrl-C is the host's. */
  #isForTheHost(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey) return true;
    if (event.code === 'KeyC' && this.selection !== '') {
      event.preventDefault();
      void navigator.clipboard.writeText(this.selection);
      return false;
    }
    // The browser pastes by itself.
    return event.code !== 'KeyV';
  }
}

/** Colours of the page, as xterm wants them: resolved. */
function themeOf(place: HTMLElement) {
  const { color, backgroundColor } = getComputedStyle(place);
  return { foreground: color, background: backgroundColor, cursor: color };
}
