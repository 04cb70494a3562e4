/**
 * What the host has told about itself: names that its firmware and operating system leave with the BMC, for whoever
 * looks after the server from outside. The BMC makes nothing of them.
 */
import type { Actor } from './actor.ts';
import type { EventLog } from './event-log.ts';
import type { Power } from './power.ts';
import type { Store } from './store.ts';

export const hostInfoItems = [
  'system-firmware-version',
  'system-name',
  'primary-os-name',
  'os-name',
  'os-version',
  'bmc-url',
  'hypervisor-url',
] as const;
export type HostInfoItem = (typeof hostInfoItems)[number];

/** How a text was written: it is read back the same way. */
export const textEncodings = ['latin1', 'utf8', 'ucs2'] as const;
export type TextEncoding = (typeof textEncodings)[number];

export interface HostText {
  readonly text: string;
  readonly encoding: TextEncoding;
}

/** What is true of the system that runs now: forgotten when it starts anew or ends. IPMI 2.0 Table 22-16. */
const volatileItems: readonly HostInfoItem[] = ['os-name', 'os-version'];
const nothing: HostText = { text: '', encoding: 'latin1' };

type Items = Partial<Record<HostInfoItem, HostText>>;

export class HostInfo {
  readonly #events: EventLog;
  readonly #store: Store;
  #kept: Items;
  #volatile: Items = {};

  constructor({ store, events, power }: { store: Store; events: EventLog; power: Power }) {
    this.#events = events;
    this.#store = store;
    this.#kept = store.load<Items>('host-info') ?? {};
    const forget = () => {
      this.#volatile = {};
    };
    power.onRestart(forget);
    power.onChange((state) => {
      if (state === 'off') forget();
    });
  }

  /** The empty text when nobody has said. */
  get(item: HostInfoItem): HostText {
    return this.#volatile[item] ?? this.#kept[item] ?? nothing;
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  set(item: HostInfoItem, text: HostText, actor: Actor): void {
    const before = this.get(item);
    if (volatileItems.includes(item)) {
      this.#volatile = { ...this.#volatile, [item]: text };
      this.#events.changed(actor, `host's ${item}`, before, text);
      return;
    }
    const kept = { ...this.#kept, [item]: text };
    this.#store.save('host-info', kept);
    this.#kept = kept;
    this.#events.changed(actor, `host's ${item}`, before, text);
  }
}
