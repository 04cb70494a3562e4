/**
 * The settings of the LAN channel: who may come in how, the BMC key, alert destinations. Kept across restarts, except
 * the volatile access settings. The network interface is management-network.ts' business.
 *
 * The BMC key follows the same rule as users do (users.ts): a configured key is applied when it differs from the
 * one last applied. When the settings are damaged and a key was in force, a key that nobody knows takes its place,
 * since going on without one would be weaker than before.
 */
import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Random } from '../lib/random.ts';
import { type Actor, actorText, type PrivilegeLevel, privilegeLevels } from './actor.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import { ManagementNetwork, type NetworkControl, type NetworkState } from './management-network.ts';
import { SetInProgress } from './set-in-progress.ts';
import type { Store } from './store.ts';
import type { UserLimit } from './user.ts';

export interface ChannelAccess {
  /** `disabled` lets no new session in. */
  readonly mode: 'disabled' | 'always';
  /** Whether alerts go out over this channel. */
  readonly alerting: boolean;
  /** Whether each packet of an IPMI 1.5 session is authenticated, or the login alone. */
  readonly perMessageAuthentication: boolean;
  /** Whether commands of the User level are authenticated in IPMI 1.5 sessions. */
  readonly userLevelAuthentication: boolean;
  /** The highest level of any session. */
  readonly limit: PrivilegeLevel;
}

export interface AlertDestination {
  /** Whether the receiver is expected to acknowledge alerts. */
  readonly acknowledged: boolean;
  /** 0 to 255: how long to wait for an acknowledge, or between repeats. */
  readonly retryIntervalS: number;
  /** 0 to 7. */
  readonly retries: number;
  /** IPv4 or IPv6 address; `0.0.0.0` for none. */
  readonly address: string;
  /** Kept and told; the host's network stack finds the way itself. */
  readonly backupGateway: boolean;
  /** Kept and told, like the gateway. Six bytes as `00:00:00:00:00:00`. */
  readonly mac: string;
}

/** What happens to a user whose password is guessed at. IPMI 2.0 Table 23-4, parameter 26. */
export interface BadPasswordPolicy {
  /** So many wrong passwords lock the user out; 0 never does. */
  readonly threshold: number;
  /** Whether a lock-out is an event. */
  readonly event: boolean;
  /** Wrong passwords are forgotten after so long without one; 0 for only after a right one. */
  readonly forgetAfterS: number;
  /** How long the lock-out lasts; 0 until the user is enabled again. */
  readonly lockoutS: number;
}

export interface LanConfiguration {
  readonly access: ChannelAccess;
  /** The BMC key as up to 40 hexadecimal digits; empty for one-key logins. Never logged. */
  readonly kgHex: string;
  /** The key can neither be read nor changed any more. */
  readonly kgLocked: boolean;
  /** The highest level by cipher suite ID; a suite that is not there has no limit of its own. */
  readonly suiteLimits: Readonly<Record<string, UserLimit>>;
  /** Levels at which IPMI 1.5 sessions with MD5 may be asked for. */
  readonly md5Levels: readonly PrivilegeLevel[];
  /** Of the traps sent as alerts; up to 18 bytes. */
  readonly community: string;
  /** Index 0 is forgotten at restart, the others stay. */
  readonly destinations: readonly AlertDestination[];
  readonly badPasswords: BadPasswordPolicy;
}

export interface LanOptions {
  /** The configured BMC key, up to 20 bytes. */
  readonly kg?: Uint8Array;
  /** Looks at the host's network; absent where there is none to look at. */
  readonly network?: () => Promise<NetworkState>;
  /** Changes the host's network; absent where clients are not to. */
  readonly networkControl?: NetworkControl;
}

/** Destinations that are kept, beside the one that is not. */
export const destinationCount = 4;
export const maxCommunityBytes = 18;

const noDestination: AlertDestination = {
  acknowledged: false,
  retryIntervalS: 0,
  retries: 0,
  address: '0.0.0.0',
  backupGateway: false,
  mac: '00:00:00:00:00:00',
};

export const defaultLanConfiguration: LanConfiguration = {
  access: {
    mode: 'always',
    alerting: true,
    perMessageAuthentication: true,
    userLevelAuthentication: true,
    limit: 'administrator',
  },
  kgHex: '',
  kgLocked: false,
  suiteLimits: {},
  md5Levels: privilegeLevels,
  community: 'public',
  destinations: Array.from({ length: destinationCount + 1 }, () => noDestination),
  badPasswords: { threshold: 0, event: false, forgetAfterS: 0, lockoutS: 0 },
};

const storeName = 'lan';
/** In a file of its own: whether a BMC key was in force. */
const markName = 'lan-mark';

interface Seed {
  readonly salt: string;
  readonly hash: string;
}

export class LanSettings {
  readonly setInProgress = new SetInProgress('LAN settings');
  readonly network: ManagementNetwork;
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #options: LanOptions;
  readonly #changed = new Emitter<void>();
  #configuration: LanConfiguration;
  #access: ChannelAccess;
  #kgSeed: Seed | undefined;
  #volatileDestination = noDestination;

  constructor(options: LanOptions, parts: { store: Store; events: EventLog; random: Random; clock: Clock }) {
    const { store, events, random, clock } = parts;
    this.#store = store;
    this.#events = events;
    this.#options = options;
    const { network: look, networkControl: control } = options;
    const { setInProgress } = this;
    this.network = new ManagementNetwork({ look, control, setInProgress, store, events, clock });
    const kept = store.load<Record<string, unknown>>(storeName);
    this.#configuration = restored(kept);
    this.#access = this.#configuration.access;
    this.#kgSeed = isSeed(kept?.kgSeed) ? kept.kgSeed : undefined;
    this.#applyConfiguredKg(kept === undefined, random);
  }

  /** Told of each change, of the access settings in force, too. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** What is kept. */
  get configuration(): LanConfiguration {
    return this.#configuration;
  }

  /** The access settings in force: begin as the kept ones and last until the BMC restarts. */
  get access(): ChannelAccess {
    return this.#access;
  }

  /** The BMC key in force. */
  get kg(): Uint8Array | undefined {
    const { kgHex } = this.#configuration;
    return kgHex === '' ? undefined : Buffer.from(kgHex, 'hex');
  }

  /** By number; 0 is the one that is forgotten at restart. */
  get destinations(): readonly AlertDestination[] {
    return [this.#volatileDestination, ...this.#configuration.destinations.slice(1)];
  }

  /** The highest level with a cipher suite; `no-access` takes the suite off the list. */
  suiteLimit(suiteId: number): UserLimit {
    return this.#configuration.suiteLimits[suiteId] ?? 'administrator';
  }

  /**
   * Changes settings at once and for good. Access settings change for the next start only: see {@link setAccess}.
   * @throws {BmcError} `bad-argument` naming the setting; `no-space` or `timed-out` when it cannot be saved
   */
  update(change: Partial<LanConfiguration>, actor: Actor): void {
    const next = { ...this.#configuration, ...change };
    const changed = settingNames.filter((name) => !sameValue(this.#configuration[name], next[name]));
    if (changed.length === 0) return;
    for (const name of changed) {
      if (!rules[name](next[name])) throw new BmcError('bad-argument', `LAN ${name}: not a possible value`);
    }
    const changes = changesBetween(this.#configuration, next);
    this.#save(next, this.#kgSeed);
    const what = changed.map((name) => labels[name]).join(', ');
    this.#events.add('configuration', `LAN: ${what} changed by ${actorText(actor)}`, actor, changes);
  }

  /** Changes the access settings in force; they last until the BMC restarts. */
  setAccess(change: Partial<ChannelAccess>, actor: Actor): void {
    const next = { ...this.#access, ...change };
    if (sameValue(next, this.#access)) return;
    if (!rules.access(next)) throw new BmcError('bad-argument', 'LAN access: not a possible value');
    const changes = changesBetween(this.#access, next);
    this.#access = next;
    this.#changed.emit();
    const what = `access now ${next.mode === 'always' ? 'open' : 'closed'}, up to ${next.limit}`;
    this.#events.add('configuration', `LAN: ${what}, by ${actorText(actor)}`, actor, changes);
  }

  /**
   * Makes the settings what a first start would make them, with the BMC key of the configuration.
   * @throws {BmcError} `no-space` or `timed-out` when it cannot be saved; nothing has changed then
   */
  resetToDefaults(random: Random, actor: Actor): void {
    const kgHex = Buffer.from(this.#options.kg ?? []).toString('hex');
    const changes = changesBetween(this.#configuration, { ...defaultLanConfiguration, kgHex });
    this.#save({ ...defaultLanConfiguration, kgHex }, seedOf(kgHex, random));
    this.#access = defaultLanConfiguration.access;
    this.#changed.emit();
    this.#volatileDestination = noDestination;
    this.#events.add(
      'configuration',
      `LAN: all settings back to their defaults by ${actorText(actor)}`,
      actor,
      changes,
    );
  }

  setDestination(number: number, destination: AlertDestination, actor: Actor): void {
    if (number === 0) {
      if (!isDestination(destination)) throw new BmcError('bad-argument', 'LAN destination 0');
      this.#events.changed(actor, 'LAN: alert destination 0', this.#volatileDestination, destination);
      this.#volatileDestination = destination;
      return;
    }
    if (number > destinationCount) throw new BmcError('bad-argument', `there is no destination ${number}`);
    this.update({ destinations: this.#configuration.destinations.with(number, destination) }, actor);
  }

  #save(next: LanConfiguration, kgSeed: Seed | undefined): void {
    // Before a key, so that there is no moment in which the key could be lost unnoticed.
    if (next.kgHex !== '') this.#store.save(markName, { kg: true });
    this.#store.save(storeName, kgSeed ? { ...next, kgSeed } : next);
    if (next.kgHex === '' && this.#configuration.kgHex !== '') this.#store.save(markName, { kg: false });
    this.#configuration = next;
    this.#kgSeed = kgSeed;
    this.#changed.emit();
  }

  #applyConfiguredKg(nothingKept: boolean, random: Random): void {
    const configured = Buffer.from(this.#options.kg ?? []).toString('hex');
    const mark = this.#store.load<{ kg?: unknown }>(markName);
    const marked = mark?.kg === true || this.#store.wasDamaged(markName);
    if (nothingKept && marked && configured === '') {
      this.#save({ ...this.#configuration, kgHex: Buffer.from(random.bytes(20)).toString('hex') }, undefined);
      this.#events.add(
        'state-damaged',
        'the LAN settings are lost, the BMC key with them: no RMCP+ login until a key is configured or set in-band',
      );
      return;
    }
    const seed = this.#kgSeed;
    const same = seed ? hashOf(configured, seed.salt) === seed.hash : configured === '';
    if (same) return;
    const next = { ...this.#configuration, kgHex: configured, kgLocked: false };
    this.#save(next, seedOf(configured, random));
    if (!nothingKept) this.#events.add('configuration', 'LAN: BMC key set anew from the configuration');
  }
}

function seedOf(kgHex: string, random: Random): Seed {
  const salt = Buffer.from(random.bytes(16)).toString('hex');
  return { salt, hash: hashOf(kgHex, salt) };
}

function hashOf(kgHex: string, salt: string): string {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(kgHex).digest('hex');
}

const labels: Readonly<Record<keyof LanConfiguration, string>> = {
  access: 'access settings of the next start',
  kgHex: 'BMC key',
  kgLocked: 'lock of the BMC key',
  suiteLimits: 'cipher suite limits',
  md5Levels: 'levels of IPMI 1.5 sessions',
  community: 'community string',
  destinations: 'alert destinations',
  badPasswords: 'bad password policy',
};
const settingNames = Object.keys(labels) as (keyof LanConfiguration)[];

const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isLevel = (value: unknown) => privilegeLevels.includes(value as PrivilegeLevel);
const isLimit = (value: unknown) => value === 'no-access' || isLevel(value);
const isWhole = (value: unknown, max: number) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;

const rules: Readonly<Record<keyof LanConfiguration, (value: unknown) => boolean>> = {
  access: (value) =>
    isRecord(value) &&
    (value.mode === 'disabled' || value.mode === 'always') &&
    isBoolean(value.alerting) &&
    isBoolean(value.perMessageAuthentication) &&
    isBoolean(value.userLevelAuthentication) &&
    isLevel(value.limit),
  kgHex: (value) => typeof value === 'string' && /^([0-9a-f]{2}){0,20}$/.test(value),
  kgLocked: isBoolean,
  suiteLimits: (value) => isRecord(value) && Object.values(value).every(isLimit),
  md5Levels: (value) => Array.isArray(value) && value.every(isLevel),
  community: (value) =>
    typeof value === 'string' &&
    value.length <= maxCommunityBytes &&
    [...value].every((c) => c >= ' ' && c <= '~'),
  destinations: (value) =>
    Array.isArray(value) && value.length === destinationCount + 1 && value.every(isDestination),
  badPasswords: (value) =>
    isRecord(value) &&
    isWhole(value.threshold, 255) &&
    isBoolean(value.event) &&
    isWhole(value.forgetAfterS, 655_350) &&
    isWhole(value.lockoutS, 655_350),
};

function isDestination(value: unknown): boolean {
  return (
    isRecord(value) &&
    isBoolean(value.acknowledged) &&
    isBoolean(value.backupGateway) &&
    isWhole(value.retryIntervalS, 255) &&
    isWhole(value.retries, 7) &&
    typeof value.address === 'string' &&
    isIP(value.address) !== 0 &&
    typeof value.mac === 'string' &&
    /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(value.mac)
  );
}

function isSeed(value: unknown): value is Seed {
  return isRecord(value) && typeof value.salt === 'string' && typeof value.hash === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Settings are plain data whose keys always come in the same order. */
function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What the store gave, with the default wherever it gave nothing usable. */
function restored(kept: Record<string, unknown> | undefined): LanConfiguration {
  const found: Record<string, unknown> = { ...defaultLanConfiguration };
  if (isRecord(kept)) {
    for (const name of settingNames) if (rules[name](kept[name])) found[name] = kept[name];
  }
  return found as unknown as LanConfiguration;
}
