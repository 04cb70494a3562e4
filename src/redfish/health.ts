/** What the sensors say about the state of things, in Redfish's words. DSP0268, Status. */
import type { Bmc } from '../bmc/bmc.ts';
import { AnalogSensor } from '../bmc/sensors/analog-sensor.ts';
import type { ThresholdName } from '../bmc/sensors/sensor.ts';

export type Health = 'OK' | 'Warning' | 'Critical';
const order: readonly Health[] = ['OK', 'Warning', 'Critical'];

/** The worst of them; OK of none. */
export function worst(healths: readonly Health[]): Health {
  return healths.reduce<Health>((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a), 'OK');
}

export function sensorHealth(sensor: AnalogSensor): Health {
  return worst([...sensor.crossed].map(thresholdHealth));
}

function thresholdHealth(name: ThresholdName): Health {
  return name.endsWith('non-critical') ? 'Warning' : 'Critical';
}

/** Of the server as a whole: its measuring sensors, and the BMC itself. */
export function serverHealth(bmc: Bmc): Health {
  const analog = bmc.sensors.list().filter((sensor) => sensor instanceof AnalogSensor);
  const bmcStates = bmc.sensors.discrete('bmcHealth').states;
  const bmcHealth: Health = bmcStates !== undefined && bmcStates.size > 0 ? 'Warning' : 'OK';
  return worst([...analog.map(sensorHealth), bmcHealth]);
}
