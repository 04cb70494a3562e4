/**
 * A console's WebSocket, from the ticket to the end: opened through Redfish as curl would, opened again by itself when it
 * is lost, with a state that can be shown. What the bytes are is not known here.
 */
import { ApiError } from '../api/errors.ts';
import { onReturn } from '../api/live.ts';
import { client } from '../api/session.ts';

export type ConsoleKind = 'serial' | 'screen';

export interface Attendee {
  readonly id: number;
  readonly name: string;
  readonly mode: 'write' | 'read';
}

export interface ConsoleState {
  /** `waiting`: lost, and tried again in a moment. */
  readonly phase: 'connecting' | 'open' | 'waiting' | 'stopped';
  /** Why it was lost, as the appliance said. */
  readonly reason: string | undefined;
  readonly mode: 'write' | 'read';
  readonly mayWrite: boolean;
  /** The machine is on. */
  readonly connected: boolean;
  /** Which of those attached is this one. */
  readonly you: number | undefined;
  readonly attached: readonly Attendee[];
}

export type ControlMessage = Readonly<Record<string, unknown>> & { readonly type: string };

export interface ConsoleListener {
  bytes(bytes: Uint8Array): void;
  control(message: ControlMessage): void;
  /** The line is gone. */
  lost(): void;
}

const actions: Readonly<Record<ConsoleKind, string>> = {
  serial: '/redfish/v1/Systems/1/Actions/Oem/QemuBmcComputerSystem.OpenSerialConsole',
  screen: '/redfish/v1/Systems/1/Actions/Oem/QemuBmcComputerSystem.OpenGraphicalConsole',
};
const protocols: Readonly<Record<ConsoleKind, string>> = {
  serial: 'qemu-bmc.serial.v1',
  screen: 'qemu-bmc.screen.v1',
};
const firstDelayMs = 500;
const mostDelayMs = 8000;

const initial: ConsoleState = {
  phase: 'connecting',
  reason: undefined,
  mode: 'read',
  mayWrite: false,
  connected: false,
  you: undefined,
  attached: [],
};

export class ConsoleLink {
  readonly #kind: ConsoleKind;
  readonly #interactive: boolean;
  readonly #listener: ConsoleListener;
  readonly #listeners = new Set<() => void>();
  #state = initial;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #delayMs = firstDelayMs;
  #ignoreReturn: (() => void) | undefined;
  #running = false;

  constructor(kind: ConsoleKind, interactive: boolean, listener: ConsoleListener) {
    this.#kind = kind;
    this.#interactive = interactive;
    this.#listener = listener;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly current = (): ConsoleState => this.#state;

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#ignoreReturn = onReturn(() => this.retry());
    void this.#connect();
  }

  stop(): void {
    this.#running = false;
    this.#ignoreReturn?.();
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#change({ phase: 'stopped' });
  }

  /** Tries at once what would be tried in a moment. */
  retry(): void {
    if (this.#state.phase !== 'waiting') return;
    clearTimeout(this.#timer);
    void this.#connect();
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  tell(message: ControlMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  async #connect(): Promise<void> {
    this.#change({ phase: 'connecting' });
    let uri: string;
    try {
      const mode = this.#interactive ? 'Interactive' : 'ReadOnly';
      uri = (await client.post<{ Uri: string }>(actions[this.#kind], { Mode: mode })).body.Uri;
    } catch (error) {
      const reason = error instanceof ApiError ? error.messages[0]?.text : undefined;
      this.#later(reason);
      return;
    }
    if (!this.#running) return;
    const socket = new WebSocket(new URL(uri, location.href.replace(/^http/, 'ws')), protocols[this.#kind]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (this.#socket !== socket) return;
      if (typeof data === 'string') this.#control(JSON.parse(data) as ControlMessage);
      else this.#listener.bytes(new Uint8Array(data));
    });
    socket.addEventListener('close', ({ reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#listener.lost();
      this.#later(reason === '' ? undefined : reason);
    });
  }

  #later(reason: string | undefined): void {
    if (!this.#running) return;
    this.#change({ phase: 'waiting', reason, attached: [] });
    this.#timer = setTimeout(() => void this.#connect(), this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, mostDelayMs);
  }

  #control(message: ControlMessage): void {
    switch (message.type) {
      case 'hello':
        this.#delayMs = firstDelayMs;
        this.#change({
          phase: 'open',
          reason: undefined,
          mode: message.mode === 'write' ? 'write' : 'read',
          mayWrite: message.mayWrite === true,
          connected: message.connected === true,
          you: Number(message.you),
        });
        break;
      case 'mode':
        this.#change({ mode: message.mode === 'write' ? 'write' : 'read' });
        break;
      case 'machine':
        this.#change({ connected: message.connected === true });
        break;
      case 'attached':
        this.#change({ attached: message.attached as readonly Attendee[] });
        break;
    }
    this.#listener.control(message);
  }

  #change(change: Partial<ConsoleState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
