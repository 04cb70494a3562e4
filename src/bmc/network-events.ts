/** Writes down what happens to the machine's network cards. */
import type { EventKind, EventLog } from './event-log.ts';
import type { Machine, NicChange } from './machine.ts';

const kindOf = {
  missing: 'nic-missing',
  fallback: 'nic-fallback',
  late: 'nic-late',
  'wire-lost': 'wire-lost',
  'wire-returned': 'wire-returned',
} as const satisfies Record<NicChange, EventKind>;

/** Lives as long as the machine. */
export function logNetworkEvents(machine: Machine, events: EventLog): void {
  machine.on((event) => {
    if (event.kind === 'nic') events.add(kindOf[event.change], event.text);
  });
}
