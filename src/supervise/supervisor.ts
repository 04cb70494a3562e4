/**
 * Who starts the QEMU program of one machine and is its parent. It knows nothing of the machine: what to run is
 * in the run directory, and whether the machine is on is decided by its process, never by a supervisor's word.
 */

export type SupervisedState = 'online' | 'starting' | 'stopping' | 'stopped' | 'unknown';

export interface SupervisedStatus {
  readonly state: SupervisedState;
  /** Of the last end that the supervisor saw. Death by a signal may show as 0. */
  readonly exitCode?: number;
}

export interface Supervisor {
  /**
   * Starts the program. Waits, for a bounded time, until an earlier one's end has been noticed; never restarts a
   * running one.
   * @throws {SupervisorError} when it cannot be started
   */
  start(): Promise<void>;
  status(): Promise<SupervisedStatus>;
}

export class SupervisorError extends Error {
  override readonly name = 'SupervisorError';
}

/** How long {@link Supervisor.start} waits for the end of an earlier program to be noticed. */
export const staleWaitMs = 3000;
