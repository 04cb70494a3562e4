/** Why a machine started anew: known to the power queue, the boot override and every face. */
import type { Actor } from './actor.ts';

/** Why the machine last started anew. IPMI 2.0 §28.11. */
export const restartCauses = [
  'unknown',
  'command',
  'reset-button',
  'power-button',
  'watchdog',
  'always-on',
  'previous',
  'event-filter-reset',
  'event-filter-cycle',
  'guest',
] as const;
export type RestartCause = (typeof restartCauses)[number];

export interface Restart {
  readonly cause: RestartCause;
  /** Who asked for it; unknown when it was before the BMC's start, or when nobody did. */
  readonly actor: Actor | undefined;
}
