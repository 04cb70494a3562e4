/**
 * Puts one server together: configuration → machine → BMC → faces. The only place that knows them all. It keeps
 * nothing of its own outside the object it returns, so that a process may hold many.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { AdminServer } from './admin/admin-server.ts';
import { Bmc, type BmcReset } from './bmc/bmc.ts';
import { type Identity, keptUuid, serialNumberOf } from './bmc/identity.ts';
import type { Machine } from './bmc/machine.ts';
import type { Config, Network } from './config/config.ts';
import { packageRoot } from './config/package-paths.ts';
import { type ApplianceStatus, runFiles } from './config/run-files.ts';
import { udpTrapSender } from './ipmi/alerting.ts';
import { ipmiCommands } from './ipmi/commands/commands.ts';
import { InBand } from './ipmi/in-band.ts';
import { IpmiState } from './ipmi/ipmi-state.ts';
import { IpmiLan } from './ipmi/lan.ts';
import { SolService } from './ipmi/sol/sol-service.ts';
import { systemClock } from './lib/clock.ts';
import type { Logger } from './lib/log.ts';
import { type Random, systemRandom } from './lib/random.ts';
import { FakeMachine } from './machine/fake/fake-machine.ts';
import { debianFirmware, type NicConfig, type QemuMachineConfig } from './machine/qemu/config.ts';
import { QemuMachine } from './machine/qemu/qemu-machine.ts';
import { RunDir } from './machine/qemu/run-dir.ts';
import { hostNetwork } from './network/host-network.ts';
import { fileStore } from './store/file-store.ts';
import { Pm2Supervisor } from './supervise/pm2.ts';

export interface Appliance {
  readonly bmc: Bmc;
  readonly lan: IpmiLan;
  /** Absent where the machine has no system interface. */
  readonly inBand: InBand | undefined;
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
}

/** How long a guest may take over `power soft` before the event log says that it did not obey. */
const softOffTimeoutMs = 120_000;
const maxSessions = 64;
/** Between a reset command's answer and the reset. */
const resetDelayMs = 250;

/** @throws {Error} in one line, when an address, the state or the configuration does not allow to run */
export async function runAppliance(config: Config, options: ApplianceOptions): Promise<Appliance> {
  const log = options.log ?? pino({ level: config.bmc.logLevel, base: null });
  const random = systemRandom();
  const clock = systemClock;
  const damaged: string[] = [];
  const store = fileStore(config.bmc.stateDir, ({ file, keptAs, reason }) => {
    log.error({ file, keptAs, reason }, 'damaged state set aside');
    damaged.push(`${file} was damaged (${reason}) and is kept as ${keptAs}`);
  });
  const identity = identify(store, random);
  const machine = makeMachine(config, identity, log);
  const bmc = new Bmc({
    machine,
    identity,
    users: config.ipmi.users,
    lan: {
      ...(config.ipmi.kgHex === undefined ? {} : { kg: Buffer.from(config.ipmi.kgHex, 'hex') }),
      network: hostNetwork(config.bmc.address),
    },
    restorePolicy: config.power.restorePolicy,
    softOffTimeoutMs,
    store,
    clock,
    random,
    log,
  });
  for (const text of damaged) bmc.events.add('state-damaged', text);

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
    maxSessions,
  });

  await lan.start();
  const inBand = config.machine.kind === 'qemu' ? makeInBand(config, bmc, state, lan) : undefined;
  const admin = new AdminServer({ bmc, commands: ipmiCommands }, runFiles(config.bmc.runDir).admin);
  bmc.onResetRequest((reset) => {
    clock.after(resetDelayMs, () => {
      if (options.restart) options.restart(reset);
      else void lan.restart().catch((error) => log.error({ err: error }, 'LAN face not started anew'));
    });
  });
  const stopFaces = async () => {
    sol.stop();
    await lan.stop();
    await inBand?.stop();
    await admin.stop();
  };
  try {
    await inBand?.start();
    await admin.start();
    await bmc.start({ powerReturned: options.powerReturned, powerOn: config.power.onAtStart });
  } catch (error) {
    await stopFaces();
    throw error;
  }
  const status = publishStatus(config, bmc, machine, lan);
  return {
    bmc,
    lan,
    inBand,
    async stop({ shutdownGraceMs }) {
      await stopFaces();
      await bmc.stop(shutdownGraceMs === undefined ? {} : { shutdownGraceMs });
      sendTrap.close();
      status.stop();
    },
  };
}

/** The machine has a system interface unless the policy is `off`; then nobody listens either. */
function makeInBand(config: Config, bmc: Bmc, state: IpmiState, lan: IpmiLan): InBand | undefined {
  const { kcsPolicy: policy } = config.ipmi;
  if (policy === 'off') return undefined;
  return new InBand({
    bmc,
    state,
    commands: ipmiCommands,
    lan: lan.context,
    policy,
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
    const { cpus, memoryMb } = machine;
    return new FakeMachine({ clock: systemClock, hardware: { cpus, memoryMb } });
  }
  return new QemuMachine({
    config: qemuConfig(config, identity),
    runDir: bmc.runDir,
    stateDir: bmc.stateDir,
    supervisor: new Pm2Supervisor(runFiles(bmc.runDir).pm2Home),
    log: log.child({ part: 'machine', machine: machine.name }),
  });
}

function qemuConfig(config: Config, identity: Identity): QemuMachineConfig {
  const { machine, bmc } = config;
  return {
    name: machine.name,
    identity: { ...identity, version: identity.firmwareVersion },
    memoryMb: machine.memoryMb,
    cpus: machine.cpus,
    cpuModel: machine.cpuModel,
    acceleratorMode: machine.kvm === 'auto' ? 'auto' : machine.kvm ? 'true' : 'false',
    bootMode: machine.bootMode,
    bootOrder: machine.boot,
    disks: machine.disks,
    ...(machine.cdrom === undefined ? {} : { cdrom: machine.cdrom }),
    nics: machine.networks.map((network, index) => nic(network, index, identity.uuid)),
    ...(machine.vncPort === 0 ? {} : { vncPort: machine.vncPort }),
    vncAddress: bmc.address,
    systemInterface: config.ipmi.kcsPolicy !== 'off',
    extraArgs: machine.extraArgs,
    qemuBinary: 'qemu-system-x86_64',
    firmware: debianFirmware,
    watchdogAction: 'reset',
  };
}

/** Without an address of its own a card gets one that follows from the machine's UUID, so that it stays. */
function nic(network: Network, index: number, uuid: string): NicConfig {
  const digits = uuid.replaceAll('-', '');
  const last = ((Number.parseInt(digits.slice(4, 6), 16) + index) & 0xff).toString(16).padStart(2, '0');
  return {
    id: `nic${index}`,
    mac: network.mac ?? `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${last}`,
    backend: {
      kind: 'user',
      restrict: network.restrict,
      hostForward: network.hostForward,
      ...(network.tftp === undefined ? {} : { tftp: network.tftp }),
      ...(network.bootFile === undefined ? {} : { bootFile: network.bootFile }),
    },
  };
}

/** Keeps `status.json` in the run directory true, for those outside the process. */
function publishStatus(config: Config, bmc: Bmc, machine: Machine, lan: IpmiLan): { stop(): void } {
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
      },
      listen: [{ face: 'ipmi', ...lan.address }],
    };
    writeFileSync(`${file}.new`, `${JSON.stringify(status, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  publish();
  return { stop: bmc.power.onChange(publish) };
}
