/**
 * Puts one server together: configuration → machine → BMC → faces. The only place that knows them all. It keeps
 * nothing of its own outside the object it returns, so that a process may hold many.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { AdminServer } from './admin/admin-server.ts';
import { Bmc, type BmcOptions, type BmcReset } from './bmc/bmc.ts';
import { type Identity, keptUuid, serialNumberOf } from './bmc/identity.ts';
import type { Machine } from './bmc/machine.ts';
import type { Config } from './config/config.ts';
import { packageRoot } from './config/package-paths.ts';
import { type ApplianceStatus, runFiles } from './config/run-files.ts';
import { HealthFace } from './health-face.ts';
import { HttpService, type HttpServiceOptions } from './http-service.ts';
import { udpTrapSender } from './ipmi/alerting.ts';
import { ipmiCommands } from './ipmi/commands/commands.ts';
import { InBand } from './ipmi/in-band.ts';
import { IpmiState } from './ipmi/ipmi-state.ts';
import { IpmiLan } from './ipmi/lan.ts';
import { SolService } from './ipmi/sol/sol-service.ts';
import { delay, systemClock } from './lib/clock.ts';
import type { Logger } from './lib/log.ts';
import { type Random, systemRandom } from './lib/random.ts';
import { swapFile } from './lib/replace-file.ts';
import { LogOutput } from './log-output.ts';
import { FakeMachine } from './machine/fake/fake-machine.ts';
import { debianFirmware, type QemuMachineConfig } from './machine/qemu/config.ts';
import { type CpuQuota, findCpuQuota } from './machine/qemu/cpu-quota.ts';
import { QemuMachine } from './machine/qemu/qemu-machine.ts';
import { RunDir } from './machine/qemu/run-dir.ts';
import { machineNics } from './machine-nics.ts';
import { AddressPolicy } from './media/address-policy.ts';
import { FolderLibrary } from './media/folder-library.ts';
import { HttpClient } from './media/http-client.ts';
import { HttpFetcher } from './media/http-fetch.ts';
import { ImageFetchers } from './media/image-fetchers.ts';
import { FileImages } from './media/image-store.ts';
import { NfsFetcher } from './media/nfs-fetch.ts';
import { ServedImages } from './media/served-images.ts';
import { Metrics } from './metrics/metrics.ts';
import { MetricsFace } from './metrics/metrics-face.ts';
import { DhcpClient, installedDhcpClient } from './network/dhcp-client.ts';
import { systemNetworkHost } from './network/host-commands.ts';
import { hostNetwork } from './network/host-network.ts';
import { ManagedInterface } from './network/managed-interface.ts';
import { fileStore } from './store/file-store.ts';
import { Pm2Supervisor } from './supervise/pm2.ts';

export interface Appliance {
  readonly bmc: Bmc;
  readonly lan: IpmiLan;
  /** Absent where the machine has no system interface. */
  readonly inBand: InBand | undefined;
  /** Redfish; absent where the configuration switches it off. */
  readonly http: HttpService | undefined;
  /** Faces first, then core, then machine. Without a grace the guest goes on running. */
  stop(options: { shutdownGraceMs?: number }): Promise<void>;
}

export interface ApplianceOptions {
  /** Power has just returned to the server as a whole, as opposed to a BMC that restarts. */
  readonly powerReturned: boolean;
  readonly log?: Logger;
  /**
   * Starts the BMC anew, for a client that asked for it, while the machine goes on. Without it the LAN face alone is
   * started anew.
   */
  readonly restart?: (reset: BmcReset) => void;
  /**
   * Settled when nobody wants this appliance any more. Then it waits for no port: it takes over what runs, answers
   * nobody, and is there to be stopped.
   */
  readonly unwanted?: Promise<void>;
}

/** How long a guest may take over `power soft` before the event log says that it did not obey. */
const softOffTimeoutMs = 120_000;
/** What a BMC logs when it stops: how late its timers were, in seconds. */
export const eventLoopMessage = 'event loop';
/** Between a reset command's answer and the reset. */
const resetDelayMs = 250;

/** @throws {Error} in one line, when an address, the state or the configuration does not allow to run */
export async function runAppliance(config: Config, options: ApplianceOptions): Promise<Appliance> {
  const log = options.log ?? pino({ level: config.bmc.logLevel, base: null }, new LogOutput());
  const random = systemRandom();
  const clock = systemClock;
  const damaged: string[] = [];
  let tellDamage = (text: string) => void damaged.push(text);
  const store = fileStore(config.bmc.stateDir, ({ file, keptAs, reason }) => {
    log.error({ file, keptAs, reason }, 'damaged state set aside');
    tellDamage(`${file} was damaged (${reason}) and is kept as ${keptAs}`);
  });
  const identity = identify(store, random);
  const machine = makeMachine(config, identity, log);
  const managed = await openManagedInterface(config, log);
  const bmc = new Bmc({
    machine,
    identity,
    users: config.ipmi.users,
    minPasswordBytes: config.ipmi.minPasswordBytes,
    lan: {
      ...(config.ipmi.kgHex === undefined ? {} : { kg: Buffer.from(config.ipmi.kgHex, 'hex') }),
      network: hostNetwork(config.bmc.address, managed && (() => managed.carrier)),
      ...(managed && { networkControl: managed }),
    },
    ...(config.redfish.port !== 0 && { media: makeMedia(config, log) }),
    restorePolicy: config.power.restorePolicy,
    hostAccess: config.ipmi.kcsPolicy,
    softOffTimeoutMs,
    store,
    clock,
    random,
    log,
  });
  // What the faces read is read later.
  tellDamage = (text) => void bmc.events.add('state-damaged', text);
  damaged.forEach(tellDamage);

  const sol = new SolService({
    console: bmc.console,
    settings: bmc.sol,
    events: bmc.events,
    users: bmc.users,
    clock,
    log: log.child({ part: 'sol' }),
    replayBytes: config.ipmi.solReplayBytes,
  });
  const sendTrap = udpTrapSender({
    port: config.ipmi.trapPort,
    from: config.bmc.address,
    failed: (error) => log.warn({ err: error }, 'trap socket'),
  });
  const state = new IpmiState(bmc, { sendTrap });
  const lan = new IpmiLan({
    bmc,
    state,
    sol,
    commands: ipmiCommands,
    address: config.bmc.address,
    port: config.ipmi.port,
    cipherSuites: config.ipmi.cipherSuites,
    ipmi15: config.ipmi.v15,
    hideUserNames: config.ipmi.hideUserNames,
    maxSessions: config.ipmi.maxSessions,
  });

  await bmc.lan.network.start();
  const inBand = config.machine.kind === 'qemu' ? makeInBand(config, bmc, state, lan) : undefined;
  let http: HttpService | undefined;
  const metrics = new Metrics(bmc, () => ({
    lan,
    sol,
    inBand,
    http: http && { counters: http.counters, gate: http.gate, state: http.redfish.state },
    qemu:
      machine instanceof QemuMachine
        ? { pid: machine.processId, accelerator: machine.accelerator?.accelerator }
        : undefined,
  }));
  const admin = new AdminServer({ bmc, commands: ipmiCommands, metrics }, runFiles(config.bmc.runDir).admin);
  bmc.onResetRequest((reset) => {
    clock.after(resetDelayMs, () => {
      if (options.restart) options.restart(reset);
      else void lan.restart().catch((error) => log.error({ err: error }, 'LAN face not started anew'));
    });
  });
  let ready = false;
  const stopFaces = async () => {
    ready = false;
    sol.stop();
    metrics.stop();
    await Promise.all([lan.stop(), http?.stop()]);
    await inBand?.stop();
    await admin.stop();
  };
  // A BMC that is back with a machine to take over does not give up for a port that somebody else has for a moment.
  const { unwanted = new Promise<never>(() => undefined) } = options;
  const whenFree: WhenFree = options.powerReturned
    ? (open) => open()
    : (open) => untilPortIsFree(open, unwanted, log);
  const startFaces = async () => {
    await whenFree(() => lan.start());
    http = await whenFree(() =>
      startHttpService(config, bmc, (redfish) => [
        new MetricsFace({
          metrics,
          authenticate: redfish.authenticate,
          log: bmc.log.child({ part: 'metrics' }),
        }),
        new HealthFace(() => ready),
      ]),
    );
    await inBand?.start();
    await admin.start();
  };
  try {
    await startFaces().catch((error) => {
      if (!(error instanceof Unwanted)) throw error;
    });
    await bmc.start({ powerReturned: options.powerReturned, powerOn: config.power.onAtStart });
    ready = true;
    metrics.started();
  } catch (error) {
    await stopFaces();
    throw error;
  }
  const status = publishStatus(config, bmc, machine, { lan, http, log });
  return {
    bmc,
    lan,
    inBand,
    http,
    async stop({ shutdownGraceMs }) {
      log.info({ lag: metrics.lifeLag }, eventLoopMessage);
      await stopFaces();
      await bmc.stop(shutdownGraceMs === undefined ? {} : { shutdownGraceMs });
      sendTrap.close();
      status.stop();
    },
  };
}

type WhenFree = <T>(open: () => Promise<T>) => Promise<T>;

/** How long a port that is taken is waited for, and how often it is tried. */
const takenLimitMs = 30_000;
const takenAgainMs = 500;

/** Nobody waits for the ports any more. */
class Unwanted extends Error {
  override readonly name = 'Unwanted';
}

/**
 * Opens a port that somebody else may have for a moment.
 * @throws as `open` does, in the end @throws {Unwanted}
 */
async function untilPortIsFree<T>(open: () => Promise<T>, unwanted: Promise<void>, log: Logger): Promise<T> {
  const deadline = systemClock.now() + takenLimitMs;
  for (let tries = 0; ; tries++) {
    try {
      return await open();
    } catch (error) {
      const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || systemClock.now() >= deadline) throw error;
      if (tries === 0) log.warn({ err: error }, 'waiting for a port');
    }
    await Promise.race([
      delay(systemClock, takenAgainMs),
      unwanted.then(() => Promise.reject(new Unwanted('stopped while it waited for a port'))),
    ]);
  }
}

/** @throws {NetworkError} when the interface cannot be changed by us */
async function openManagedInterface(
  { bmc: { managedInterface: name, address, runDir } }: Config,
  log: Logger,
): Promise<ManagedInterface | undefined> {
  if (name === undefined) return undefined;
  const command = installedDhcpClient(process.env.PATH ?? '');
  const dhcp =
    command &&
    new DhcpClient({
      command,
      script: join(packageRoot, 'scripts/dhcp-lease.sh'),
      leaseFile: join(runDir, 'bmc-lease'),
      log: log.child({ part: 'dhcp' }),
    });
  return ManagedInterface.open({
    name,
    ipv6: address === '::',
    host: systemNetworkHost,
    ...(dhcp && { dhcp }),
  });
}

async function startHttpService(
  config: Config,
  bmc: Bmc,
  faces: NonNullable<HttpServiceOptions['faces']>,
): Promise<HttpService | undefined> {
  const { redfish, ipmi, machine } = config;
  const { port, httpPort, tlsCert: certificate, tlsKey: key } = redfish;
  if (port === 0) return undefined;
  return HttpService.start({
    bmc,
    address: config.bmc.address,
    port,
    ...(httpPort !== 0 && { httpPort }),
    ipmiPort: ipmi.port,
    trapPort: ipmi.trapPort,
    ...(machine.vncPort !== 0 && { vncPort: machine.vncPort }),
    eventDestinations: redfish.eventDestinations,
    compatibility: redfish.compatibility,
    faces,
    deployment: { profile: config.profile },
    ...(certificate !== undefined && key !== undefined && { certificate: { certificate, key } }),
  });
}

/** The machine has a system interface unless the configured policy is `off`; then nobody listens either. */
function makeInBand(config: Config, bmc: Bmc, state: IpmiState, lan: IpmiLan): InBand | undefined {
  if (config.ipmi.kcsPolicy === 'off') return undefined;
  return new InBand({
    bmc,
    state,
    commands: ipmiCommands,
    lan: lan.context,
    socketPath: new RunDir(config.bmc.runDir).ipmiSocket,
  });
}

const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string;
};

function identify(store: ReturnType<typeof fileStore>, random: Random): Identity {
  const uuid = keptUuid(store, random);
  return {
    uuid,
    serialNumber: serialNumberOf(uuid),
    manufacturer: 'qemu-bmc',
    product: 'QEMU Virtual Server',
    firmwareVersion: version,
  };
}

function makeMachine(config: Config, identity: Identity, log: Logger): Machine {
  const { machine, bmc } = config;
  if (machine.kind === 'fake') {
    const { cpus, memoryMb, tpm } = machine;
    const hardware = { cpus, memoryMb, firmware: machine.bootMode, tpm };
    return new FakeMachine({ clock: systemClock, hardware, limitable: config.power.limit === 'auto' });
  }
  return new QemuMachine({
    config: qemuConfig(config, identity),
    runDir: bmc.runDir,
    stateDir: bmc.stateDir,
    cpuQuota: cpuQuota(config, log),
    supervisor: new Pm2Supervisor(runFiles(bmc.runDir).pm2Home),
    nics: machineNics(config, identity.uuid, log.child({ part: 'network' })),
    log: log.child({ part: 'machine', machine: machine.name }),
  });
}

/** Virtual media: images in a directory of their own, in the library, or on their servers. */
function makeMedia(
  { bmc: { stateDir, runDir }, media: { allow, deny, maxBytes, cacheBytes, library } }: Config,
  log: Logger,
): NonNullable<BmcOptions['media']> {
  const policy = new AddressPolicy({ allow, deny });
  const directory = join(stateDir, 'media');
  return {
    images: new FileImages({ directory, maxBytes }),
    fetcher: new ImageFetchers({
      http: new HttpFetcher({ policy }),
      nfs: new NfsFetcher({ policy }),
    }),
    remote: new ServedImages({
      client: new HttpClient({ policy }),
      socketDirectory: runDir,
      cacheDirectory: directory,
      cacheBytes,
      clock: systemClock,
      log: log.child({ part: 'media' }),
    }),
    ...(library !== undefined && { library: new FolderLibrary(library) }),
  };
}

/** What can hold the machine's processors down; said once where nothing can. */
function cpuQuota({ bmc, power }: Config, log: Logger): CpuQuota | undefined {
  if (power.limit === 'off') return undefined;
  const id = createHash('sha256').update(bmc.runDir).digest('hex').slice(0, 12);
  const found = findCpuQuota(`qemu-bmc-${id}`);
  if ('quota' in found) return found.quota;
  log.info({ reason: found.unavailable }, 'power limits will be refused');
  return undefined;
}

function qemuConfig(config: Config, identity: Identity): QemuMachineConfig {
  const { machine, bmc } = config;
  return {
    name: machine.name,
    uuid: identity.uuid,
    memoryMb: machine.memoryMb,
    cpus: machine.cpus,
    cpuModel: machine.cpuModel,
    acceleratorMode: machine.kvm === 'auto' ? 'auto' : machine.kvm ? 'true' : 'false',
    bootMode: machine.bootMode,
    tpm: machine.tpm,
    bootOrder: machine.boot,
    disks: machine.disks,
    ...(machine.cdrom === undefined ? {} : { cdrom: machine.cdrom }),
    ...(machine.vncPort === 0 ? {} : { vncPort: machine.vncPort }),
    vncAddress: bmc.address,
    systemInterface: config.ipmi.kcsPolicy !== 'off',
    extraArgs: machine.extraArgs,
    qemuBinary: 'qemu-system-x86_64',
    firmware: debianFirmware,
    watchdogAction: 'reset',
  };
}

/** Keeps `status.json` in the run directory true, for those outside the process. */
function publishStatus(
  config: Config,
  bmc: Bmc,
  machine: Machine,
  { lan, http, log }: { lan: IpmiLan; http: HttpService | undefined; log: Logger },
): { stop(): void } {
  const file = runFiles(config.bmc.runDir).status;
  const startedAt = Date.now();
  const publish = () => {
    const qemu = machine instanceof QemuMachine ? machine : undefined;
    const status: ApplianceStatus = {
      pid: process.pid,
      startedAt,
      machine: {
        state: bmc.power.state,
        ...(qemu?.processId === undefined ? {} : { pid: qemu.processId }),
        ...(qemu?.accelerator === undefined
          ? {}
          : { accelerator: qemu.accelerator.accelerator, acceleratorReason: qemu.accelerator.reason }),
        nics: machine.nics,
      },
      listen: [
        { face: 'ipmi', ...lan.address },
        ...(http ? [{ face: 'redfish', address: http.address.address, port: http.address.port }] : []),
      ],
    };
    try {
      swapFile(file, `${JSON.stringify(status, null, 2)}\n`);
    } catch (error) {
      // Whoever looks finds the one before; power and console are not to suffer from it.
      log.error({ err: error }, 'status not written');
    }
  };
  publish();
  // A reset may bring another process.
  const stops = [
    bmc.power.onChange(publish),
    bmc.power.onRestart(publish),
    machine.on(({ kind }) => {
      if (kind === 'nic' || kind === 'link') publish();
    }),
  ];
  return {
    stop() {
      for (const stop of stops) stop();
    },
  };
}
