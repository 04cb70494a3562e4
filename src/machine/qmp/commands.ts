/**
 * The QMP commands and events this program uses, with their types. The table is also the allow list: what is
 * not here cannot be sent. Commands that run programs, open paths named by a user or reach QEMU's own shell
 * (`human-monitor-command`, `migrate`, `chardev-add`, …) stay out of it.
 */

type Nothing = Record<string, never>;

export interface QmpCommands {
  qmp_capabilities: { arguments: Nothing; return: Nothing };
  'query-name': { arguments: Nothing; return: { readonly name?: string } };
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
  set_link: { arguments: { name: string; up: boolean }; return: Nothing };
  'chardev-send-break': { arguments: { id: string }; return: Nothing };
}

export type QmpCommand = keyof QmpCommands;

export const qmpCommands: Readonly<Record<QmpCommand, true>> = {
  qmp_capabilities: true,
  'query-name': true,
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
  set_link: true,
  'chardev-send-break': true,
};

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
  BLOCK_IO_ERROR: { readonly device: string; readonly operation: string; readonly reason: string };
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
