/**
 * Turns what happens in the core into platform events, and so into SEL records: sensor types and offsets of IPMI 2.0
 * Table 42-3. One table says it for every kind of entry in the event log; kinds without a record have none because the
 * specification has no event that would say just that. What carries facts of its own (restarts, the watchdog, the SEL
 * itself) is told by a function beside the table.
 */
import type { Bmc } from '../bmc/bmc.ts';
import type { PefAction } from '../bmc/event-filter.ts';
import type { EventKind } from '../bmc/event-log.ts';
import type { PowerLimitException } from '../bmc/power-limit.ts';
import type { Restart } from '../bmc/restart.ts';
import type { SystemEvent } from '../bmc/sel.ts';
import type { DiscreteType, discreteStates } from '../bmc/sensors/sensor.ts';
import type { WatchdogAction, WatchdogExpiry, WatchdogInterrupt, WatchdogUse } from '../bmc/watchdog.ts';
import { actionBits } from './records/pef.ts';
import { bmcGeneratorId } from './records/sel.ts';
import { isWanted, systemEventOf } from './records/sensor-event.ts';
import { SensorNumber } from './records/sensor-numbers.ts';
import { discreteTypes, EventType } from './records/sensor-types.ts';
import { RestartCauseCode } from './restart-cause.ts';

const eventMessageRevision = 4;

/** Sensors whose events this file makes, with the types that their states belong to. */
const types = {
  powerUnit: 'power-unit',
  eventLog: 'event-log',
  systemEvent: 'system-event',
  criticalInterrupt: 'critical-interrupt',
  systemBoot: 'system-boot',
  osStop: 'os-stop',
  watchdog: 'watchdog',
  bmcHealth: 'controller-health',
  nicLink: 'lan',
  mediaSlot: 'slot',
} as const satisfies Readonly<Partial<Record<keyof typeof SensorNumber, DiscreteType>>>;
type Source = keyof typeof types;
type StateOf<S extends Source> = (typeof discreteStates)[(typeof types)[S]][number];

const unspecified = 0xff;
/** What bytes 2 and 3 hold, in the high nibble of byte 1: something of the sensor type's own. Table 29-6. */
const specificByte2 = 0xc0;

interface EventDetail {
  /** False for the end of the state. */
  readonly asserted?: boolean;
  /** Where the sensor type has a meaning for it. */
  readonly byte2?: number;
}

/** An event of the BMC's own. */
function bmcEvent<S extends Source>(source: S, state: StateOf<S>, detail: EventDetail = {}): SystemEvent {
  const { asserted = true, byte2 } = detail;
  const { code, offsets } = discreteTypes[types[source]];
  const offset = (offsets as Readonly<Record<string, number>>)[state] as number;
  return {
    kind: 'system',
    generatorId: bmcGeneratorId,
    messageRevision: eventMessageRevision,
    sensorType: code,
    sensorNumber: SensorNumber[source],
    asserted,
    eventType: EventType.sensorSpecific,
    data: [offset | (byte2 === undefined ? 0 : specificByte2), byte2 ?? unspecified, unspecified],
  };
}

const poweredOff = bmcEvent('powerUnit', 'power-off');
const poweredOn = bmcEvent('powerUnit', 'power-off', { asserted: false });

type Told = readonly SystemEvent[] | ((bmc: Bmc) => readonly SystemEvent[]);

/** What becomes of each kind of entry in the event log. */
const eventsOf = {
  'bmc-started': [bmcEvent('bmcHealth', 'off-line', { asserted: false })],
  'bmc-stopped': [bmcEvent('bmcHealth', 'off-line')],
  'power-on': [poweredOn],
  'power-off': [poweredOff],
  'power-failed': [bmcEvent('powerUnit', 'soft-control-failure')],
  'machine-crashed': [bmcEvent('powerUnit', 'failure'), poweredOff],
  'machine-adopted': [],
  // Comes with its cause: see `restarted`.
  reset: [],
  'guest-shutdown': [bmcEvent('osStop', 'graceful-shutdown'), poweredOff],
  'soft-off-ignored': [],
  'diagnostic-interrupt': [bmcEvent('criticalInterrupt', 'diagnostic-interrupt')],
  paused: [],
  resumed: [],
  // Comes with its facts: see `limitExceeded`.
  'power-limit': [],
  panic: [bmcEvent('osStop', 'run-time-stop')],
  // Comes with its facts: see `watchdogExpired`.
  watchdog: [],
  'boot-override': [],
  boot: ({ boot }) => {
    if (boot.override?.target === 'pxe') return [bmcEvent('systemBoot', 'pxe-requested')];
    return boot.override?.target === 'diagnostic' ? [bmcEvent('systemBoot', 'diagnostic-requested')] : [];
  },
  'sol-activated': [],
  'sol-deactivated': [],
  'console-opened': [],
  'console-closed': [],
  configuration: [],
  'user-changed': [bmcEvent('systemEvent', 'reconfigured')],
  // Scripts log in for every request: records of that would push those of the hardware out of the SEL.
  'session-opened': [],
  'session-closed': [],
  'state-damaged': [],
  'nic-missing': [bmcEvent('nicLink', 'heartbeat-lost')],
  // The card is there and attached, only otherwise than was tried first.
  'nic-fallback': [],
  'nic-late': [],
  'wire-lost': [bmcEvent('nicLink', 'heartbeat-lost')],
  'wire-returned': [bmcEvent('nicLink', 'heartbeat')],
  'media-inserted': [bmcEvent('mediaSlot', 'device-installed')],
  'media-ejected': [bmcEvent('mediaSlot', 'device-installed', { asserted: false })],
  'media-failed': [],
  'tpm-failed': [bmcEvent('systemEvent', 'undetermined-failure')],
  // A sensor for versions (type 2Bh) would be one that nothing measures.
  firmware: [],
  'update-failed': [],
} as const satisfies Readonly<Record<EventKind, Told>>;

function restarted({ cause, actor }: Restart, poweredUp: boolean): readonly SystemEvent[] {
  if (poweredUp) return [bmcEvent('systemBoot', 'power-up')];
  switch (cause) {
    case 'guest':
      return [bmcEvent('systemBoot', 'software-reset')];
    case 'command':
    case 'reset-button':
      return [bmcEvent('systemBoot', 'hard-reset')];
    default: {
      const restart = bmcEvent('systemBoot', 'restart', { byte2: RestartCauseCode[cause] });
      // A watchdog of the machine's own, of which the BMC learns by the reset.
      const ownWatchdog = cause === 'watchdog' && actor === undefined;
      return ownWatchdog ? [watchdogEvent('hard-reset', 'none', undefined), restart] : [restart];
    }
  }
}

const stateOfAction = {
  none: 'expired',
  reset: 'hard-reset',
  'power-off': 'power-down',
  'power-cycle': 'power-cycle',
} as const satisfies Record<WatchdogAction, StateOf<'watchdog'>>;
const WatchdogUseCode = {
  'bios-frb2': 1,
  'bios-post': 2,
  'os-load': 3,
  'sms-os': 4,
  oem: 5,
} as const satisfies Record<WatchdogUse, number>;
const WatchdogInterruptCode = { none: 0, diagnostic: 2, messaging: 3 } as const satisfies Record<
  WatchdogInterrupt,
  number
>;

function watchdogEvent(
  state: StateOf<'watchdog'>,
  interrupt: WatchdogInterrupt,
  use: WatchdogUse | undefined,
): SystemEvent {
  const useCode = use === undefined ? 0x0f : WatchdogUseCode[use];
  const byte2 = (WatchdogInterruptCode[interrupt] << 4) | useCode;
  return bmcEvent('watchdog', state, { byte2 });
}

function watchdogExpired({ what, use, action, interrupt, log }: WatchdogExpiry): readonly SystemEvent[] {
  if (!log) return [];
  return [watchdogEvent(what === 'pre-timeout' ? 'pre-timeout' : stateOfAction[action], interrupt, use)];
}

/** The SEL's clock is about to be set, or was: a pair of events around the change. */
export function clockSetEvent(which: 'before' | 'after'): SystemEvent {
  return bmcEvent('systemEvent', 'clock-changed', { byte2: which === 'before' ? 0x00 : 0x80 });
}

/** Event filtering is about to act. */
function filterActs(actions: readonly PefAction[]): SystemEvent {
  return bmcEvent('systemEvent', 'pef-action', { byte2: actionBits(actions) });
}

/** The power sensor's event, with the limit as the threshold that was crossed. */
function limitExceeded({ sensors }: Bmc, { setting, watts }: PowerLimitException): readonly SystemEvent[] {
  if (setting.action === 'none') return [];
  const { definition } = sensors.analog('power');
  const sensor = definition.key;
  return [
    systemEventOf(definition, {
      sensor,
      kind: 'threshold',
      state: 'upper-critical',
      asserted: true,
      reading: watts,
      threshold: setting.watts,
    }),
  ];
}

/** Begins to turn what happens into events. Lives as long as the BMC. */
export function feedSel(bmc: Bmc): void {
  const { events, power, watchdog, sensors, sel, pef, eventReceiver } = bmc;
  const tell = (told: readonly SystemEvent[]) => {
    for (const event of told) if (isWanted(sensors, event)) eventReceiver.report(event);
  };
  events.onAdd(({ kind }) => {
    const told: Told = eventsOf[kind];
    tell(typeof told === 'function' ? told(bmc) : told);
  });
  let poweringUp = false;
  power.onChange((state) => {
    if (state !== 'on') poweringUp = state === 'turning-on';
  });
  power.onRestart((restart) => {
    tell(restarted(restart, poweringUp));
    poweringUp = false;
  });
  watchdog.onExpiry((expiry) => tell(watchdogExpired(expiry)));
  sensors.onEvent((event) => tell([systemEventOf(sensors.get(event.sensor).definition, event)]));
  bmc.powerLimit.onException((exception) => tell(limitExceeded(bmc, exception)));
  pef.onActing((actions) => tell([filterActs(actions)]));
  sel.onChange((change) => {
    if (change === 'cleared') tell([bmcEvent('eventLog', 'cleared')]);
    else if (change === 'nearly-full') eventReceiver.report(bmcEvent('eventLog', 'full'), { last: true });
  });
}
