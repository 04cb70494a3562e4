/**
 * The server's front panel: buttons that somebody in front of it would press. Here testers press them (see
 * `src/admin`); like real ones they can be disabled, and what they cause is told apart from what a client asks for.
 */
import type { Actor } from './actor.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Power } from './power.ts';
import type { Store } from './store.ts';

export const frontPanelButtons = ['power', 'reset', 'diagnostic', 'standby'] as const;
export type FrontPanelButton = (typeof frontPanelButtons)[number];

interface FrontPanelRecord {
  readonly disabled: readonly FrontPanelButton[];
}

const panelActor: Actor = { name: 'the front panel', face: 'bmc' };

export class FrontPanel {
  readonly #power: Power;
  readonly #store: Store;
  readonly #events: EventLog;
  #disabled: ReadonlySet<FrontPanelButton>;

  constructor({ power, store, events }: { power: Power; store: Store; events: EventLog }) {
    this.#power = power;
    this.#store = store;
    this.#events = events;
    this.#disabled = new Set(store.load<FrontPanelRecord>('front-panel')?.disabled ?? []);
  }

  get disabled(): ReadonlySet<FrontPanelButton> {
    return this.#disabled;
  }

  /** Neither power nor reset can be had from the panel. IPMI 2.0 §28.2, front panel lockout. */
  get lockedOut(): boolean {
    return this.#disabled.has('power') && this.#disabled.has('reset');
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  disable(buttons: ReadonlySet<FrontPanelButton>, actor: Actor): void {
    const wanted = frontPanelButtons.filter((button) => buttons.has(button));
    if (wanted.join() === frontPanelButtons.filter((button) => this.#disabled.has(button)).join()) return;
    this.#store.save('front-panel', { disabled: wanted } satisfies FrontPanelRecord);
    const before = [...this.#disabled];
    this.#disabled = new Set(wanted);
    const what = wanted.length === 0 ? 'all enabled' : `disabled: ${wanted.join(', ')}`;
    const changes = changesBetween({ disabled: before }, { disabled: wanted });
    this.#events.add('configuration', `front panel buttons ${what}, by ${actor.name}`, actor, changes);
  }

  /**
   * Presses a button: power turns the machine on, or asks the guest to shut down.
   * @throws {BmcError} `not-permitted` when it is disabled; `wrong-state` for reset and diagnostic while off;
   *   `not-supported` for standby, since the machine has no sleep button
   */
  press(button: FrontPanelButton): void {
    if (this.#disabled.has(button)) throw new BmcError('not-permitted', `the ${button} button is disabled`);
    if (button === 'standby') throw new BmcError('not-supported', 'this machine has no sleep button');
    if (button === 'diagnostic') this.#power.request('diag', panelActor);
    else if (button === 'reset') this.#power.request('reset', panelActor, 'reset-button');
    else this.#power.request(this.#power.state === 'off' ? 'on' : 'soft', panelActor, 'power-button');
  }
}
