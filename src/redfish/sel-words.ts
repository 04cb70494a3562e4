/**
 * What the numbers in the SEL's records mean, in the words of Redfish: sensor types (IPMI 2.0 Table 42-3) as
 * LogEntry.SensorType names them, threshold events (Table 42-2) as LogEntry.EntryCode does. Sensor types that no sensor of
 * ours has are here as well: the host's own software adds records of its own.
 */
import type { EventFilter } from '../bmc/event-filter.ts';
import type { SelContent, SystemEvent } from '../bmc/sel.ts';
import type { AnalogDefinition, Quantity } from '../bmc/sensors/sensor.ts';
import type { Severity } from './own-registry.ts';

interface SensorTypeWords {
  /** As LogEntry.SensorType has it. */
  readonly name: string;
  /** By offset. */
  readonly states?: Readonly<Record<number, readonly [text: string, severity: Severity]>>;
}

const processorStates = {
  0: ['internal error', 'Critical'],
  1: ['thermal trip', 'Critical'],
  2: ['built-in self-test failed', 'Critical'],
  3: ['hung in POST', 'Critical'],
  5: ['configuration error', 'Critical'],
  7: ['present', 'OK'],
  8: ['disabled', 'Warning'],
} as const;

const sensorTypes: Readonly<Record<number, SensorTypeWords>> = {
  1: { name: 'Temperature' },
  2: { name: 'Voltage' },
  3: { name: 'Current' },
  4: { name: 'Fan' },
  5: {
    name: 'Physical Chassis Security',
    states: { 0: ['chassis intrusion', 'Warning'], 4: ['LAN leash lost', 'Warning'] },
  },
  6: { name: 'Platform Security Violation Attempt' },
  7: { name: 'Processor', states: processorStates },
  8: {
    name: 'Power Supply / Converter',
    states: { 0: ['present', 'OK'], 1: ['failure', 'Critical'], 3: ['input lost', 'Critical'] },
  },
  9: {
    name: 'PowerUnit',
    states: {
      0: ['power off', 'OK'],
      1: ['power cycle', 'OK'],
      4: ['input lost', 'Critical'],
      5: ['soft power control failed', 'Critical'],
      6: ['failure', 'Critical'],
    },
  },
  10: { name: 'CoolingDevice' },
  11: { name: 'Other Units-based Sensor' },
  12: {
    name: 'Memory',
    states: {
      0: ['correctable error', 'Warning'],
      1: ['uncorrectable error', 'Critical'],
      5: ['correctable error logging limit reached', 'Warning'],
      6: ['present', 'OK'],
    },
  },
  13: {
    name: 'Drive Slot/Bay',
    states: { 0: ['present', 'OK'], 1: ['fault', 'Critical'], 2: ['predicted failure', 'Warning'] },
  },
  14: { name: 'POST Memory Resize' },
  15: {
    name: 'System Firmware Progress',
    states: { 0: ['error', 'Critical'], 1: ['hang', 'Critical'], 2: ['progress', 'OK'] },
  },
  16: {
    name: 'Event Logging Disabled',
    states: { 2: ['log cleared', 'OK'], 4: ['log full', 'Warning'], 5: ['log almost full', 'Warning'] },
  },
  18: {
    name: 'System Event',
    states: {
      0: ['reconfigured', 'OK'],
      1: ['OEM boot event', 'OK'],
      2: ['undetermined hardware failure', 'Critical'],
      4: ['event filter acts', 'OK'],
      5: ['clock changed', 'OK'],
    },
  },
  19: {
    name: 'Critical Interrupt',
    states: {
      0: ['diagnostic interrupt', 'Critical'],
      1: ['bus timeout', 'Critical'],
      3: ['software NMI', 'Critical'],
      4: ['PCI parity error', 'Critical'],
      5: ['PCI system error', 'Critical'],
    },
  },
  20: {
    name: 'Button/Switch',
    states: { 0: ['power button pressed', 'OK'], 2: ['reset button pressed', 'OK'] },
  },
  21: { name: 'Module/Board' },
  22: { name: 'Microcontroller/Coprocessor' },
  23: { name: 'Add-in Card' },
  24: { name: 'Chassis' },
  25: { name: 'ChipSet' },
  26: { name: 'Other FRU' },
  27: { name: 'Cable/Interconnect' },
  28: { name: 'Terminator' },
  29: {
    name: 'SystemBoot/Restart',
    states: {
      0: ['power-up', 'OK'],
      1: ['hard reset', 'OK'],
      2: ['warm reset', 'OK'],
      3: ['network boot requested', 'OK'],
      4: ['boot to diagnostics requested', 'OK'],
      5: ['reset by software', 'OK'],
      7: ['restart', 'OK'],
    },
  },
  30: {
    name: 'Boot Error',
    states: { 0: ['no bootable media', 'Critical'], 2: ['no network boot server', 'Critical'] },
  },
  31: {
    name: 'BaseOSBoot/InstallationStatus',
    states: {
      1: ['booted from disk', 'OK'],
      2: ['booted from the network', 'OK'],
      3: ['booted diagnostics', 'OK'],
      4: ['booted from CD', 'OK'],
      5: ['booted from ROM', 'OK'],
      6: ['boot completed', 'OK'],
    },
  },
  32: {
    name: 'OS Stop/Shutdown',
    states: {
      0: ['stopped while loading', 'Critical'],
      1: ['stopped at run time', 'Critical'],
      2: ['graceful stop', 'OK'],
      3: ['graceful shutdown', 'OK'],
    },
  },
  33: { name: 'Slot/Connector', states: { 2: ['device installed', 'OK'] } },
  34: { name: 'System ACPI PowerState', states: { 0: ['working', 'OK'], 5: ['soft off', 'OK'] } },
  35: {
    name: 'Watchdog',
    states: {
      0: ['expired', 'Warning'],
      1: ['hard reset', 'Critical'],
      2: ['power down', 'Critical'],
      3: ['power cycle', 'Critical'],
      8: ['about to expire', 'Warning'],
    },
  },
  36: { name: 'Platform Alert' },
  37: {
    name: 'Entity Presence',
    states: { 0: ['present', 'OK'], 1: ['absent', 'OK'], 2: ['disabled', 'OK'] },
  },
  38: { name: 'Monitor ASIC/IC' },
  39: { name: 'LAN', states: { 0: ['heartbeat lost', 'Warning'], 1: ['heartbeat', 'OK'] } },
  40: {
    name: 'Management Subsystem Health',
    states: {
      1: ['degraded', 'Warning'],
      2: ['off-line', 'Warning'],
      3: ['unavailable', 'Warning'],
      4: ['sensor failure', 'Warning'],
    },
  },
  41: { name: 'Battery', states: { 0: ['low', 'Warning'], 1: ['failed', 'Critical'], 2: ['present', 'OK'] } },
  42: {
    name: 'Session Audit',
    states: {
      0: ['session activated', 'OK'],
      1: ['session deactivated', 'OK'],
      2: ['wrong user name or password', 'Warning'],
      3: ['user disabled by wrong passwords', 'Warning'],
    },
  },
  43: { name: 'Version Change' },
  44: { name: 'FRUState' },
};

/** By offset: EntryCode, words, severity. Table 42-2, generic event type 01h. */
const thresholdEvents: readonly (readonly [code: string, severity: Severity])[] = [
  ['Lower Non-critical - going low', 'Warning'],
  ['Lower Non-critical - going high', 'Warning'],
  ['Lower Critical - going low', 'Critical'],
  ['Lower Critical - going high', 'Critical'],
  ['Lower Non-recoverable - going low', 'Critical'],
  ['Lower Non-recoverable - going high', 'Critical'],
  ['Upper Non-critical - going low', 'Warning'],
  ['Upper Non-critical - going high', 'Warning'],
  ['Upper Critical - going low', 'Critical'],
  ['Upper Critical - going high', 'Critical'],
  ['Upper Non-recoverable - going low', 'Critical'],
  ['Upper Non-recoverable - going high', 'Critical'],
];

/** The BMC's slave address: what its own sensors report with. */
const ownGenerator = 0x20;
/** The bytes of a reading are whole multiples of the sensor's resolution, from 0 on. §36.3 */
const units = {
  temperature: '°C',
  'fan-speed': 'RPM',
  power: 'W',
  utilization: '%',
} as const satisfies Record<Quantity, string>;

const thresholdType = 0x01;
const sensorSpecificType = 0x6f;

export interface SelWords {
  readonly sensorType: string;
  /** As LogEntry.EntryCode has it. */
  readonly entryCode: string;
  /** What happened, without the sensor's name. */
  readonly text: string;
  readonly severity: Severity;
}

/** @param sensor the one of ours that a record of the BMC's own is about; undefined where none measures */
export function selWords(content: SelContent, sensor?: AnalogDefinition): SelWords {
  if (content.kind !== 'system') {
    const data = Buffer.from(content.data).toString('hex');
    const text = `record of type ${hex(content.type)} with ${data}`;
    return { sensorType: 'OEM', entryCode: 'OEM', text, severity: 'OK' };
  }
  const { sensorType, eventType, asserted } = content;
  const type = sensorTypes[sensorType];
  const offset = content.data[0] & 0x0f;
  const state = eventType === sensorSpecificType ? type?.states?.[offset] : undefined;
  const crossed = eventType === thresholdType ? thresholdEvents[offset] : undefined;
  const [text, severity] = crossed
    ? [thresholdText(crossed[0], content, sensor), crossed[1]]
    : (state ?? [`event ${offset} of event type ${hex(eventType)}`, 'OK']);
  return {
    sensorType: type?.name ?? 'OEM',
    entryCode: crossed?.[0] ?? (asserted ? 'Assert' : 'Deassert'),
    text,
    severity: asserted ? severity : 'OK',
  };
}

/** What an event filter looks for, in words. */
export function filterWords({ sensorType, trigger, offsets }: EventFilter): string {
  const type = sensorType === undefined ? undefined : sensorTypes[sensorType];
  const name = sensorType === undefined ? 'Any sensor' : (type?.name ?? `Sensors of type ${hex(sensorType)}`);
  if (trigger === undefined) return `${name}: any event`;
  const eventType = trigger & 0x7f;
  const matching = Array.from({ length: 16 }, (_, offset) => offset).filter((bit) => (offsets >> bit) & 1);
  const texts = matching.map((offset) => {
    if (eventType === thresholdType) return thresholdEvents[offset]?.[0].toLowerCase() ?? `event ${offset}`;
    const state = eventType === sensorSpecificType ? type?.states?.[offset]?.[0] : undefined;
    return state ?? `event ${offset} of event type ${hex(eventType)}`;
  });
  const what =
    matching.length === 16 ? `any event of event type ${hex(eventType)}` : texts.join(', ') || 'nothing';
  return `${name}: ${what}${trigger & 0x80 ? ', when it ends' : ''}`;
}

function thresholdText(
  code: string,
  { data, generatorId }: SystemEvent,
  sensor: AnalogDefinition | undefined,
): string {
  const [first, reading, threshold] = data;
  const words = code.charAt(0).toLowerCase() + code.slice(1);
  // Byte 1 says what the two others hold: 01b each for the reading and the threshold. Table 29-6.
  const hasBoth = first >> 4 === 0x5;
  if (!hasBoth) return words;
  // Another's record may give any number to its sensor: then nobody knows what the bytes measure.
  if (generatorId !== ownGenerator || !sensor)
    return `${words}, raw reading ${reading}, raw threshold ${threshold}`;
  const { resolution, quantity } = sensor;
  const measured = (raw: number) => `${raw * resolution} ${units[quantity]}`;
  return `${words}, reading ${measured(reading)}, threshold ${measured(threshold)}`;
}

function hex(value: number): string {
  return `${value.toString(16).toUpperCase().padStart(2, '0')}h`;
}
