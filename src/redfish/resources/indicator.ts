/** The identify light, which system and chassis both show, in its newer form and in the older one. */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import type { JsonObject } from '../json.ts';
import { property } from '../patch.ts';

export function indicatorOf({ identify }: Bmc): JsonObject {
  const on = identify.state !== 'off';
  return { LocationIndicatorActive: on, IndicatorLED: on ? 'Lit' : 'Off' };
}

/** `Blinking` is what a light does that is on to be found; there is one kind of on. */
export const writeIndicator = {
  LocationIndicatorActive: property(Type.Boolean(), (on, _, { bmc, actor }) =>
    on ? bmc.identify.on(actor) : bmc.identify.off(actor),
  ),
  IndicatorLED: property(Type.Enum(['Lit', 'Blinking', 'Off']), (state, _, { bmc, actor }) =>
    state === 'Off' ? bmc.identify.off(actor) : bmc.identify.on(actor),
  ),
};
