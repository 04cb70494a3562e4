/** What can be asked of the power. */
import type { Actor } from './actor.ts';
import type { RestartCause } from './restart.ts';

/** `restart`: an orderly shutdown by the guest, then on again. */
export const powerActions = [
  'on',
  'off',
  'cycle',
  'reset',
  'soft',
  'restart',
  'diag',
  'pause',
  'resume',
] as const;
export type PowerAction = (typeof powerActions)[number];

export interface PowerRequest {
  readonly action: PowerAction;
  readonly actor: Actor;
  /** What the restart that may follow is put down to. */
  readonly cause: RestartCause;
}

const endings: readonly PowerAction[] = ['off', 'cycle', 'reset', 'soft'];
const conversations: readonly PowerAction[] = ['reset', 'soft', 'restart', 'diag', 'pause', 'resume'];

/** Whether the machine is on when this has been done. */
export function leadsOn(action: PowerAction): boolean {
  return action === 'on' || action === 'cycle';
}

/** Whether a restart that is on its way no longer counts after this. */
export function endsRestart(action: PowerAction): boolean {
  return endings.includes(action);
}

/** Whether this needs an answer of the machine's; one that hangs gives none. */
export function needsAnswer(action: PowerAction): boolean {
  return conversations.includes(action);
}
