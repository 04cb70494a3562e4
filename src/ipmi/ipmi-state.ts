/** What the IPMI face keeps of one BMC beside the core: shared by every channel, LAN and system interface alike. */
import type { Actor } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
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
import { SdrRepository } from './sdr-repository.ts';
import { SelAccess } from './sel-access.ts';
import { feedSel } from './sel-feed.ts';

export class IpmiState {
  readonly bootOptions: BootOptions;
  /** What waits for the host on the system interface. */
  readonly hostMessages: HostMessages;
  readonly systemInfo: SystemInfoWriter;
  readonly acpi: AcpiState;
  readonly selAccess: SelAccess;
  readonly fru: FruDevice;
  readonly #bmc: Bmc;
  #sdr: SdrRepository | undefined;
  readonly pefSetInProgress = new SetInProgress('PEF settings');
  readonly alerting: Alerting;
  /** The last Chassis Control that was accepted: who sent it, and over which channel. */
  lastControl: { readonly actor: Actor; readonly channel: number } | undefined;

  /** @param options.sendTrap how alerts leave; by UDP to port 162 if absent */
  constructor(bmc: Bmc, options: { readonly sendTrap?: SendTrap } = {}) {
    this.bootOptions = new BootOptions(bmc);
    this.hostMessages = new HostMessages(bmc);
    this.systemInfo = new SystemInfoWriter(bmc.hostInfo);
    this.acpi = new AcpiState(bmc.power);
    this.selAccess = new SelAccess(bmc.sel);
    this.fru = new FruDevice(bmc);
    this.#bmc = bmc;
    this.alerting = new Alerting({ bmc, lan: bmc.lan, send: options.sendTrap ?? udpTrapSender() });
    const { eventReceiver } = bmc;
    eventReceiver.logs = () => this.hostMessages.enables.eventLogging;
    eventReceiver.onRecord(({ event, time, entry }) => {
      const record = entry ?? { id: unloggedId, time, content: event };
      this.hostMessages.offerEvent(encode(SelRecord, record));
    });
    feedSel(bmc);
  }

  /** Made when first asked for, since it needs the sensors. */
  get sdr(): SdrRepository {
    const [supports = 0] = encode(DeviceSupport, bmcSupports);
    this.#sdr ??= new SdrRepository(this.#bmc, ownSdrs(this.#bmc, supports));
    return this.#sdr;
  }
}
