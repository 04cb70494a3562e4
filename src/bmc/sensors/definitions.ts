/** Which sensors a machine of a given make has. */
import type { MachineHardware } from '../machine.ts';
import { fanTopRpm, maximumWatts, standbyWatts } from './model.ts';
import type { AnalogDefinition, DiscreteDefinition, SensorDefinition } from './sensor.ts';

/** Processors and memory modules beyond so many have no sensor of their own. */
export const maxProcessorSensors = 8;
export const maxMemorySensors = 8;
/** A memory module holds as much as one does in the tables that QEMU's firmware shows the guest. */
const memoryModuleMb = 16_384;

type Make = Pick<MachineHardware, 'cpus' | 'memoryMb'>;

export function sensorDefinitions(hardware: Make): readonly SensorDefinition[] {
  return [
    ...fixedDiscrete,
    ...numbered(Math.min(hardware.cpus, maxProcessorSensors), (n) => presence('cpu', 'processor', n)),
    ...numbered(Math.min(memoryModules(hardware), maxMemorySensors), (n) => presence('dimm', 'memory', n)),
    cpuTemp,
    systemTemp,
    fan(1),
    fan(2),
    powerConsumption(hardware),
    memoryUsage,
  ];
}

function memoryModules({ memoryMb }: Make): number {
  return Math.ceil(memoryMb / memoryModuleMb);
}

function numbered<T>(count: number, make: (position: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index + 1));
}

function discrete(
  key: string,
  name: string,
  type: DiscreteDefinition['type'],
  entity: DiscreteDefinition['entity']['kind'],
  announcedBy: DiscreteDefinition['announcedBy'] = 'cause',
): DiscreteDefinition {
  return { kind: 'discrete', key, name, type, entity: { kind: entity, instance: 1 }, announcedBy };
}

const fixedDiscrete: readonly DiscreteDefinition[] = [
  discrete('powerUnit', 'Pwr Unit Status', 'power-unit', 'power-unit'),
  discrete('watchdog', 'Watchdog', 'watchdog', 'management-controller'),
  discrete('systemEvent', 'System Event', 'system-event', 'system-board'),
  discrete('osBoot', 'OS Boot', 'os-boot', 'operating-system'),
  discrete('osStop', 'OS Critical Stop', 'os-stop', 'operating-system'),
  discrete('eventLog', 'Event Log', 'event-log', 'management-controller'),
  discrete('chassisIntrusion', 'Chassis Intru', 'physical-security', 'chassis', 'sensor'),
  discrete('bmcHealth', 'BMC Health', 'controller-health', 'management-controller'),
  discrete('sessionAudit', 'Session Audit', 'session-audit', 'management-controller'),
  discrete('systemBoot', 'System Boot', 'system-boot', 'bios'),
  discrete('acpiState', 'ACPI State', 'acpi-state', 'system-board'),
  discrete('criticalInterrupt', 'Critical Int', 'critical-interrupt', 'system-board'),
  discrete('nicLink', 'NIC Link', 'lan', 'system-board'),
  discrete('mediaSlot', 'Virtual Media', 'slot', 'management-controller'),
];

function presence(key: 'cpu' | 'dimm', type: 'processor' | 'memory', position: number): DiscreteDefinition {
  return {
    kind: 'discrete',
    key: `${key}${position}`,
    name: key === 'cpu' ? `CPU${position} Status` : `DIMM${position} Status`,
    type,
    entity: { kind: key === 'cpu' ? 'processor' : 'memory-device', instance: position },
    announcedBy: 'sensor',
  };
}

const cpuTemp: AnalogDefinition = {
  kind: 'analog',
  key: 'cpuTemp',
  name: 'CPU Temp',
  quantity: 'temperature',
  entity: { kind: 'processor', instance: 1 },
  maximum: 127,
  resolution: 1,
  normal: { minimum: 20, nominal: 40, maximum: 75 },
  thresholds: {
    'lower-non-recoverable': 1,
    'lower-critical': 3,
    'lower-non-critical': 5,
    'upper-non-critical': 85,
    'upper-critical': 90,
    'upper-non-recoverable': 95,
  },
  hysteresis: { positive: 2, negative: 2 },
};

const systemTemp: AnalogDefinition = {
  ...cpuTemp,
  key: 'systemTemp',
  name: 'System Temp',
  entity: { kind: 'system-board', instance: 1 },
  normal: { minimum: 20, nominal: 28, maximum: 40 },
  thresholds: {
    ...cpuTemp.thresholds,
    'upper-non-critical': 50,
    'upper-critical': 55,
    'upper-non-recoverable': 60,
  },
};

function fan(position: number): AnalogDefinition {
  return {
    kind: 'analog',
    key: `fan${position}`,
    name: `FAN${position}`,
    quantity: 'fan-speed',
    entity: { kind: 'fan', instance: position },
    maximum: 12_700,
    resolution: 50,
    normal: { minimum: 2_000, nominal: 3_000, maximum: fanTopRpm },
    thresholds: {
      'lower-non-recoverable': 300,
      'lower-critical': 500,
      'lower-non-critical': 700,
      'upper-non-critical': 12_000,
      'upper-critical': 12_300,
      'upper-non-recoverable': 12_600,
    },
    hysteresis: { positive: 100, negative: 100 },
  };
}

const mostSteps = 250;

/** Thresholds above what the machine can draw: reached only by override. */
function powerConsumption({ cpus }: Make): AnalogDefinition {
  const most = maximumWatts(cpus);
  // Faces have a byte for a reading, so a big machine is measured more coarsely.
  const resolution = Math.max(1, Math.ceil((most * 1.5) / mostSteps));
  const steps = (watts: number) => Math.ceil(watts / resolution) * resolution;
  return {
    kind: 'analog',
    key: 'power',
    name: 'Pwr Consumption',
    quantity: 'power',
    entity: { kind: 'power-unit', instance: 1 },
    maximum: mostSteps * resolution,
    resolution,
    normal: { minimum: steps(standbyWatts), nominal: steps(most / 2), maximum: steps(most) },
    thresholds: { 'upper-non-critical': steps(most * 1.2), 'upper-critical': steps(most * 1.4) },
    hysteresis: { positive: 2 * resolution, negative: 2 * resolution },
  };
}

/** No thresholds: a guest that uses all of its memory is no fault of the machine's. */
const memoryUsage: AnalogDefinition = {
  kind: 'analog',
  key: 'memoryUsage',
  name: 'Memory Usage',
  quantity: 'utilization',
  entity: { kind: 'memory-device', instance: 1 },
  maximum: 100,
  resolution: 1,
  normal: { minimum: 0, nominal: 50, maximum: 100 },
  thresholds: {},
  hysteresis: { positive: 0, negative: 0 },
};
