/** All that the power of the machine can be asked, and how much each asks of the user. DSP0268, ComputerSystem.Reset. */
import type { PowerState } from '../api/schema.ts';
import type { IconName } from '../ui/icon.tsx';

export interface Reset {
  readonly icon: IconName;
  /** `none` where nothing is lost; `calm` where the guest takes part; `danger` where it is not asked. */
  readonly ask: 'none' | 'calm' | 'danger';
  /** States in which it makes sense. */
  readonly from: readonly PowerState[];
  /** Words after `ipmitool … chassis power`; undefined where IPMI has no such thing. */
  readonly ipmi?: string;
}

const running = ['On', 'PoweringOn'] as const;
const notOff = ['On', 'PoweringOn', 'PoweringOff', 'Paused'] as const;

export const resets = {
  On: { icon: 'power', ask: 'none', from: ['Off'], ipmi: 'on' },
  GracefulShutdown: { icon: 'power', ask: 'calm', from: running, ipmi: 'soft' },
  GracefulRestart: { icon: 'restart', ask: 'calm', from: running },
  Pause: { icon: 'pause', ask: 'none', from: ['On'] },
  Resume: { icon: 'play', ask: 'none', from: ['Paused'] },
  ForceRestart: { icon: 'restart', ask: 'danger', from: notOff, ipmi: 'reset' },
  PowerCycle: { icon: 'restart', ask: 'danger', from: notOff, ipmi: 'cycle' },
  ForceOff: { icon: 'power', ask: 'danger', from: notOff, ipmi: 'off' },
  Nmi: { icon: 'bolt', ask: 'danger', from: running, ipmi: 'diag' },
  PushPowerButton: { icon: 'power', ask: 'calm', from: ['Off', 'On', 'PoweringOn', 'PoweringOff', 'Paused'] },
} as const satisfies Readonly<Record<string, Reset>>;

export type ResetType = keyof typeof resets;
export const resetTypes = Object.keys(resets) as readonly ResetType[];

/** @returns whether it makes sense now and the service offers it */
export function isOffered(
  type: ResetType,
  state: PowerState,
  allowed: readonly string[] | undefined,
): boolean {
  const { from }: Reset = resets[type];
  return from.includes(state) && (allowed?.includes(type) ?? true);
}
