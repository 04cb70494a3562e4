/**
 * One baseboard management controller: the hardware-neutral core that every face (IPMI over LAN, Redfish, …)
 * talks to. Nothing here is global: a process may hold a thousand of these.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { Actor } from './actor.ts';
import { Asset } from './asset.ts';
import { Boot } from './boot.ts';
import { BootProgress } from './boot-progress.ts';
import { Configuration } from './configuration.ts';
import { addCoreParts } from './configuration-parts.ts';
import { ConsoleHub } from './console.ts';
import { PowerOnTime } from './counters.ts';
import { EventLog } from './event-log.ts';
import { EventReceiver } from './event-receiver.ts';
import { Faults } from './faults.ts';
import { FirmwareUpdate } from './firmware-update.ts';
import { FrontPanel } from './front-panel.ts';
import { Fru } from './fru.ts';
import { HostAccess, type HostAccessPolicy } from './host-access.ts';
import { HostInfo } from './host-info.ts';
import { Identify } from './identify.ts';
import type { Identity } from './identity.ts';
import type { MachineInventory } from './inventory.ts';
import { type LanOptions, LanSettings } from './lan-settings.ts';
import { LoginGuard } from './login-guard.ts';
import type { Machine, MachineNic, MachineSetup, NicCounters } from './machine.ts';
import { MachineSettings } from './machine-settings.ts';
import { type MediaDependencies, VirtualMedia } from './media.ts';
import type { ImageFetcher } from './media-images.ts';
import { logNetworkEvents } from './network-events.ts';
import { OpenSessions } from './open-sessions.ts';
import { Pef } from './pef.ts';
import { Power } from './power.ts';
import { PowerLimit } from './power-limit.ts';
import type { RestorePolicy } from './power-record.ts';
import { ScreenHub } from './screen.ts';
import { type SecureBoot, secureBootOf } from './secure-boot.ts';
import { Sel } from './sel.ts';
import { SelfTest } from './self-test.ts';
import { Sensors } from './sensors/sensors.ts';
import { SolSettings } from './sol-settings.ts';
import type { Store } from './store.ts';
import { logTpmEvents } from './tpm-events.ts';
import { BootCertificates } from './trusted-certificates.ts';
import type { UserSpec } from './user-seeds.ts';
import { Users } from './users.ts';
import { Watchdog } from './watchdog.ts';

export interface BmcOptions {
  readonly machine: Machine;
  readonly identity: Identity;
  readonly users: readonly UserSpec[];
  /** Passwords that are set are no shorter. 1 if absent. */
  readonly minPasswordBytes?: number;
  /** What is configured of the LAN channel. */
  readonly lan?: LanOptions;
  /** Where images for virtual media come from and are kept. Without it there are no virtual media. */
  readonly media?: Pick<MediaDependencies, 'images' | 'fetcher' | 'remote' | 'library'>;
  readonly restorePolicy: RestorePolicy;
  /** What software in the host may do by the system interface, at first; `full` if absent. */
  readonly hostAccess?: HostAccessPolicy;
  /** How long a guest may take over an orderly shutdown before that is reported. */
  readonly softOffTimeoutMs: number;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** `cold` also forgets what is volatile in the BMC. IPMI 2.0 §20.2, §20.3. */
export interface BmcReset {
  readonly kind: 'cold' | 'warm';
  readonly actor: Actor;
}

/** What keeps its settings when the others go back to their defaults. */
export const resetsToDefaults = ['all', 'preserve-network', 'preserve-network-and-users'] as const;
export type ResetToDefaults = (typeof resetsToDefaults)[number];

export class Bmc {
  readonly identity: Identity;
  /** For what a face keeps of its own. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly users: Users;
  readonly events: EventLog;
  readonly boot: Boot;
  readonly bootCertificates: BootCertificates;
  readonly power: Power;
  readonly bootProgress: BootProgress;
  readonly console: ConsoleHub;
  readonly screen: ScreenHub;
  readonly sol: SolSettings;
  readonly lan: LanSettings;
  readonly loginGuard: LoginGuard;
  /** Sessions of faces that have no list of their own for the others. */
  readonly openSessions: OpenSessions;
  readonly hostAccess: HostAccess;
  /** What a tester has broken. */
  readonly faults = new Faults();
  readonly identify: Identify;
  readonly frontPanel: FrontPanel;
  readonly powerOnTime: PowerOnTime;
  readonly watchdog: Watchdog;
  readonly hostInfo: HostInfo;
  readonly selfTest: SelfTest;
  readonly sel: Sel;
  readonly eventReceiver: EventReceiver;
  readonly pef: Pef;
  readonly sensors: Sensors;
  readonly powerLimit: PowerLimit;
  readonly machineSettings: MachineSettings;
  readonly secureBoot: SecureBoot | undefined;
  readonly firmware: FirmwareUpdate;
  readonly asset: Asset;
  readonly fru: Fru;
  readonly media: VirtualMedia | undefined;
  /** Gets files from other servers; absent where nobody is to. */
  readonly fetcher: ImageFetcher | undefined;
  readonly #resets = new Emitter<BmcReset>();
  readonly #defaults = new Emitter<{ readonly kind: ResetToDefaults; readonly actor: Actor }>();
  readonly #machine: Machine;
  #configuration: Configuration | undefined;

  constructor(options: BmcOptions) {
    const { machine, store, clock, log } = options;
    this.identity = options.identity;
    this.store = store;
    this.clock = clock;
    this.random = options.random;
    this.log = log;
    this.#machine = machine;
    this.events = new EventLog(clock, store, log);
    const { users: specs, random, minPasswordBytes } = options;
    this.users = new Users({
      specs,
      store,
      events: this.events,
      clock,
      random,
      ...(minPasswordBytes !== undefined && { minPasswordBytes }),
    });
    this.openSessions = new OpenSessions(this.events);
    const { hostAccess: configured = 'full' } = options;
    this.hostAccess = new HostAccess({ configured, store, events: this.events });
    this.boot = new Boot({ clock, store, events: this.events, log });
    this.bootCertificates = new BootCertificates({ store, events: this.events });
    this.console = new ConsoleHub(machine.console, clock);
    this.screen = new ScreenHub({ machine, clock });
    this.sol = new SolSettings({ store, events: this.events });
    this.lan = new LanSettings(options.lan ?? {}, {
      store,
      events: this.events,
      random: options.random,
      clock,
    });
    this.loginGuard = new LoginGuard({ users: this.users, lan: this.lan, events: this.events, clock });
    this.power = new Power({
      machine,
      boot: this.boot,
      events: this.events,
      store,
      clock,
      log,
      restorePolicy: options.restorePolicy,
      softOffTimeoutMs: options.softOffTimeoutMs,
      faults: this.faults,
      holdMedia: () => this.media?.hold() ?? (() => undefined),
    });
    const { power, events } = this;
    this.bootProgress = new BootProgress({ clock, console: this.console, power, machine });
    logNetworkEvents(machine, events);
    logTpmEvents(machine, events);
    this.identify = new Identify({ clock, events });
    this.frontPanel = new FrontPanel({ power, store, events });
    this.powerOnTime = new PowerOnTime({ clock, store, log, power });
    this.watchdog = new Watchdog({ clock, power, events, log });
    this.hostInfo = new HostInfo({ store, events, power });
    this.selfTest = new SelfTest({ clock, store, log });
    this.sel = new Sel({ clock, events, store });
    this.eventReceiver = new EventReceiver({ sel: this.sel, events, log });
    const { sel, watchdog, identity } = this;
    const mediumInserted = () => this.media !== undefined && this.media.inDrives.length > 0;
    this.sensors = new Sensors({ machine, power, watchdog, sel, mediumInserted, events, store, clock, log });
    this.powerLimit = new PowerLimit({ machine, power, sensors: this.sensors, events, store, clock, log });
    this.asset = new Asset({ store, events, identity });
    this.fru = new Fru({ identity, asset: this.asset, events, store, clock });
    this.machineSettings = new MachineSettings({ store, events, machine });
    this.secureBoot = secureBootOf(machine, events);
    this.firmware = new FirmwareUpdate({
      machine: machine.firmware,
      next: () => this.machineSettings.next,
      store,
      events,
      clock,
      log,
    });
    this.fetcher = options.media?.fetcher;
    this.media = options.media && new VirtualMedia({ ...options.media, machine, store, events, clock, log });
    machine.setUpBy(() => this.#machineSetup());
    this.pef = new Pef({
      sel: this.sel,
      eventReceiver: this.eventReceiver,
      power,
      events,
      store,
      clock,
      log,
    });
  }

  /** The settings as one document. Made when first asked for. */
  get configuration(): Configuration {
    if (!this.#configuration) {
      this.#configuration = new Configuration(this.events);
      addCoreParts(this.#configuration, this);
    }
    return this.#configuration;
  }

  /** Told of whatever happens to the machine: what is told of it may be otherwise. */
  onMachineEvent(listener: () => void): () => void {
    return this.#machine.on(listener);
  }

  /** What the machine consists of. */
  get inventory(): MachineInventory {
    return this.#machine.inventory;
  }

  /** The network cards as they are attached now; none while the machine is off. */
  get nics(): readonly MachineNic[] {
    return this.#machine.nics;
  }

  /** What has gone through a card; undefined where nobody counts. */
  nicCounters(id: string): NicCounters | undefined {
    return this.#machine.nicCounters(id);
  }

  /** A disk that refuses must not keep the machine from starting. */
  #machineSetup(): MachineSetup {
    let labels: MachineSetup['labels'];
    try {
      labels = this.fru.fields;
    } catch (error) {
      this.log.error({ err: error }, 'the machine starts without labels');
    }
    const media = this.media?.inDrives ?? [];
    return {
      labels,
      hardware: this.machineSettings.wishes,
      media,
      firmware: this.firmware.files,
      bootAuthorities: this.bootCertificates.all.map(({ pem }) => pem),
    };
  }

  /** Told when a client wants the BMC itself to start anew; the machine is to go on. */
  onResetRequest(listener: (reset: BmcReset) => void): () => void {
    return this.#resets.on(listener);
  }

  /** Asks whoever runs this BMC to start it anew. Returns at once. */
  requestReset(reset: BmcReset): void {
    this.events.add('configuration', `${reset.kind} reset of the BMC by ${reset.actor.name}`, reset.actor);
    if (reset.kind === 'cold') this.watchdog.stop();
    this.#resets.emit(reset);
  }

  /**
   * Makes the settings what a first start would make them, each part its own, and asks for a cold start of the BMC. The
   * machine goes on: its power, disks and what it is made of are no settings of the BMC, and neither are the
   * records of what happened (SEL, event log) and the labels of the server (FRU, asset tag).
   * @throws {BmcError} as the store refuses; parts that come later keep their settings then
   */
  resetToDefaults(kind: ResetToDefaults, actor: Actor): void {
    this.events.add(
      'configuration',
      `settings of the BMC back to their defaults (${kind}) by ${actor.name}`,
      actor,
    );
    this.boot.set(undefined, actor, { choices: {} });
    this.bootCertificates.resetToDefaults(actor);
    this.sol.resetToDefaults(actor);
    this.hostAccess.resetToDefaults(actor);
    this.pef.resetToDefaults(actor);
    this.sensors.restoreFactorySettings(actor);
    this.power.resetToDefaults(actor);
    this.powerLimit.deactivate(actor);
    this.frontPanel.disable(new Set(), actor);
    if (kind === 'all') {
      this.lan.resetToDefaults(this.random, actor);
      this.lan.network.resetToDefaults(actor);
    }
    if (kind !== 'preserve-network-and-users') this.users.resetToDefaults(actor);
    this.#defaults.emit({ kind, actor });
    this.requestReset({ kind: 'cold', actor });
  }

  /** Told when settings go back to their defaults, for what a face keeps of its own. */
  onResetToDefaults(listener: (kind: ResetToDefaults, actor: Actor) => void): () => void {
    return this.#defaults.on(({ kind, actor }) => listener(kind, actor));
  }

  /**
   * Takes over a machine that still runs, or does at power return what the restore policy and `powerOn` say.
   * @param powerReturned true when the server as a whole has just got power, false when only the BMC restarted
   * @param powerOn whether to power on at power return whatever the policy says
   */
  async start({ powerReturned, powerOn }: { powerReturned: boolean; powerOn: boolean }): Promise<void> {
    await this.media?.start();
    await this.#machine.open();
    await this.console.start();
    this.events.add('bmc-started', powerReturned ? 'appliance started' : 'BMC restarted');
    this.power.begin({ powerReturned, powerOn });
  }

  /**
   * @param options.shutdownGraceMs shut the guest down: by ACPI, and by force after so long; undefined leaves it running
   */
  async stop(options: { shutdownGraceMs?: number } = {}): Promise<void> {
    if (options.shutdownGraceMs !== undefined) await this.power.shutdown(options.shutdownGraceMs);
    this.watchdog.stop();
    this.users.stop();
    await this.media?.stop();
    this.pef.stop();
    this.sensors.stop();
    this.powerOnTime.stop();
    await this.lan.network.stop();
    this.events.add('bmc-stopped', 'BMC stopped');
    this.console.stop();
    await this.#machine.close();
  }
}
