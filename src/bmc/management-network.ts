/**
 * The network interface that carries the BMC's address: how it is, and, where the configuration hands one to the BMC,
 * how clients want it.
 *
 * A wish is judged and kept at once, and put into effect a moment after the last one: so the answer, and whatever the
 * client still has to say, goes out by the old address, and several settings change the interface once. A client that
 * has announced a series of changes is waited for. A wish that turns out impossible is taken back, and the event log
 * says why. What is kept is put into effect again at start.
 *
 *   settled ──change──▶ wanted ──quiet for a second──▶ applying ──▶ settled
 *                          ▲  ▲──── announced ────┘        │ failed: earlier settings ──▶ settled
 *                          └────────────change─────────────┘
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import { shortIpv6 } from '../lib/ipv6.ts';
import { type Actor, actorText } from './actor.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { SetInProgress } from './set-in-progress.ts';
import type { Store } from './store.ts';

export interface Ipv6Address {
  readonly address: string;
  readonly prefixLength: number;
}

/** An IPv6 address that the interface has. */
export interface PresentIpv6Address extends Ipv6Address {
  /** By hand, by router advertisement (link-local ones, too), or by DHCPv6. */
  readonly source: 'static' | 'slaac' | 'dhcp';
  /** `pending` while duplicates are looked for, `failed` when one was found. */
  readonly status: 'active' | 'pending' | 'failed' | 'deprecated';
}

export interface Vlan {
  /** 802.1q ID, 0 to 4094; may be there without being in use. */
  readonly id: number;
  readonly enabled: boolean;
  /** 0 to 7. */
  readonly priority: number;
}

/** The network interface that carries the BMC's address, as it is now. */
export interface NetworkState {
  /** Absent when the BMC listens on IPv6 alone. */
  readonly v4?: { readonly address: string; readonly mask: string; readonly source: 'static' | 'dhcp' };
  readonly v6: readonly PresentIpv6Address[];
  readonly mac: string;
  /** Addresses; absent when there is no default route. */
  readonly gateway4?: { readonly address: string; readonly mac?: string };
  readonly gateway6?: { readonly address: string; readonly mac?: string };
  /** Absent for an interface without a tag. */
  readonly vlan?: Vlan;
  /** Hops that datagrams may take. */
  readonly hopLimit4: number;
  readonly hopLimit6: number;
}

/** What clients may set of the interface. */
export interface NetworkSettings {
  readonly source: 'static' | 'dhcp';
  /** `0.0.0.0` for none; without meaning where the source is `dhcp`, like mask and gateway. */
  readonly address: string;
  readonly mask: string;
  /** `0.0.0.0` for none. */
  readonly gateway: string;
  readonly vlan: Vlan;
  /** {@link staticIpv6Places} of them. */
  readonly static6: readonly (Ipv6Address | null)[];
  /** The default router set by hand; `::` for none. */
  readonly router6: string;
}

export const staticIpv6Places = 4;

/** A wish with values that are no possible ones. */
export class BadNetworkSettings extends BmcError {
  readonly settings: readonly (keyof NetworkSettings)[];

  constructor(settings: readonly (keyof NetworkSettings)[]) {
    super('bad-argument', `LAN ${settings.join(', ')}: not a possible value`);
    this.settings = settings;
  }
}

/** What changes the interface. */
export interface NetworkControl {
  /** Whether there is a DHCP client. */
  readonly dhcp: boolean;
  /** Whether the BMC is reached by IPv6 at all. */
  readonly ipv6: boolean;
  /** As the interface is now. */
  settings(): Promise<NetworkSettings>;
  /**
   * Makes the interface so.
   * @throws {Error} when it cannot be: then it is as it was, or the message says that it is not
   */
  apply(settings: NetworkSettings): Promise<void>;
  stop(): Promise<void>;
}

export interface ManagementNetworkOptions {
  /** Looks at the host's network; absent where there is none to look at. */
  readonly look: (() => Promise<NetworkState>) | undefined;
  /** Absent where the interface is the host's business alone. */
  readonly control: NetworkControl | undefined;
  readonly setInProgress: SetInProgress;
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
}

/** A client reads one parameter after the other: so long one look is good for all of them. */
const freshMs = 1000;
/** How long wishes must have been quiet. */
const settleMs = 1000;
const storeName = 'lan-network';

export class ManagementNetwork {
  readonly #options: ManagementNetworkOptions;
  readonly #changed = new Emitter<void>();
  #kept: NetworkSettings | undefined;
  /** Who wants it, while what is kept is not in effect. */
  #wantedBy: Actor | undefined;
  /** What was kept before the present series of wishes. */
  #settled: NetworkSettings | undefined;
  #timer: Timer | undefined;
  #applying: Promise<void> | undefined;
  #last: { readonly at: number; readonly state: Promise<NetworkState> } | undefined;

  constructor(options: ManagementNetworkOptions) {
    this.#options = options;
    const kept = options.store.load<unknown>(storeName);
    if (options.control && isSettings(kept)) this.#kept = inOneText(kept);
  }

  /** What of it clients can change. */
  get changeable(): { readonly v4: boolean; readonly v6: boolean } {
    const { control } = this.#options;
    return { v4: control !== undefined, v6: control?.ipv6 ?? false };
  }

  /** @returns as it is, with what is about to be in its place; undefined when there is no view on a network */
  async state(): Promise<NetworkState | undefined> {
    const { look, clock } = this.#options;
    if (!look) return undefined;
    const now = clock.now();
    if (!this.#last || now - this.#last.at >= freshMs) this.#last = { at: now, state: look() };
    const state = await this.#last.state;
    if (!this.#kept) return state;
    const { vlan } = this.#kept;
    if (!this.#wantedBy) return vlan.enabled ? state : { ...state, vlan };
    const { address, mask, source, gateway, router6 } = this.#kept;
    const { gateway4, gateway6, v4: _v4, ...others } = state;
    return {
      ...others,
      vlan,
      v4: source === 'dhcp' && state.v4 ? { ...state.v4, source } : { address, mask, source },
      ...(gateway !== noAddress && {
        gateway4: gateway4?.address === gateway ? gateway4 : { address: gateway },
      }),
      ...(router6 !== noAddress6 && {
        gateway6: gateway6?.address === router6 ? gateway6 : { address: router6 },
      }),
    };
  }

  /** The places for IPv6 addresses set by hand; undefined where nobody has set any over this BMC. */
  get static6(): NetworkSettings['static6'] | undefined {
    return this.#kept?.static6;
  }

  /**
   * Keeps what a client wants; it takes effect a moment later.
   * @param wish what is to change, given how it is or is about to be
   * @throws {BmcError} `bad-argument` ({@link BadNetworkSettings} tells which), `wrong-state` for an address while DHCP gives one, `not-permitted` where the
   * configuration leaves the interface to the host, `no-space` or `timed-out` when it cannot be saved
   */
  async change(wish: (now: NetworkSettings) => Partial<NetworkSettings>, actor: Actor): Promise<void> {
    const { control, store, events } = this.#options;
    if (!control) throw new BmcError('not-permitted', "the host's network is not changed by clients");
    const present = this.#kept ?? (await control.settings());
    // Another client may have been quicker.
    const before = this.#kept ?? present;
    const wanted = wish(before);
    const asked = { ...before, ...wanted };
    judge(asked, wanted, control);
    const next = inOneText(asked);
    if (sameValue(before, next)) return;
    store.save(storeName, next);
    events.changed(actor, 'LAN interface', before, next);
    if (!this.#wantedBy) this.#settled = before;
    this.#kept = next;
    this.#wantedBy = actor;
    this.#changed.emit();
    this.#applySoon();
  }

  /** Told when clients' wishes have changed, and when they are in effect or have failed. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Whether there is anything to look at. */
  get visible(): boolean {
    return this.#options.look !== undefined;
  }

  /**
   * Forgets what clients wanted. The interface stays as it is until the appliance starts anew: then it is as the
   * configuration says, and whoever reaches the BMC by the present address still does so until then.
   * @throws {BmcError} `no-space` or `timed-out` when it cannot be saved; nothing has changed then
   */
  resetToDefaults(actor: Actor): void {
    const { control, store } = this.#options;
    if (!control || !this.#kept) return;
    store.save(storeName, null);
    const change = changesBetween(this.#kept, null);
    this.#options.events.add(
      'configuration',
      `LAN: settings of the interface forgotten by ${actorText(actor)}`,
      actor,
      change,
    );
    this.#timer?.cancel();
    this.#kept = undefined;
    this.#wantedBy = undefined;
    this.#changed.emit();
  }

  /**
   * Puts into effect what is kept, and tells when that cannot be. An IPv6 address that another host has taken meanwhile
   * does not cost the BMC its other ones.
   */
  async start(): Promise<void> {
    const { control, events } = this.#options;
    if (!control || !this.#kept) return;
    const withoutIpv6 = { ...this.#kept, static6: noPlaces, router6: noAddress6 };
    for (const settings of [this.#kept, withoutIpv6]) {
      try {
        await control.apply(settings);
        break;
      } catch (error) {
        events.add('configuration', `LAN: ${text(settings)} could not be set at start: ${messageOf(error)}`);
      }
    }
    this.#last = undefined;
  }

  /** The interface stays as it is. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#applying;
    await this.#options.control?.stop();
  }

  #applySoon(): void {
    const { clock, setInProgress } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.after(settleMs, () => {
      if (setInProgress.active || this.#applying) this.#applySoon();
      else {
        this.#applying = this.#apply().finally(() => {
          this.#applying = undefined;
          this.#changed.emit();
        });
      }
    });
  }

  async #apply(): Promise<void> {
    const { control, events, store } = this.#options;
    const [wanted, actor] = [this.#kept, this.#wantedBy];
    if (!control || !wanted || !actor) return;
    const by = actorText(actor);
    const before = this.#settled;
    let failed = false;
    try {
      await control.apply(wanted);
      events.add('configuration', `LAN: ${text(wanted)} set by ${by}`, actor);
    } catch (error) {
      failed = true;
      const stays = before ? `; it stays ${text(before)}` : '';
      const why = messageOf(error);
      const told = `LAN: ${text(wanted)}, wanted by ${by}, could not be set: ${why}${stays}`;
      events.add('configuration', told, actor);
    }
    this.#last = undefined;
    // A newer wish, if there is one, has a timer of its own.
    if (this.#kept !== wanted) return;
    if (failed && before) {
      store.save(storeName, before);
      this.#kept = before;
    }
    this.#wantedBy = undefined;
  }
}

const noAddress = '0.0.0.0';
const noPlaces = Array<null>(staticIpv6Places).fill(null);
const noAddress6 = '::';

function text({ source, address, mask, gateway, vlan, static6, router6 }: NetworkSettings): string {
  const parts = [
    source === 'dhcp' ? 'address by DHCP' : `address ${address}/${prefixLengthOf(mask)}`,
    ...(source === 'static' && gateway !== noAddress ? [`gateway ${gateway}`] : []),
    ...(vlan.enabled ? [`VLAN ${vlan.id}`] : []),
    ...static6.flatMap((entry) => (entry ? [`${entry.address}/${entry.prefixLength}`] : [])),
    ...(router6 === noAddress6 ? [] : [`router ${router6}`]),
  ];
  return parts.join(', ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** @returns undefined for a mask with holes */
export function prefixLengthOf(mask: string): number | undefined {
  const bits = mask
    .split('.')
    .map((byte) => Number(byte).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

/** A host's own address, as opposed to a group's, the loopback's or none. */
function isHostAddress(address: string): boolean {
  const first = Number(address.split('.')[0]);
  return isIPv4(address) && first > 0 && first !== 127 && first < 224;
}

/** The same for IPv6. */
export function isHostAddress6(address: string): boolean {
  // Link-local addresses are the kernel's business.
  return isIPv6(address) && !/^(::|::1|ff.*|fe[89ab].:.*|::ffff:.*)$/i.test(address);
}

function isMask(mask: string): boolean {
  const prefixLength = isIPv4(mask) ? prefixLengthOf(mask) : undefined;
  return prefixLength !== undefined && prefixLength > 0;
}

const isWhole = (value: unknown, min: number, max: number) =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

const rules: Readonly<Record<keyof NetworkSettings, (value: never) => boolean>> = {
  source: (source: unknown) => source === 'static' || source === 'dhcp',
  address: (address: string) => isHostAddress(address) || address === noAddress,
  mask: (mask: string) => isMask(mask) || mask === noAddress,
  gateway: (gateway: string) => isHostAddress(gateway) || gateway === noAddress,
  vlan: ({ id, enabled, priority }: Vlan) =>
    isWhole(id, enabled ? 1 : 0, 4094) && typeof enabled === 'boolean' && isWhole(priority, 0, 7),
  static6: (places: NetworkSettings['static6']) =>
    places.length === staticIpv6Places &&
    places.every(
      (place) => place === null || (isHostAddress6(place.address) && isWhole(place.prefixLength, 1, 128)),
    ),
  router6: (router: string) => isIPv6(router) && !/^(::1|ff.*)$/i.test(router),
};
const settingNames = Object.keys(rules) as (keyof NetworkSettings)[];

/** @throws {BmcError} */
function judge(next: NetworkSettings, wish: Partial<NetworkSettings>, control: NetworkControl): void {
  const bad = settingNames.filter((name) => {
    const fits: (value: never) => boolean = rules[name];
    return name in wish && !fits(next[name] as never);
  });
  if (bad.length > 0) throw new BadNetworkSettings(bad);
  const byHand = 'address' in wish || 'mask' in wish || 'gateway' in wish;
  if (byHand && next.source === 'dhcp') {
    throw new BmcError('wrong-state', 'DHCP gives the address: set the address source to static first');
  }
  if (wish.address === noAddress || wish.mask === noAddress) {
    throw new BmcError('bad-argument', 'a BMC without an address could not be reached again');
  }
  if (wish.source === 'dhcp' && !control.dhcp) {
    throw new BmcError('wrong-state', 'this host has no DHCP client: install udhcpc or busybox');
  }
}

function isSettings(value: unknown): value is NetworkSettings {
  if (typeof value !== 'object' || value === null) return false;
  const found = value as Record<string, unknown>;
  return settingNames.every((name) => {
    const fits: (value: never) => boolean = rules[name];
    try {
      return fits(found[name] as never);
    } catch {
      return false;
    }
  });
}

/** Clients write one IPv6 address in many ways. */
function inOneText(settings: NetworkSettings): NetworkSettings {
  const static6 = settings.static6.map((place) => place && { ...place, address: shortIpv6(place.address) });
  return { ...settings, static6, router6: shortIpv6(settings.router6) };
}

/** Settings are plain data whose keys always come in the same order. */
function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
