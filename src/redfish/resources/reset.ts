/** Resets: what each kind asks of the core. System and chassis share them, there being one machine. */

import { BmcError } from '../../bmc/errors.ts';
import type { PowerAction } from '../../bmc/power-actions.ts';
import type { Context } from '../context.ts';
import { RedfishError } from '../errors.ts';
import { message } from '../messages.ts';
import { onlyId } from '../paths.ts';

const powerActionOf = {
  On: 'on',
  ForceOn: 'on',
  ForceOff: 'off',
  GracefulShutdown: 'soft',
  GracefulRestart: 'restart',
  ForceRestart: 'reset',
  PowerCycle: 'cycle',
  Nmi: 'diag',
  Pause: 'pause',
  Resume: 'resume',
} as const satisfies Record<string, PowerAction>;
export type ResetType = keyof typeof powerActionOf | 'PushPowerButton';

export const systemResetTypes = [
  ...(Object.keys(powerActionOf) as (keyof typeof powerActionOf)[]),
  'PushPowerButton',
] as const satisfies readonly ResetType[];

export const chassisResetTypes = [
  'On',
  'ForceOff',
  'ForceRestart',
  'GracefulShutdown',
  'PowerCycle',
] as const;

/**
 * Accepts the reset; it is carried out in the background. Asking for the state that is there already is accepted, too.
 * A machine that is off is not switched on by a restart or a cycle, and has nothing to interrupt: as IPMI refuses it
 * with D5h.
 * @throws {RedfishError} 409 for what only a machine that is on can be asked
 */
export function resetSystem(type: ResetType, { bmc, actor }: Context): undefined {
  const action = type === 'PushPowerButton' ? (bmc.power.isOn ? 'soft' : 'on') : powerActionOf[type];
  try {
    bmc.power.request(action, actor);
  } catch (error) {
    if (!(error instanceof BmcError && error.kind === 'wrong-state' && bmc.power.state === 'off'))
      throw error;
    throw new RedfishError(message('ChassisPowerStateOnRequired', onlyId), { cause: error });
  }
}
