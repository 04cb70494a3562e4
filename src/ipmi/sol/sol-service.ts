/**
 * Serial-over-LAN of one BMC: which payload instances are active, in which sessions, and who may start and end
 * them. IPMI 2.0 §24.1–24.5.
 *
 * Instance 1 reads and types. Instances 2 to {@link solCapacity} only look on: they get the same output, with a
 * replay of its latest part, since a viewer cannot press Enter to see a prompt; what they type is refused. A
 * session carries one instance, because a SOL packet does not say to which instance it belongs.
 */
import { type Actor, atLeast } from '../../bmc/actor.ts';
import type { ConsoleHub } from '../../bmc/console.ts';
import type { ConsoleAttachment } from '../../bmc/console-attachment.ts';
import { BmcError } from '../../bmc/errors.ts';
import type { EventLog } from '../../bmc/event-log.ts';
import type { SolSettings } from '../../bmc/sol-settings.ts';
import type { Users } from '../../bmc/users.ts';
import { DecodeError } from '../../lib/bytes.ts';
import type { Clock } from '../../lib/clock.ts';
import { decode, encode } from '../../lib/codec.ts';
import type { Logger } from '../../lib/log.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { bmcAddress, encodeMessage } from '../message/message.ts';
import { NetFn } from '../message/net-fn.ts';
import { type PayloadProtection, type PayloadSession, PayloadType } from '../payload.ts';
import { BmcPacket, ConsolePacket } from './packet.ts';
import { SolPayload } from './sol-payload.ts';

/** Software ID of remote consoles. IPMI 2.0 Table 5-4. */
const remoteConsoleAddress = 0x81;

/** How many instances can be active at once. */
export const solCapacity = 4;
/** What a viewer is shown of the past. */
export const viewerReplayBytes = 16 * 1024;

/** Completion codes of Activate and Deactivate Payload. IPMI 2.0 Tables 24-2 and 24-3. */
export const SolRefusal = {
  alreadyActive: 0x80,
  alreadyInactive: 0x80,
  disabled: 0x81,
  limitReached: 0x82,
  withEncryption: 0x83,
  withoutEncryption: 0x84,
} as const;

/** Completion codes of Suspend/Resume Payload Encryption. IPMI 2.0 Table 24-4. */
export const EncryptionRefusal = {
  unsupported: 0x80,
  notAllowed: 0x81,
  unavailable: 0x82,
  inactive: 0x83,
} as const;

export interface SolServiceOptions {
  readonly console: ConsoleHub;
  readonly settings: SolSettings;
  readonly events: EventLog;
  readonly users: Users;
  readonly clock: Clock;
  readonly log: Logger;
  /** How much of the console's past instance 1 is sent at activation. */
  readonly replayBytes: number;
}

export interface SolInstance {
  readonly instance: number;
  readonly sessionId: number;
  readonly userId: number;
  readonly viewer: boolean;
}

export class SolService {
  readonly #options: SolServiceOptions;
  readonly #payloads = new Map<number, SolPayload>();
  /** Sessions that will tell us when they close. */
  readonly #watched = new WeakSet<PayloadSession>();

  constructor(options: SolServiceOptions) {
    this.#options = options;
    options.users.onChange(({ id, sol }) => {
      for (const payload of [...this.#payloads.values()]) {
        if (payload.session.userId === id && !sol)
          this.#end(payload, 'the user may not use it any more', true);
      }
    });
  }

  /** Active instances by rising number. */
  instances(): readonly SolInstance[] {
    return [...this.#payloads.values()]
      .sort((a, b) => a.instance - b.instance)
      .map(({ instance, session, viewer }) => ({
        instance,
        sessionId: session.id,
        userId: session.userId,
        viewer,
      }));
  }

  /**
   * Opens an instance in a session. Doing so again in the same session succeeds again.
   * @throws {CompletionError} as {@link SolRefusal}, or D4h when the user may not
   */
  activate(session: PayloadSession, instance: number, asked: PayloadProtection): void {
    const { events, log } = this.#options;
    this.#mayActivate(session, instance);
    const protection = this.#protectionFor(session, asked);
    const present = this.#payloads.get(instance);
    if (present?.session === session) {
      present.protection = protection;
      present.restart();
      return;
    }
    if (present) {
      throw new CompletionError(SolRefusal.alreadyActive, `SOL ${instance} is active in another session`);
    }
    if (this.#carriedBy(session)) {
      throw new CompletionError(SolRefusal.limitReached, 'the session carries another SOL instance');
    }
    const payload = new SolPayload({
      instance,
      session,
      attachment: this.#attach(session, instance),
      protection,
      settings: () => this.#options.settings.configuration,
      clock: this.#options.clock,
      onEnding: (why) => this.#end(payload, why, true),
      onBadPacket: (error) => log.debug({ sessionId: session.id, err: error }, 'bad SOL packet'),
    });
    this.#payloads.set(instance, payload);
    this.#watch(session);
    events.add('sol-activated', `SOL ${instance} opened by ${described(session)}`, session.actor);
    log.info({ sessionId: session.id, user: session.actor.name, instance }, 'SOL activated');
    // After the reply: a client is ready for characters only once it has read it.
    setImmediate(() => payload.begin());
  }

  /**
   * Closes an instance: one's own, one of the same user's, or anybody's for an administrator. Instance 1 is also freed
   * from whoever types by another way than SOL.
   * @throws {CompletionError} 80h when it is not active, D4h when it is somebody else's
   */
  deactivate(session: PayloadSession, instance: number): void {
    const payload = this.#payloads.get(instance);
    if (!payload) {
      this.#freeFromOthers(session, instance);
      return;
    }
    const own = payload.session === session;
    if (!own && payload.session.userId !== session.userId && session.privilege !== 'administrator') {
      throw new CompletionError(
        CompletionCode.insufficientPrivilege,
        `SOL ${instance} belongs to another user`,
      );
    }
    this.#end(payload, `closed by ${described(session)}`, !own, session.actor);
  }

  /** Encrypts an instance's packets from now on, or no longer. @throws {CompletionError} as {@link EncryptionRefusal} */
  encrypt(session: PayloadSession, instance: number, encrypted: boolean): void {
    const payload = this.#payloads.get(instance);
    if (payload?.session !== session) {
      throw new CompletionError(EncryptionRefusal.inactive, `SOL ${instance} is not active in this session`);
    }
    if (encrypted && !session.canEncrypt) {
      throw new CompletionError(EncryptionRefusal.unavailable, 'the session has no encryption');
    }
    if (!encrypted && this.#options.settings.configuration.forceEncryption) {
      throw new CompletionError(EncryptionRefusal.notAllowed, 'SOL must be encrypted');
    }
    payload.protection = { ...payload.protection, encrypted };
  }

  /** Ends all instances with a notice. */
  stop(): void {
    for (const payload of [...this.#payloads.values()]) this.#end(payload, 'the BMC stops', true);
  }

  /** Somebody who came another way may type in the place of instance 1; it is given up like an instance. */
  #freeFromOthers(session: PayloadSession, instance: number): void {
    const { console } = this.#options;
    const writer = instance === 1 ? console.attendees.find(({ mode }) => mode === 'write') : undefined;
    if (!writer) throw new CompletionError(SolRefusal.alreadyInactive, `SOL ${instance} is not active`);
    if (writer.userName !== session.actor.name && session.privilege !== 'administrator') {
      throw new CompletionError(
        CompletionCode.insufficientPrivilege,
        `the console is in use by ${writer.name}`,
      );
    }
    console.freeWriter(described(session));
  }

  #mayActivate(session: PayloadSession, instance: number): void {
    const { settings, users } = this.#options;
    const { enabled, privilege } = settings.configuration;
    if (!enabled) throw new CompletionError(SolRefusal.disabled, 'SOL is disabled');
    const user = users.get(session.userId);
    if (!user?.enabled || !user.sol) {
      throw new CompletionError(CompletionCode.insufficientPrivilege, 'the user may not open SOL');
    }
    if (!atLeast(session.privilege, privilege)) {
      throw new CompletionError(CompletionCode.insufficientPrivilege, `SOL wants the ${privilege} level`);
    }
    if (instance < 1 || instance > solCapacity) {
      throw new CompletionError(SolRefusal.limitReached, `SOL has instances 1 to ${solCapacity}`);
    }
  }

  #protectionFor(session: PayloadSession, asked: PayloadProtection): PayloadProtection {
    const { forceEncryption, forceAuthentication } = this.#options.settings.configuration;
    if (asked.encrypted && !session.canEncrypt) {
      throw new CompletionError(SolRefusal.withEncryption, 'the session has no encryption');
    }
    if (!asked.encrypted && forceEncryption) {
      throw new CompletionError(SolRefusal.withoutEncryption, 'SOL must be encrypted');
    }
    // There is no code of its own for missing authentication.
    if ((asked.authenticated || forceAuthentication) && !session.canAuthenticate) {
      throw new CompletionError(CompletionCode.notSupportedInState, 'the session has no integrity check');
    }
    // FreeIPMI 1.6 expects every packet of a session with integrity to be authenticated.
    return { encrypted: asked.encrypted, authenticated: session.canAuthenticate };
  }

  #attach(session: PayloadSession, instance: number): ConsoleAttachment {
    const who = { name: described(session), userName: session.actor.name };
    if (instance > 1) {
      return this.#options.console.attach({ mode: 'read', ...who, replayBytes: viewerReplayBytes });
    }
    try {
      return this.#options.console.attach({ mode: 'write', ...who, replayBytes: this.#options.replayBytes });
    } catch (error) {
      if (!(error instanceof BmcError && error.kind === 'busy')) throw error;
      throw new CompletionError(SolRefusal.alreadyActive, error.message);
    }
  }

  #carriedBy(session: PayloadSession): SolPayload | undefined {
    return [...this.#payloads.values()].find((payload) => payload.session === session);
  }

  #watch(session: PayloadSession): void {
    if (this.#watched.has(session)) return;
    this.#watched.add(session);
    session.onClose(() => {
      const payload = this.#carriedBy(session);
      if (payload) this.#end(payload, 'the session ended', false);
    });
  }

  /** @param actor who closes it; absent where nobody does */
  #end(payload: SolPayload, why: string, tell: boolean, actor?: Actor): void {
    if (this.#payloads.get(payload.instance) !== payload) return;
    this.#payloads.delete(payload.instance);
    const { session, instance, counters } = payload;
    payload.end(tell ? `\r\n[SOL deactivated: ${why}]\r\n` : undefined);
    if (tell) dismiss(session);
    this.#options.events.add('sol-deactivated', `SOL ${instance} of ${described(session)}: ${why}`, actor);
    this.#options.log.info({ sessionId: session.id, instance, why, ...counters }, 'SOL deactivated');
  }
}

function described({ actor }: PayloadSession): string {
  return actor.from === undefined ? actor.name : `${actor.name} (${actor.from})`;
}

/**
 * Makes sure that a client whose payload was ended by others notices, although a packet may get lost and
 * although ipmitool 1.8.19 ignores the deactivating bit.
 */
function dismiss(session: PayloadSession): void {
  if (!session.open) return;
  const protection = { encrypted: session.canEncrypt, authenticated: session.canAuthenticate };
  // ipmitool leaves SOL ("SOL session closed by BMC") when something arrives that is no SOL packet and nothing
  // follows for its time-out of a second or two. An answer to a Deactivate Payload it never sent does that;
  // FreeIPMI and pyghmi drop answers that they do not wait for.
  session.sendPayload(PayloadType.ipmi, unaskedDeactivateResponse, protection);
  const notice = encode(BmcPacket, {
    sequence: 0,
    acknowledged: 0,
    acceptedCount: 0,
    status: { nack: false, unavailable: true, deactivating: true, overrun: false, breakDetected: false },
    data: new Uint8Array(),
  });
  const answer = (payload: Uint8Array): void => {
    try {
      // Only to characters: to answer acknowledgements would keep ipmitool waiting.
      if (decode(ConsolePacket, payload, 'SOL packet').sequence === 0) return;
    } catch (error) {
      if (error instanceof DecodeError) return;
      throw error;
    }
    session.sendPayload(PayloadType.sol, notice, protection);
  };
  // Nothing is carried any more: the session gets no longer life from it.
  session.onPayload(PayloadType.sol, answer, { keepAlive: false });
}

/** A sequence number that clients, which count from 0 or 1, are unlikely to be waiting for. */
const unusualSequence = 0x3f;
const unaskedDeactivateResponse = encodeMessage({
  rsAddr: remoteConsoleAddress,
  netFn: NetFn.app | 1,
  rsLun: 0,
  rqAddr: bmcAddress,
  rqSeq: unusualSequence,
  rqLun: 0,
  cmd: 0x49,
  data: Uint8Array.of(CompletionCode.ok),
});
