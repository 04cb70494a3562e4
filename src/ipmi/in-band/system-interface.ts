/**
 * The system interface of one BMC (channel Fh) without sockets: frames from QEMU in, frames to QEMU out. The host's
 * software enters the same command table as everybody else, without a session and with every right that the policy
 * leaves it. What one guest can ask for in a time is limited; every message is answered, since QEMU's guest waits.
 */
import type { Actor } from '../../bmc/actor.ts';
import type { Bmc } from '../../bmc/bmc.ts';
import type { Timer } from '../../lib/clock.ts';
import { Channel, type CommandContext, type LanContext } from '../commands/command.ts';
import type { CommandRegistry, Reply } from '../commands/registry.ts';
import { CompletionCounts } from '../completion-counts.ts';
import type { Attention } from '../host-messages.ts';
import type { IpmiState } from '../ipmi-state.ts';
import { CompletionCode } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { permits } from './policy.ts';
import {
  encodeVmCommand,
  encodeVmMessage,
  VmCommand,
  type VmFrame,
  VmFrameReader,
  type VmMessage,
  vmProtocolVersion,
} from './vm-protocol.ts';

export interface SystemInterfaceOptions {
  readonly bmc: Bmc;
  readonly state: IpmiState;
  readonly commands: CommandRegistry;
  /** What commands about the LAN channel see of it. */
  readonly lan: LanContext;
}

/** Messages a guest may send in a burst, and then per second. A Linux guest at work sends a few hundred. */
const burst = 500;
const perSecond = 500;
/** A guest has one message under way; more than these come from no KCS. */
const mostWaiting = 16;

const hostActor: Actor = { name: 'the host', face: 'in-band', from: 'system interface' };
/** Get Session Challenge, Activate Session: for channels with sessions. */
const sessionCommands: readonly number[] = [0x39, 0x3a];

/** What happened on this interface so far. */
export interface SystemInterfaceCounters {
  messages: number;
  badFrames: number;
  guestResets: number;
  refusedByPolicy: number;
  delayed: number;
  overrun: number;
}

export class SystemInterface {
  readonly counters: SystemInterfaceCounters = {
    messages: 0,
    badFrames: 0,
    guestResets: 0,
    refusedByPolicy: 0,
    delayed: 0,
    overrun: 0,
  };
  readonly completions = new CompletionCounts();
  readonly #options: SystemInterfaceOptions;
  #connection: Connection | undefined;

  constructor(options: SystemInterfaceOptions) {
    this.#options = options;
    options.state.hostMessages.onAttention((attention) => this.#connection?.show(attention));
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * A QEMU has connected; it takes the place of one before.
   * @param send never throws; bytes that cannot be sent are lost
   */
  connect(send: (bytes: Uint8Array) => void): { receive(bytes: Uint8Array): void; disconnect(): void } {
    this.#connection?.close();
    const connection = new Connection(this.#options, this.counters, this.completions, send);
    this.#connection = connection;
    connection.start();
    return {
      receive: (bytes) => connection.receive(bytes),
      disconnect: () => {
        connection.close();
        if (this.#connection === connection) this.#connection = undefined;
      },
    };
  }
}

class Connection {
  readonly #options: SystemInterfaceOptions;
  readonly #counters: SystemInterfaceCounters;
  readonly #completions: CompletionCounts;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #reader = new VmFrameReader();
  readonly #waiting: VmMessage[] = [];
  readonly #context: CommandContext;
  #serving = false;
  #pause: Timer | undefined;
  #closed = false;
  #tokens = burst;
  #tokensAt: number;
  #shown: number = VmCommand.noAttention;
  #interrupts = false;

  constructor(
    options: SystemInterfaceOptions,
    counters: SystemInterfaceCounters,
    completions: CompletionCounts,
    send: (bytes: Uint8Array) => void,
  ) {
    this.#options = options;
    this.#counters = counters;
    this.#completions = completions;
    this.#send = send;
    this.#tokensAt = options.bmc.clock.now();
    const { bmc, state, lan } = options;
    this.#context = {
      bmc,
      state,
      lan,
      actor: hostActor,
      channel: Channel.systemInterface,
      session: undefined,
    };
  }

  start(): void {
    this.#send(encodeVmCommand(VmCommand.version, vmProtocolVersion));
    this.show(this.#options.state.hostMessages.attention);
  }

  close(): void {
    this.#closed = true;
    this.#pause?.cancel();
    this.#waiting.length = 0;
  }

  /** Tells the guest's interface of attention, and whether it may interrupt; only what has changed. */
  show({ wanted, interrupt }: Attention): void {
    const { receiveQueueInterrupt, eventBufferInterrupt } = this.#options.state.hostMessages.enables;
    const interrupts = receiveQueueInterrupt || eventBufferInterrupt;
    if (interrupts !== this.#interrupts) {
      this.#interrupts = interrupts;
      this.#send(encodeVmCommand(interrupts ? VmCommand.enableInterrupts : VmCommand.disableInterrupts));
    }
    const { noAttention, attention, attentionWithInterrupt } = VmCommand;
    const code = !wanted ? noAttention : interrupt ? attentionWithInterrupt : attention;
    if (code === this.#shown) return;
    this.#shown = code;
    this.#send(encodeVmCommand(code));
  }

  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    const badBefore = this.#reader.bad;
    const frames = this.#reader.push(bytes);
    this.#counters.badFrames += this.#reader.bad - badBefore;
    for (const frame of frames) this.#take(frame);
    this.#serve();
  }

  #take(frame: VmFrame): void {
    if (frame.kind === 'command') {
      // The restart itself is known from the machine. QEMU 7.2 does not tell of it here with a KCS; others may.
      if (frame.opcode === VmCommand.reset) this.#counters.guestResets++;
      return;
    }
    if (this.#waiting.length < mostWaiting) {
      this.#waiting.push(frame);
      return;
    }
    this.#counters.overrun++;
    this.#reply(frame, Uint8Array.of(CompletionCode.nodeBusy));
  }

  /** One message after the other, as a KCS would have it. */
  #serve(): void {
    while (!this.#serving && !this.#closed) {
      const [message] = this.#waiting;
      if (!message) return;
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        this.#rest(waitMs);
        return;
      }
      this.#waiting.shift();
      this.#tokens--;
      const reply = this.#run(message);
      if (!(reply instanceof Promise)) {
        this.#reply(message, reply);
        continue;
      }
      this.#serving = true;
      void reply.then((bytes) => {
        this.#serving = false;
        this.#reply(message, bytes);
        this.#serve();
      });
    }
  }

  /** How long until the guest may send the next. */
  #waitMs(): number {
    const now = this.#options.bmc.clock.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#tokensAt) * perSecond) / 1000);
    this.#tokensAt = now;
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / perSecond);
  }

  #rest(waitMs: number): void {
    if (this.#pause) return;
    this.#counters.delayed++;
    this.#pause = this.#options.bmc.clock.after(waitMs, () => {
      this.#pause = undefined;
      this.#serve();
    });
  }

  #run({ netFn, lun: rsLun, cmd, data }: VmMessage): Reply | Promise<Reply> {
    this.#counters.messages++;
    const { bmc, commands } = this.#options;
    const request = { netFn, rsLun, cmd, data };
    const definition = commands.find(request);
    if (definition && !permits(bmc.hostAccess.policy, definition)) {
      this.#counters.refusedByPolicy++;
      return Uint8Array.of(CompletionCode.insufficientPrivilege);
    }
    if (netFn === NetFn.app && sessionCommands.includes(cmd)) {
      return Uint8Array.of(CompletionCode.notSupportedInState);
    }
    return commands.dispatch(request, this.#context, 'administrator');
  }

  #reply({ id, netFn, lun, cmd }: VmMessage, data: Uint8Array): void {
    if (this.#closed) return;
    this.#completions.count(data);
    this.#send(encodeVmMessage({ id, netFn: netFn | 1, lun, cmd, data }));
    // The command may have changed what waits, or the watchdog's warning.
    this.show(this.#options.state.hostMessages.attention);
  }
}
