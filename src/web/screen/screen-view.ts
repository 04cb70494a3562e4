/**
 * The machine's screen: noVNC on our console's line. Each time the machine comes, a new conversation begins on the same
 * line, and a new noVNC takes the place of the one before.
 */
import RFB, { type RawChannel } from '@novnc/novnc';
import { ConsoleLink, type ControlMessage } from '../terminal/console-link.ts';

/** Those of keys that are held while the focus goes elsewhere: the machine would have them held for ever. */
const modifiers = [
  [0xffe1, 'ShiftLeft'],
  [0xffe3, 'ControlLeft'],
  [0xffe4, 'ControlRight'],
  [0xffe9, 'AltLeft'],
] as const;

export class ScreenView {
  readonly link: ConsoleLink;
  readonly #place: HTMLElement;
  readonly #ignore: () => void;
  #rfb: RFB | undefined;
  #channel: StreamChannel | undefined;
  #scale = true;

  /** @param place the element that it fills */
  constructor(place: HTMLElement, { interactive }: { readonly interactive: boolean }) {
    this.#place = place;
    this.link = new ConsoleLink('screen', interactive, {
      bytes: (bytes) => this.#channel?.receive(bytes),
      control: (message) => this.#control(message),
      lost: () => this.#end(),
    });
    this.#ignore = this.link.subscribe(() => {
      if (this.#rfb) this.#rfb.viewOnly = this.link.current().mode === 'read';
    });
    place.addEventListener('focusout', this.#releaseModifiers);
    this.link.start();
  }

  readonly #releaseModifiers = () => {
    for (const [keysym, code] of modifiers) this.#rfb?.sendKey(keysym, code, false);
  };

  dispose(): void {
    this.#place.removeEventListener('focusout', this.#releaseModifiers);
    this.#ignore();
    this.link.stop();
    this.#end();
  }

  /** Fits its place, or has its own size and is scrolled by dragging. */
  set scale(scale: boolean) {
    this.#scale = scale;
    if (!this.#rfb) return;
    this.#rfb.scaleViewport = scale;
    this.#rfb.clipViewport = !scale;
  }

  focus(): void {
    this.#rfb?.focus();
  }

  #control(message: ControlMessage): void {
    if (message.type === 'stream') this.#begin(Number(message.number));
    if (message.type === 'machine' && message.connected === false) this.#end();
  }

  #begin(number: number): void {
    this.#end();
    const { link } = this;
    const channel = new StreamChannel((bytes) => link.send(bytes));
    this.#channel = channel;
    // What is sent from here on belongs to this conversation.
    link.tell({ type: 'ready', number });
    const rfb = new RFB(this.#place, channel, { shared: true });
    rfb.viewOnly = link.current().mode === 'read';
    rfb.background = 'transparent';
    rfb.showDotCursor = true;
    rfb.scaleViewport = this.#scale;
    rfb.clipViewport = !this.#scale;
    rfb.addEventListener('disconnect', () => {
      if (this.#rfb === rfb) this.#rfb = undefined;
    });
    this.#rfb = rfb;
  }

  #end(): void {
    const rfb = this.#rfb;
    this.#rfb = undefined;
    // By itself, before its line ends: it calls a line that ends under it an error.
    rfb?.disconnect();
    this.#channel?.end();
    this.#channel = undefined;
  }
}

/** One conversation's part of the line, in the form of a WebSocket. */
class StreamChannel implements RawChannel {
  readonly send: (data: Uint8Array<ArrayBuffer>) => void;
  binaryType = 'arraybuffer';
  onerror: RawChannel['onerror'] = null;
  onmessage: RawChannel['onmessage'] = null;
  onopen: RawChannel['onopen'] = null;
  onclose: RawChannel['onclose'] = null;
  readonly protocol = '';
  readyState: number = WebSocket.OPEN;

  constructor(send: (bytes: Uint8Array<ArrayBuffer>) => void) {
    // noVNC uses its buffer again at once.
    this.send = (data) => send(data.slice());
  }

  receive(bytes: Uint8Array): void {
    const copy = new Uint8Array(bytes.length);
    copy.set(bytes);
    this.onmessage?.({ data: copy.buffer });
  }

  close(): void {
    this.end();
  }

  end(): void {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    // Later, as a WebSocket would: noVNC counts on it.
    queueMicrotask(() => this.onclose?.({ code: 1000, reason: '' }));
  }
}
