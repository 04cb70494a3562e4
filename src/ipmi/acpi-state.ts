/**
 * ACPI power states as told by the host's software. IPMI 2.0 §20.6, §20.7, Tables 20-7 and 20-8. What nobody has told
 * follows from the power; a power-off or a new start makes what was told void.
 */
import type { Power } from '../bmc/power.ts';

export const SystemPowerState = {
  's0-g0': 0x00,
  s1: 0x01,
  s2: 0x02,
  s3: 0x03,
  s4: 0x04,
  's5-g2': 0x05,
  's4-or-s5': 0x06,
  g3: 0x07,
  'sleeping-s1-to-s3': 0x08,
  'sleeping-g1': 0x09,
  'override-s5': 0x0a,
  'legacy-on': 0x20,
  'legacy-off': 0x21,
  unknown: 0x2a,
} as const;
export type SystemPowerState = keyof typeof SystemPowerState;

export const DevicePowerState = { d0: 0x00, d1: 0x01, d2: 0x02, d3: 0x03, unknown: 0x2a } as const;
export type DevicePowerState = keyof typeof DevicePowerState;

export class AcpiState {
  readonly #power: Power;
  #system: SystemPowerState | undefined;
  #device: DevicePowerState | undefined;

  constructor(power: Power) {
    this.#power = power;
    power.onRestart(() => this.#forget());
    power.onChange((state) => {
      if (state === 'off') this.#forget();
    });
  }

  get system(): SystemPowerState {
    return this.#system ?? (this.#power.isOn ? 's0-g0' : 's5-g2');
  }

  get device(): DevicePowerState {
    return this.#device ?? (this.#power.isOn ? 'd0' : 'd3');
  }

  tell(states: { system?: SystemPowerState | undefined; device?: DevicePowerState | undefined }): void {
    if (states.system !== undefined) this.#system = states.system;
    if (states.device !== undefined) this.#device = states.device;
  }

  #forget(): void {
    this.#system = undefined;
    this.#device = undefined;
  }
}
