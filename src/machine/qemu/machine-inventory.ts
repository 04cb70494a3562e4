/**
 * What the machine is made of, as it is told to others: by its configuration, and by what QEMU was last seen to have made
 * of it. Nobody waits for QEMU: a machine that is off, or does not answer, has the parts of its latest start.
 */
import type { FirmwareBootEntry, MachineBootDevice, MachineInventory, NicPart } from '../../bmc/inventory.ts';
import type { MachineHardware, MachineSetup } from '../../bmc/machine.ts';
import type { Logger } from '../../lib/log.ts';
import { inBootOrder } from './boot-order.ts';
import { bootDevicesOf, cpuModelFor, deviceParts } from './command-line.ts';
import { hardwareOf, type QemuMachineConfig } from './config.ts';
import {
  driveParts,
  memoryParts,
  pciParts,
  processorParts,
  readSeenParts,
  type SeenParts,
  writeSeenParts,
} from './inventory.ts';
import type { NicProvider } from './nic-provider.ts';
import type { QemuRun } from './qemu-run.ts';
import type { RunDir } from './run-dir.ts';
import { UefiBootEntries } from './uefi-boot-entries.ts';

export interface QemuInventoryOptions {
  readonly config: QemuMachineConfig;
  readonly runDir: RunDir;
  /** Keeps what was seen. */
  readonly stateDir: string;
  readonly nics: NicProvider;
  readonly setup: () => MachineSetup;
  readonly hardware: () => MachineHardware;
  /** The QEMU of now. */
  readonly run: () => QemuRun | undefined;
  readonly running: () => boolean;
  /** Told when the parts are others than before. */
  readonly changed: () => void;
  readonly log: Logger;
}

export class QemuInventory {
  readonly #options: QemuInventoryOptions;
  readonly #bootEntries: UefiBootEntries;
  #unwatchBootEntries: (() => void) | undefined;
  #seen: SeenParts | undefined;

  constructor(options: QemuInventoryOptions) {
    this.#options = options;
    this.#seen = readSeenParts(options.stateDir);
    this.#bootEntries = new UefiBootEntries(options.stateDir, options.log);
  }

  /** Looks at the firmware's boot entries from now on. */
  watch(): void {
    this.#unwatchBootEntries ??= this.#bootEntries.watch(this.#options.changed);
  }

  close(): void {
    this.#unwatchBootEntries?.();
    this.#unwatchBootEntries = undefined;
  }

  get parts(): MachineInventory {
    const { config, hardware: hardwareNow, run } = this.#options;
    const hardware = hardwareNow();
    const { disks } = config;
    const accelerator = run()?.accelerator?.accelerator;
    return {
      processors: processorParts(hardware, accelerator && cpuModelFor(config, accelerator)),
      memory: memoryParts(hardware),
      // Looked up when asked for: it reads the images' headers.
      get drives() {
        return driveParts(disks);
      },
      nics: this.#nics,
      tpm: hardware.tpm ? { id: 'tpm0', version: '2.0', works: run()?.tpmWorks ?? true } : undefined,
      pci: this.#seen?.pci ?? [],
    };
  }

  /** What can be booted from, in the machine's own order. */
  get bootDevices(): readonly MachineBootDevice[] {
    const { config, runDir, setup, nics } = this.#options;
    const { media = [], hardware: wanted } = setup();
    const hardware = hardwareOf(config, wanted, undefined);
    const { networkBoot, bootOrder } = hardware;
    const drives = bootDevicesOf(deviceParts({ config, run: runDir, media, hardware }, []));
    const missing = nics.nics.filter(({ backend }) => backend === 'none').map(({ id }) => id);
    const cards = this.#nics
      .filter(({ id }) => !missing.includes(id))
      .map(({ id }) => ({ id, bootClass: 'pxe' as const }));
    return inBootOrder([...drives, ...(networkBoot ? cards : [])], {
      ids: bootOrder,
      classes: config.bootOrder,
    }).map(({ id, bootClass }) => ({ id, kind: bootClass }));
  }

  /** Those that the firmware has made for itself. */
  get bootEntries(): readonly FirmwareBootEntry[] {
    const { config, setup } = this.#options;
    const hardware = hardwareOf(config, setup().hardware, undefined);
    return hardware.firmware === 'uefi' ? this.#bootEntries.of(hardware) : [];
  }

  /** What QEMU has made of the cards and of the bus. Nobody waits for it: a machine runs also when this fails. */
  async look(run: QemuRun): Promise<void> {
    const { nics: provider, stateDir, changed, log } = this.#options;
    try {
      const buses = await run.qmp?.execute('query-pci');
      if (!buses || this.#options.run() !== run) return;
      const nics = provider.nics.map(({ id, mac }) => ({ id, mac }));
      const seen = { nics, pci: pciParts(buses) };
      if (JSON.stringify(seen) === JSON.stringify(this.#seen)) return;
      // They are there whether a disk keeps them or not.
      this.#seen = seen;
      changed();
      writeSeenParts(stateDir, seen);
    } catch (error) {
      log.warn({ err: error }, 'parts of the machine not seen');
    }
  }

  /** The cards of the machine that runs; those of its latest start; those that the first one will make. */
  get #nics(): readonly NicPart[] {
    const { nics: provider, running } = this.#options;
    const { nics, planned } = provider;
    if (running() && nics.length > 0) return nics.map(({ id, mac }) => ({ id, mac }));
    return this.#seen?.nics ?? planned;
  }
}
