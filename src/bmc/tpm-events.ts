/** Writes down when the machine's TPM fails. */
import type { EventLog } from './event-log.ts';
import type { Machine } from './machine.ts';

/** Lives as long as the machine. */
export function logTpmEvents(machine: Machine, events: EventLog): void {
  machine.on((event) => {
    if (event.kind === 'tpm-failed') {
      events.add('tpm-failed', `until its next start the machine is without its TPM: ${event.detail}`);
    }
  });
}
