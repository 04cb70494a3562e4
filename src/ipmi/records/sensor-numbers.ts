/**
 * The numbers of this BMC's sensors, by the names the core gives them. SDRs, sensor commands, SEL records and
 * PEF filters all take them from here. Numbers are for life: a SEL record written years ago still names its sensor.
 */

/** Sensor numbers of sensors there is one of. IPMI 2.0 §43.1: 00h to FEh. */
export const SensorNumber = {
  powerUnit: 0x01,
  watchdog: 0x02,
  systemEvent: 0x03,
  osBoot: 0x04,
  osStop: 0x05,
  eventLog: 0x06,
  chassisIntrusion: 0x07,
  bmcHealth: 0x08,
  sessionAudit: 0x09,
  systemBoot: 0x0a,
  acpiState: 0x0b,
  criticalInterrupt: 0x0c,
  nicLink: 0x0d,
  mediaSlot: 0x0e,
  cpuTemp: 0x20,
  systemTemp: 0x21,
  fan1: 0x30,
  fan2: 0x31,
  power: 0x50,
  memoryUsage: 0x51,
} as const;
export type SensorNumber = (typeof SensorNumber)[keyof typeof SensorNumber];

/** Sensors there may be several of: number of the first, and how many fit. */
export const SensorRange = {
  cpu: { first: 0x10, count: 8 },
  dimm: { first: 0x18, count: 8 },
} as const;

/** @returns the key of the sensor that has this number; undefined when none has */
export function sensorKey(number: number): string | undefined {
  for (const [kind, { first, count }] of Object.entries(SensorRange)) {
    if (number >= first && number < first + count) return `${kind}${number - first + 1}`;
  }
  return Object.entries(SensorNumber).find(([, taken]) => taken === number)?.[0];
}

/**
 * @param key a sensor's key in the core: a name above, or `cpu1`… and `dimm1`…
 * @returns undefined for a key without a number
 */
export function sensorNumber(key: string): number | undefined {
  const fixed = (SensorNumber as Readonly<Record<string, number>>)[key];
  if (fixed !== undefined) return fixed;
  const [, kind, position] = /^(cpu|dimm)([1-9])$/.exec(key) ?? [];
  if (kind === undefined) return undefined;
  const { first, count } = SensorRange[kind as keyof typeof SensorRange];
  const index = Number(position) - 1;
  return index < count ? first + index : undefined;
}
