/** Settings of the Redfish face that no other face has, kept across restarts. */
import { type Actor, actorText } from '../bmc/actor.ts';
import { changesBetween } from '../bmc/changes.ts';
import type { EventLog } from '../bmc/event-log.ts';
import type { Store } from '../bmc/store.ts';
import { Emitter } from '../lib/emitter.ts';

/** Whether a name and password may come with each request; `Unadvertised`: they may, but refusals do not say so. */
export const basicAuthStates = ['Enabled', 'Unadvertised', 'Disabled'] as const;
export type BasicAuthState = (typeof basicAuthStates)[number];

interface Kept {
  readonly httpBasicAuth: BasicAuthState;
  /** What the owner calls this service; empty for nothing. */
  readonly identification: string;
  /** Whether servers that the update service fetches images from have to prove who they are. */
  readonly verifyUpdateServer: boolean;
}

export const maxIdentificationLength = 255;

const storeName = 'redfish-settings';
const defaults: Kept = { httpBasicAuth: 'Enabled', identification: '', verifyUpdateServer: false };

export class RedfishSettings {
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #changed = new Emitter<void>();
  #kept: Kept;

  constructor({ store, events }: { readonly store: Store; readonly events: EventLog }) {
    this.#store = store;
    this.#events = events;
    this.#kept = restored(store.load<Partial<Record<keyof Kept, unknown>>>(storeName));
  }

  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  get httpBasicAuth(): BasicAuthState {
    return this.#kept.httpBasicAuth;
  }

  get verifyUpdateServer(): boolean {
    return this.#kept.verifyUpdateServer;
  }

  get identification(): string {
    return this.#kept.identification;
  }

  /** At once and for good. @throws {BmcError} when it cannot be kept; nothing has changed then */
  setHttpBasicAuth(httpBasicAuth: BasicAuthState, actor: Actor): void {
    this.#change({ httpBasicAuth }, `Redfish: HTTP Basic authentication now ${httpBasicAuth}`, actor);
  }

  /** At once and for good. @throws {BmcError} when it cannot be kept; nothing has changed then */
  setIdentification(identification: string, actor: Actor): void {
    this.#change({ identification }, 'Redfish: identification of the service changed', actor);
  }

  /** At once and for good. @throws {BmcError} when it cannot be kept; nothing has changed then */
  setVerifyUpdateServer(verifyUpdateServer: boolean, actor: Actor): void {
    const text = `Redfish: servers of updates ${verifyUpdateServer ? 'have to prove' : 'need not prove'} who they are, set`;
    this.#change({ verifyUpdateServer }, text, actor);
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  resetToDefaults(actor: Actor): void {
    this.#store.save(storeName, defaults);
    this.#events.changed(actor, 'Redfish', this.#kept, defaults);
    this.#kept = defaults;
    this.#changed.emit();
  }

  #change(change: Partial<Kept>, text: string, actor: Actor): void {
    const next = { ...this.#kept, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#kept)) return;
    this.#store.save(storeName, next);
    const changes = changesBetween(this.#kept, next);
    this.#kept = next;
    this.#changed.emit();
    this.#events.add('configuration', `${text} by ${actorText(actor)}`, actor, changes);
  }
}

function restored(kept: Partial<Record<keyof Kept, unknown>> | undefined): Kept {
  const state = basicAuthStates.find((each) => each === kept?.httpBasicAuth);
  const { identification } = kept ?? {};
  return {
    httpBasicAuth: state ?? defaults.httpBasicAuth,
    identification: typeof identification === 'string' ? identification : defaults.identification,
    verifyUpdateServer: kept?.verifyUpdateServer === true,
  };
}
