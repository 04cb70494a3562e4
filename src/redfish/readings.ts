/** Readings of sensors as every resource shows them: sensors, older forms, metric reports. */

/** Digits after the point. DSP0268, Sensor: Precision. What is measured is not known more exactly. */
export const readingPrecision = 0;

/** @param reading in the sensor's unit */
export function shownReading(reading: number): number {
  return Number(reading.toFixed(readingPrecision));
}
