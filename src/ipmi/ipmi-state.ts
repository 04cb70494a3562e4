/** What the IPMI face keeps of one BMC beside the core: shared by every channel, LAN and system interface alike. */
import type { Actor } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import type { ReceivedEvent } from '../bmc/event-receiver.ts';
import { SetInProgress } from '../bmc/set-in-progress.ts';
import { encode } from '../lib/codec.ts';
import { AcpiState } from './acpi-state.ts';
import { Alerting, type SendTrap, udpTrapSender } from './alerting.ts';
import { BootOptions } from './boot-options.ts';
import { bmcSupports, DeviceSupport } from './commands/app.ts';
import { SystemInfoWriter } from './commands/system-info.ts';
import { FruDevice } from './fru-device.ts';
import { HostMessages } from './host-messages.ts';
import { ownSdrs } from './records/sdr.ts';
import { SelRecord, unloggedId } from './records/sel.ts';
import { discreteTypes, EventType } from './records/sensor-types.ts';
import { SdrRepository } from './sdr-repository.ts';
import { SelAccess } from './sel-access.ts';
import { feedSel } from './sel-feed.ts';

/** Most of it is made when first asked for: nobody ever asks an idle BMC. */
export class IpmiState {
  readonly fru: FruDevice;
  readonly pefSetInProgress = new SetInProgress('PEF settings');
  readonly #bmc: Bmc;
  readonly #sendTrap: SendTrap | undefined;
  readonly #startedAt: number;
  #bootOptions: BootOptions | undefined;
  #hostMessages: HostMessages | undefined;
  #systemInfo: SystemInfoWriter | undefined;
  #acpi: AcpiState | undefined;
  #selAccess: SelAccess | undefined;
  #sdr: SdrRepository | undefined;
  #alerting: Alerting | undefined;
  /** The last Chassis Control that was accepted: who sent it, and over which channel. */
  lastControl: { readonly actor: Actor; readonly channel: number } | undefined;

  /** @param options.sendTrap how alerts leave; by UDP to port 162 if absent */
  constructor(bmc: Bmc, options: { readonly sendTrap?: SendTrap } = {}) {
    this.fru = new FruDevice(bmc);
    this.#bmc = bmc;
    this.#sendTrap = options.sendTrap;
    this.#startedAt = bmc.clock.now();
    const { eventReceiver } = bmc;
    // A host that has said nothing yet wants its events in the SEL, and none of them for itself.
    eventReceiver.logs = () => this.#hostMessages?.enables.eventLogging !== false;
    eventReceiver.onRecord(({ event, time, entry }) => {
      if (!this.#hostMessages?.enables.eventMessageBuffer || isBookkeeping(event)) return;
      const record = entry ?? { id: unloggedId, time, content: event };
      this.#hostMessages.offerEvent(encode(SelRecord, record));
    });
    bmc.pef.onAlert((alert) => this.alerting.follow(alert));
    bmc.pef.testBy((destination) => this.alerting.test(destination));
    feedSel(bmc);
  }

  get bootOptions(): BootOptions {
    this.#bootOptions ??= new BootOptions(this.#bmc);
    return this.#bootOptions;
  }

  /** What waits for the host on the system interface. */
  get hostMessages(): HostMessages {
    this.#hostMessages ??= new HostMessages(this.#bmc);
    return this.#hostMessages;
  }

  get systemInfo(): SystemInfoWriter {
    this.#systemInfo ??= new SystemInfoWriter(this.#bmc.hostInfo);
    return this.#systemInfo;
  }

  get acpi(): AcpiState {
    this.#acpi ??= new AcpiState(this.#bmc.power);
    return this.#acpi;
  }

  get selAccess(): SelAccess {
    this.#selAccess ??= new SelAccess(this.#bmc.sel);
    return this.#selAccess;
  }

  get alerting(): Alerting {
    const [bmc, startedAt] = [this.#bmc, this.#startedAt];
    this.#alerting ??= new Alerting({
      bmc,
      lan: bmc.lan,
      startedAt,
      send: this.#sendTrap ?? udpTrapSender(),
    });
    return this.#alerting;
  }

  /** Made when first asked for, since it needs the sensors. */
  get sdr(): SdrRepository {
    const [supports = 0] = encode(DeviceSupport, bmcSupports);
    this.#sdr ??= new SdrRepository(this.#bmc, ownSdrs(this.#bmc, supports));
    return this.#sdr;
  }
}

const { code: systemEvent, offsets } = discreteTypes['system-event'];

/**
 * What somebody has changed in the BMC goes into the SEL, but does not wait in the event message buffer: it is no news of
 * the hardware, and ipmitool takes whatever the kernel still has for it as the answer to its first request.
 */
function isBookkeeping(event: ReceivedEvent['event']): boolean {
  const offset = event.data[0] & 0x0f;
  return (
    event.sensorType === systemEvent &&
    event.eventType === EventType.sensorSpecific &&
    (offset === offsets.reconfigured || offset === offsets['clock-changed'])
  );
}
