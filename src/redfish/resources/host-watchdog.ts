/** The watchdog timer that IPMI software in the host winds. DSP0268, ComputerSystem, HostWatchdogTimer. */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import { BmcError } from '../../bmc/errors.ts';
import { type WatchdogAction, type WatchdogInterrupt, watchdogActions } from '../../bmc/watchdog.ts';
import type { JsonObject } from '../json.ts';
import { property } from '../patch.ts';

const actionOf = {
  none: 'None',
  reset: 'ResetSystem',
  'power-off': 'PowerDown',
  'power-cycle': 'PowerCycle',
} as const satisfies Record<WatchdogAction, string>;

const warningOf = {
  none: 'None',
  diagnostic: 'DiagnosticInterrupt',
  messaging: 'MessagingInterrupt',
} as const satisfies Record<WatchdogInterrupt, string>;

/** As long as nobody has set the timer it does nothing when it runs out. */
export function hostWatchdogOf({ watchdog }: Bmc): JsonObject {
  const { settings, running } = watchdog;
  return {
    FunctionEnabled: running,
    TimeoutAction: actionOf[settings?.action ?? 'none'],
    WarningAction: warningOf[settings?.interrupt ?? 'none'],
    Status: { State: running ? 'Enabled' : 'StandbyOffline' },
  };
}

/** How long it counts is said by the host's software alone: without it there is no timer to start or to change. */
export const writeHostWatchdog = {
  HostWatchdogTimer: property(
    Type.Object({
      FunctionEnabled: Type.Optional(Type.Boolean()),
      TimeoutAction: Type.Optional(Type.Enum(Object.values(actionOf))),
    }),
    ({ FunctionEnabled: enabled, TimeoutAction: wanted }, _, { bmc: { watchdog }, actor }) => {
      const { settings, running } = watchdog;
      const action = watchdogActions.find((each) => actionOf[each] === wanted);
      if (!settings && (enabled === true || (action !== undefined && action !== 'none'))) {
        throw new BmcError('wrong-state', 'the watchdog has not been set by software in the host');
      }
      if (settings && action !== undefined && action !== settings.action) {
        watchdog.set({ ...settings, action }, actor, { keepRunning: true });
      }
      if (enabled === false) watchdog.end(actor);
      else if (enabled && !running) watchdog.restart(actor);
    },
  ),
};
