/** The serial port of the machine in memory, with a guest behind it that logs anybody in and echoes lines. */
import type { BootTarget } from '../../bmc/boot.ts';
import type { HostConsole } from '../../bmc/machine.ts';
import type { Clock } from '../../lib/clock.ts';

const maxPendingBytes = 4096;
const keptHistoryBytes = 256 * 1024;
/** How long the guest takes to read what it was sent. */
const readMs = 1;
const prompt = '# ';

export class FakeConsole implements HostConsole {
  breaks = 0;
  readonly #clock: Clock;
  readonly #stalled: () => boolean;
  #connected = false;
  #receiver: ((bytes: Uint8Array) => void) | undefined;
  #drained: (() => void) | undefined;
  #connection: ((connected: boolean) => void) | undefined;
  #past: Uint8Array = new Uint8Array(0);
  #pending = Buffer.alloc(0);
  #refused = false;
  #reading = false;
  #mode: 'login' | 'shell' = 'login';
  #line = '';

  constructor(clock: Clock, stalled: () => boolean) {
    this.#clock = clock;
    this.#stalled = stalled;
  }

  get connected(): boolean {
    return this.#connected;
  }

  receive(listener: (bytes: Uint8Array) => void): void {
    this.#receiver = listener;
  }

  drained(listener: () => void): void {
    this.#drained = listener;
  }

  connection(listener: (connected: boolean) => void): void {
    this.#connection = listener;
  }

  send(bytes: Uint8Array): number {
    if (!this.#connected) return 0;
    const taken = Math.min(bytes.length, maxPendingBytes - this.#pending.length);
    this.#pending = Buffer.concat([this.#pending, bytes.subarray(0, taken)]);
    if (taken < bytes.length) this.#refused = true;
    if (this.#pending.length > 0) this.#read();
    return taken;
  }

  sendBreak(): void {
    if (!this.#connected) return;
    this.breaks++;
    this.print('\r\n<break>\r\n');
  }

  history(limitBytes: number): Promise<Uint8Array> {
    return Promise.resolve(limitBytes <= 0 ? new Uint8Array(0) : this.#past.slice(-limitBytes));
  }

  plug(): void {
    this.#connected = true;
    this.#connection?.(true);
  }

  unplug(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#pending = Buffer.alloc(0);
    this.#refused = false;
    this.#connection?.(false);
  }

  boot(target: BootTarget | undefined): void {
    this.#mode = 'login';
    this.#line = '';
    if (target === 'bios-setup') this.print('\x1bc\r\nFirmware setup\r\n\r\n1. Continue\r\n');
    else this.print(`\r\nfake: ready boot=${target ?? 'default'}\r\n\r\nfake login: `);
  }

  print(text: string | Uint8Array): void {
    if (!this.#connected) return;
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.#past = Buffer.concat([this.#past, bytes]).subarray(-keptHistoryBytes);
    this.#receiver?.(bytes);
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#clock.after(readMs, () => {
      this.#reading = false;
      if (!this.#connected) return;
      if (this.#stalled()) {
        this.#read();
        return;
      }
      const bytes = this.#pending;
      this.#pending = Buffer.alloc(0);
      for (const byte of bytes) this.#key(byte);
      if (this.#refused) {
        this.#refused = false;
        this.#drained?.();
      }
    });
  }

  #key(byte: number): void {
    if (byte === 0x0d || byte === 0x0a) {
      const line = this.#line;
      this.#line = '';
      this.print('\r\n');
      this.#enter(line.trim());
    } else if (byte === 0x7f || byte === 0x08) {
      if (this.#line === '') return;
      this.#line = this.#line.slice(0, -1);
      this.print('\b \b');
    } else {
      this.#line += String.fromCharCode(byte);
      this.print(Uint8Array.of(byte));
    }
  }

  #enter(line: string): void {
    if (this.#mode === 'login') {
      if (line === '') this.print('fake login: ');
      else {
        this.#mode = 'shell';
        this.print(`Welcome, ${line}. There is no machine here, but you may type help.\r\n${prompt}`);
      }
      return;
    }
    const [command, ...words] = line.split(/\s+/);
    switch (command) {
      case '':
        break;
      case 'help':
        this.print('help  echo WORDS  exit\r\n');
        break;
      case 'echo':
        this.print(`${words.join(' ')}\r\n`);
        break;
      case 'exit':
        this.#mode = 'login';
        this.print('\r\nfake login: ');
        return;
      default:
        this.print(`${command}: not found\r\n`);
    }
    this.print(prompt);
  }
}
