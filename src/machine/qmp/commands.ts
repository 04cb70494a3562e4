/**
 * The QMP commands and events this program uses, with their types. The table is also the allow list: what is
 * not here cannot be sent. Commands that run programs, open paths named by a user or reach QEMU's own shell
 * (`human-monitor-command`, `migrate`, `chardev-add`, …) stay out of it.
 */

type Nothing = Record<string, never>;

export interface QmpCommands {
  qmp_capabilities: { arguments: Nothing; return: Nothing };
  'query-name': { arguments: Nothing; return: { readonly name?: string } };
  'query-pci': { arguments: Nothing; return: readonly QmpPciBus[] };
  'query-status': { arguments: Nothing; return: { readonly status: QmpRunState; readonly running: boolean } };
  cont: { arguments: Nothing; return: Nothing };
  stop: { arguments: Nothing; return: Nothing };
  quit: { arguments: Nothing; return: Nothing };
  system_reset: { arguments: Nothing; return: Nothing };
  system_powerdown: { arguments: Nothing; return: Nothing };
  'inject-nmi': { arguments: Nothing; return: Nothing };
  'qom-set': { arguments: { path: string; property: string; value: unknown }; return: Nothing };
  'qom-get': { arguments: { path: string; property: string }; return: unknown };
  'send-key': {
    arguments: { keys: readonly { type: 'qcode'; data: string }[]; 'hold-time'?: number };
    return: Nothing;
  };
  /** `filename` is a file of our own, in the run directory. */
  screendump: { arguments: { filename: string; format: 'png' }; return: Nothing };
  set_link: { arguments: { name: string; up: boolean }; return: Nothing };
  'chardev-send-break': { arguments: { id: string }; return: Nothing };
  'blockdev-add': { arguments: QmpFileNode | QmpNbdNode | QmpRawNode; return: Nothing };
  'blockdev-del': { arguments: { 'node-name': string }; return: Nothing };
  /** `id` is the drive's, as `-device` gave it. */
  'blockdev-open-tray': { arguments: { id: string; force?: boolean }; return: Nothing };
  'blockdev-close-tray': { arguments: { id: string }; return: Nothing };
  'blockdev-insert-medium': { arguments: { id: string; 'node-name': string }; return: Nothing };
  'blockdev-remove-medium': { arguments: { id: string }; return: Nothing };
  device_add: { arguments: QmpUsbStorage; return: Nothing };
  device_del: { arguments: { id: string }; return: Nothing };
}

/** A file of our own; beside the BMC's own server no other driver can be asked for. */
export interface QmpFileNode {
  readonly driver: 'file';
  readonly 'node-name': string;
  readonly filename: string;
  readonly 'read-only': boolean;
  readonly 'auto-read-only': false;
}

/** What the BMC serves at a socket of its own. */
export interface QmpNbdNode {
  readonly driver: 'nbd';
  readonly 'node-name': string;
  readonly server: { readonly type: 'unix'; readonly path: string };
  /** In seconds: requests wait for so long when the connection is lost. */
  readonly 'reconnect-delay': number;
  readonly 'read-only': boolean;
}

export interface QmpRawNode {
  readonly driver: 'raw';
  readonly 'node-name': string;
  readonly file: string;
  readonly 'read-only': boolean;
}

/** The one device that comes and goes. */
export interface QmpUsbStorage {
  readonly driver: 'usb-storage';
  readonly id: string;
  readonly bus: string;
  readonly drive: string;
  readonly removable: boolean;
}

export type QmpCommand = keyof QmpCommands;

export const qmpCommands: Readonly<Record<QmpCommand, true>> = {
  qmp_capabilities: true,
  'query-name': true,
  'query-pci': true,
  'query-status': true,
  cont: true,
  stop: true,
  quit: true,
  system_reset: true,
  system_powerdown: true,
  'inject-nmi': true,
  'qom-set': true,
  'qom-get': true,
  'send-key': true,
  screendump: true,
  set_link: true,
  'chardev-send-break': true,
  'blockdev-add': true,
  'blockdev-del': true,
  'blockdev-open-tray': true,
  'blockdev-close-tray': true,
  'blockdev-insert-medium': true,
  'blockdev-remove-medium': true,
  device_add: true,
  device_del: true,
};

export interface QmpPciDevice {
  readonly bus: number;
  readonly slot: number;
  readonly function: number;
  readonly class_info: { readonly class: number; readonly desc?: string };
  readonly id: { readonly vendor: number; readonly device: number };
  /** Empty for what the machine type brings along. */
  readonly qdev_id: string;
  readonly pci_bridge?: { readonly devices?: readonly QmpPciDevice[] };
}

export interface QmpPciBus {
  readonly bus: number;
  readonly devices: readonly QmpPciDevice[];
}

/** The states of QEMU 7.2 to 10; only a few of them matter here. */
export type QmpRunState =
  | 'debug'
  | 'finish-migrate'
  | 'guest-panicked'
  | 'inmigrate'
  | 'internal-error'
  | 'io-error'
  | 'paused'
  | 'postmigrate'
  | 'prelaunch'
  | 'restore-vm'
  | 'running'
  | 'save-vm'
  | 'shutdown'
  | 'suspended'
  | 'watchdog';

/** Why QEMU resets or ends. */
export type QmpShutdownCause =
  | 'none'
  | 'host-error'
  | 'host-qmp-quit'
  | 'host-qmp-system-reset'
  | 'host-signal'
  | 'host-ui'
  | 'guest-shutdown'
  | 'guest-reset'
  | 'guest-panic'
  | 'subsystem-reset'
  | 'snapshot-load';

export interface QmpEvents {
  SHUTDOWN: { readonly guest: boolean; readonly reason: QmpShutdownCause };
  RESET: { readonly guest: boolean; readonly reason: QmpShutdownCause };
  STOP: undefined;
  RESUME: undefined;
  POWERDOWN: undefined;
  GUEST_PANICKED: { readonly action: string };
  WATCHDOG: { readonly action: string };
  DEVICE_TRAY_MOVED: { readonly device: string; readonly id: string; readonly 'tray-open': boolean };
  BLOCK_IO_ERROR: {
    readonly 'node-name'?: string;
    readonly operation: string;
    readonly action: 'ignore' | 'report' | 'stop';
    readonly reason: string;
  };
}

export type QmpEvent = {
  [N in keyof QmpEvents]: { readonly event: N; readonly data: QmpEvents[N] };
}[keyof QmpEvents];

const eventNames: Readonly<Record<keyof QmpEvents, true>> = {
  SHUTDOWN: true,
  RESET: true,
  STOP: true,
  RESUME: true,
  POWERDOWN: true,
  GUEST_PANICKED: true,
  WATCHDOG: true,
  DEVICE_TRAY_MOVED: true,
  BLOCK_IO_ERROR: true,
};

export function isKnownEvent(name: unknown): name is keyof QmpEvents {
  return typeof name === 'string' && Object.hasOwn(eventNames, name);
}
