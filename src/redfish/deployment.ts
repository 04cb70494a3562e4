/**
 * What the appliance was started with and clients may want to know, although only its configuration changes it: how strict
 * it is, and what software in the host may do by the system interface.
 */
export interface Deployment {
  readonly profile: 'lab' | 'strict';
  readonly systemInterfacePolicy: 'full' | 'no-users' | 'read-only' | 'off';
}
