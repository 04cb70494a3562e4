/** What the appliance was started with and clients may want to know, although only its configuration changes it. */
export interface Deployment {
  /** How strict it is. */
  readonly profile: 'lab' | 'strict';
}
