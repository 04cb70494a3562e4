/** What the sensors say about the state of things, in Redfish's words. DSP0268, Status. */
import type { Bmc } from '../bmc/bmc.ts';
import type { AnalogSensor } from '../bmc/sensors/analog-sensor.ts';
import { type Severity, severityOf } from '../bmc/sensors/sensors.ts';

export type Health = 'OK' | 'Warning' | 'Critical';

const healthOf = { ok: 'OK', warning: 'Warning', critical: 'Critical' } as const satisfies Record<
  Severity,
  Health
>;

export function sensorHealth(sensor: AnalogSensor): Health {
  return healthOf[severityOf(sensor.crossed)];
}

/** Of the hardware as a whole: its measuring sensors, its TPM, and the BMC itself. */
export function hardwareHealth({ sensors, inventory }: Bmc): Health {
  return inventory.tpm?.works === false ? 'Critical' : healthOf[sensors.severity];
}

/** Of the system: its hardware, and whether what runs on it has come to a critical stop. */
export function systemHealth(bmc: Bmc): Health {
  return bmc.sensors.osStopped ? 'Critical' : hardwareHealth(bmc);
}
