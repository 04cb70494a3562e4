/**
 * Carries alerts to their destinations as platform event traps over UDP. IPMI 2.0 §17.11 (policies), §17.16 (traps),
 * Table 23-4, parameters 16 to 19 (destinations).
 *
 * An alert follows the enabled entries of its policy in the order of the table; each entry may depend on whether the
 * one before it succeeded. A trap that is to be acknowledged has succeeded when it was, one that is not when it was
 * sent; it is then repeated as often as the destination says.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import type { Bmc } from '../bmc/bmc.ts';
import { BmcError } from '../bmc/errors.ts';
import type { EventSeverity } from '../bmc/event-filter.ts';
import type { AlertDestination, LanSettings } from '../bmc/lan-settings.ts';
import type { AlertOutcome, PefAlert } from '../bmc/pef.ts';
import type { SystemEvent } from '../bmc/sel.ts';
import { delay } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { Channel } from './commands/command.ts';
import { manufacturerId, productId } from './manufacturer.ts';
import { encodePet, maxPetText, type PlatformEventTrap, petEpoch } from './records/pet.ts';
import { bmcGeneratorId } from './records/sel.ts';
import { sensorNumber } from './records/sensor-numbers.ts';
import { entityId } from './records/sensor-types.ts';

/** RFC 1157: where managers wait for traps. */
export const snmpTrapPort = 162;

/** Sends one datagram. @throws {Error} when the network refuses it */
export type SendTrap = (datagram: Uint8Array, address: string) => Promise<void>;

export interface AlertingOptions {
  readonly bmc: Bmc;
  readonly lan: Pick<LanSettings, 'access' | 'configuration' | 'destinations' | 'network'>;
  readonly send: SendTrap;
  /** By the BMC's clock: since when it is up, as traps tell. */
  readonly startedAt: number;
}

/** What became of the last alert that somebody sent by command. §30.7 */
export type ImmediateStatus = 'none' | 'in-progress' | 'sent' | 'not-sent' | 'not-acknowledged';

/** What a PET Acknowledge command says of the trap that it is about. §30.8 */
export interface TrapAcknowledge {
  readonly sequence: number;
  readonly localTime: number;
  readonly sensorNumber: number;
  readonly data: readonly number[];
}

interface Waiting {
  readonly trap: PlatformEventTrap;
  readonly acknowledged: () => void;
}

/** What is to be told: an event, how grave it is and a text with it. */
export interface AlertContent {
  readonly event: SystemEvent;
  /** Seconds since 1970 by the SEL's clock. */
  readonly time: number;
  readonly severity: EventSeverity;
  readonly text: string;
}

/** Of an alert that is not about an event. */
export const noEvent: SystemEvent = {
  kind: 'system',
  generatorId: 0x0020,
  messageRevision: 4,
  sensorType: 0,
  sensorNumber: 0,
  asserted: true,
  eventType: 0,
  data: [0, 0, 0],
};

export class Alerting {
  readonly #bmc: Bmc;
  readonly #lan: AlertingOptions['lan'];
  readonly #send: SendTrap;
  readonly #log: Logger;
  readonly #startedAt: number;
  readonly #waiting = new Set<Waiting>();
  #sequence = 0;
  #immediate: ImmediateStatus = 'none';

  constructor({ bmc, lan, send, startedAt }: AlertingOptions) {
    this.#bmc = bmc;
    this.#lan = lan;
    this.#send = send;
    this.#log = bmc.log.child({ part: 'alerting' });
    this.#startedAt = startedAt;
  }

  /** Tells whoever the alert's policy names. */
  follow(alert: PefAlert): void {
    this.#follow(alert).catch((error) => this.#log.error({ err: error }, 'alert failed'));
  }

  /** @throws {BmcError} `not-found` for a destination that is none, or has no address */
  async test(number: number): Promise<AlertOutcome> {
    const destination = this.destination(number);
    if (!destination) throw new BmcError('not-found', `alert destination ${number} has no address`);
    const { sel } = this.#bmc;
    return this.#deliver(destination, { event: noEvent, time: sel.time, severity: 'unspecified', text: '' });
  }

  get immediateStatus(): ImmediateStatus {
    return this.#immediate;
  }

  clearImmediateStatus(): void {
    if (this.#immediate !== 'in-progress') this.#immediate = 'none';
  }

  /** @returns undefined when there is no such destination, or no address in it */
  destination(number: number): AlertDestination | undefined {
    const found = this.#lan.destinations[number];
    return found && isAddress(found.address) ? found : undefined;
  }

  /** Sends an alert by command; {@link immediateStatus} tells what becomes of it. */
  sendImmediately(destination: AlertDestination, content: AlertContent): void {
    this.#immediate = 'in-progress';
    this.#deliver(destination, content)
      .then((outcome) => {
        this.#immediate = outcome;
      })
      .catch((error) => {
        this.#immediate = 'not-sent';
        this.#log.error({ err: error }, 'alert failed');
      });
  }

  /** @returns whether a trap was waiting for this */
  acknowledge(ack: TrapAcknowledge): boolean {
    for (const waiting of this.#waiting) {
      const { sequence, localTime, event } = waiting.trap;
      if (
        sequence === ack.sequence &&
        localTime === ack.localTime &&
        event.sensorNumber === ack.sensorNumber &&
        event.data.every((byte, index) => byte === ack.data[index])
      ) {
        waiting.acknowledged();
        return true;
      }
    }
    return false;
  }

  async #follow({ received, severity, policyNumber, filterNumber }: PefAlert): Promise<void> {
    const { pef } = this.#bmc;
    // There is one channel with destinations and one type of them, so rules 3 and 4 go on to nowhere.
    let sent = false;
    for (const policy of pef.settings.policies) {
      if (!policy.enabled || policy.policyNumber !== policyNumber) continue;
      if (sent && policy.rule === 'stop-if-sent') return;
      if (sent && policy.rule !== 'always') continue;
      const destination = this.destination(policy.destination);
      if (policy.channel !== Channel.lan || !this.#lan.access.alerting || !destination) {
        this.#log.info({ policyNumber, destination: policy.destination }, 'alert has nowhere to go');
        sent = false;
        continue;
      }
      const text = pef.alertString(policy, filterNumber);
      const content = { event: received.event, time: received.time, severity, text };
      sent = (await this.#deliver(destination, content)) === 'sent';
    }
  }

  async #deliver(destination: AlertDestination, content: AlertContent): Promise<AlertOutcome> {
    const { clock } = this.#bmc;
    const { address, acknowledged, retries, retryIntervalS } = destination;
    const trap = await this.#trap(content);
    const datagram = encodePet(trap);
    const fields = { to: address, sequence: trap.sequence };
    const attempt = async (): Promise<boolean> => {
      try {
        await this.#send(datagram, address);
        return true;
      } catch (error) {
        this.#log.warn({ err: error, ...fields }, 'trap not sent');
        return false;
      }
    };
    if (!acknowledged) {
      const sent = await attempt();
      void this.#repeat(attempt, retries, retryIntervalS);
      this.#log.info({ ...fields, sent }, 'alert');
      return sent ? 'sent' : 'not-sent';
    }
    let waiting: Waiting | undefined;
    const answered = new Promise<'acknowledged'>((resolve) => {
      waiting = { trap, acknowledged: () => resolve('acknowledged') };
      this.#waiting.add(waiting);
    });
    try {
      for (let left = retries; left >= 0; left--) {
        await attempt();
        const timeoutMs = Math.max(1, retryIntervalS) * 1000;
        if ((await Promise.race([answered, delay(clock, timeoutMs)])) === 'acknowledged') {
          this.#log.info(fields, 'alert acknowledged');
          return 'sent';
        }
      }
    } finally {
      if (waiting) this.#waiting.delete(waiting);
    }
    this.#log.warn(fields, 'alert not acknowledged');
    return 'not-acknowledged';
  }

  async #repeat(attempt: () => Promise<boolean>, times: number, intervalS: number): Promise<void> {
    for (let left = times; left > 0; left--) {
      await delay(this.#bmc.clock, Math.max(1, intervalS) * 1000);
      await attempt();
    }
  }

  async #trap({ event, time, severity, text }: AlertContent): Promise<PlatformEventTrap> {
    const { sel, pef, sensors, identity, clock } = this.#bmc;
    const network = await this.#lan.network.state();
    this.#sequence = (this.#sequence % 0xffff) + 1;
    const { utcOffsetMinutes } = sel;
    const own = event.generatorId === bmcGeneratorId;
    const sensor =
      own && sensors.list().find(({ definition }) => sensorNumber(definition.key) === event.sensorNumber);
    const entity = sensor ? sensor.definition.entity : undefined;
    return {
      community: this.#lan.configuration.community,
      agentAddress: Uint8Array.from((network?.v4?.address ?? '0.0.0.0').split('.'), Number),
      upTime: Math.floor((clock.now() - this.#startedAt) / 10) % 2 ** 32,
      guid: Buffer.from(pef.settings.alertGuidHex ?? identity.uuid.replaceAll('-', ''), 'hex'),
      sequence: this.#sequence,
      localTime: Math.max(0, time - petEpoch + (utcOffsetMinutes ?? 0) * 60),
      utcOffsetMinutes,
      event,
      severity,
      entityId: entity ? entityId(entity.kind) : 0,
      entityInstance: entity ? entity.instance : 0,
      manufacturerId,
      systemId: productId,
      text: text.slice(0, maxPetText),
    };
  }
}

function isAddress(address: string): boolean {
  return isIP(address) !== 0 && address !== '0.0.0.0' && address !== '::';
}

export interface UdpTrapSender extends SendTrap {
  close(): void;
}

export interface UdpTrapSenderOptions {
  readonly port?: number;
  readonly from?: string;
  readonly failed?: (error: Error) => void;
}

/**
 * Sends from sockets of its own, opened when first needed. They keep no process alive.
 * @param options.from the address to send from, where the destination is of its family; any if absent
 * @param options.failed told of what goes wrong with a socket after it was opened; the socket stays good
 */
export function udpTrapSender(options: UdpTrapSenderOptions = {}): UdpTrapSender {
  const { port = snmpTrapPort, from, failed } = options;
  const sockets = new Map<4 | 6, Promise<Socket>>();
  const open = (family: 4 | 6): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
      socket.unref();
      socket.once('error', reject);
      const address = from !== undefined && isIP(from) === family ? from : undefined;
      socket.bind({ port: 0, ...(address !== undefined && { address }) }, () => {
        socket.off('error', reject);
        socket.on('error', (error) => failed?.(error));
        resolve(socket);
      });
    });
  const socketFor = (family: 4 | 6): Promise<Socket> => {
    const known = sockets.get(family);
    if (known) return known;
    const opened = open(family);
    sockets.set(family, opened);
    opened.catch(() => sockets.delete(family));
    return opened;
  };
  const send: SendTrap = async (datagram, address) => {
    const socket = await socketFor(isIPv6(address) ? 6 : 4);
    await new Promise<void>((resolve, reject) => {
      socket.send(datagram, port, address, (error) => (error ? reject(error) : resolve()));
    });
  };
  return Object.assign(send, {
    close() {
      // A socket that could not be opened was reported by whoever wanted to send.
      for (const opened of sockets.values()) opened.then((socket) => socket.close()).catch(() => undefined);
      sockets.clear();
    },
  });
}
