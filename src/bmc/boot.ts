/**
 * The boot override: which device the next boot, or all boots, should take, and by which firmware.
 *
 * One state for every face. A one-time override is used up by the next boot, whoever causes it (IPMI 2.0
 * §28.12); one set through IPMI also expires after 60 s unless a chassis control command follows or the
 * console asked to keep it. This file knows nothing of how a machine obeys.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { RestartCause } from './restart.ts';
import type { Store } from './store.ts';

export const bootTargets = [
  'pxe',
  'disk',
  'cdrom',
  'usb',
  'floppy',
  'bios-setup',
  'diagnostic',
  'safe-mode',
  'uefi-http',
  'uefi-shell',
  'uefi-target',
  'uefi-boot-next',
] as const;
export type BootTarget = (typeof bootTargets)[number];

/** Known to UEFI firmware only, which makes the boots that they cover. */
export const uefiBootTargets = ['uefi-http', 'uefi-shell', 'uefi-target', 'uefi-boot-next'] as const;
export type UefiBootTarget = (typeof uefiBootTargets)[number];

/**
 * What a target has to be told besides, kept also while another target is set: the web address of an image (without it
 * the network is asked for one); the path, or the id, of one of the firmware's own entries.
 */
export const bootChoiceTargets = ['uefi-http', 'uefi-target', 'uefi-boot-next'] as const;
export type BootChoices = Readonly<Partial<Record<(typeof bootChoiceTargets)[number], string>>>;

/** `bios`: legacy, PC compatible. */
export const firmwares = ['bios', 'uefi'] as const;
export type Firmware = (typeof firmwares)[number];

export interface BootOverride {
  readonly target: BootTarget;
  readonly persistent: boolean;
  /** The boots that it covers are made by this firmware; without it by the one that the machine is set up with. */
  readonly firmware?: Firmware;
}

/** An override with what its target is told: what a machine needs to follow it. */
export interface MachineBootOverride extends BootOverride {
  readonly choice?: string;
}

/** How long an IPMI override waits for a chassis control command. IPMI 2.0 §28.13, boot flag valid bit. */
export const bootFlagsExpiryMs = 60_000;

/** A restart that a one-time override may be dropped before, rather than used up by. IPMI 2.0 Table 28-14, parameter 3. */
export const bootDropCauses = [
  'watchdog',
  'reset-button',
  'power-button',
  'event-filter-reset',
  'event-filter-cycle',
] as const satisfies readonly RestartCause[];
export type BootDropCause = (typeof bootDropCauses)[number];

interface BootState {
  readonly override: BootOverride | null;
  readonly droppedBy?: readonly BootDropCause[];
  readonly choices?: BootChoices;
}

export interface BootDependencies {
  readonly clock: Clock;
  readonly store: Store;
  readonly events: EventLog;
  readonly log: Logger;
}

export class Boot {
  readonly #dependencies: BootDependencies;
  readonly #changed = new Emitter<BootOverride | undefined>();
  #override: BootOverride | undefined;
  #droppedBy: readonly BootDropCause[];
  #choices: BootChoices;
  #expiry: Timer | undefined;

  constructor(dependencies: BootDependencies) {
    this.#dependencies = dependencies;
    const kept = dependencies.store.load<BootState>('boot');
    this.#override = kept?.override ?? undefined;
    this.#droppedBy = kept?.droppedBy ?? [];
    this.#choices = kept?.choices ?? {};
  }

  get override(): BootOverride | undefined {
    return this.#override;
  }

  get choices(): BootChoices {
    return this.#choices;
  }

  /** The override with what its target is told. */
  get forMachine(): MachineBootOverride | undefined {
    const override = this.#override;
    const choice = override && this.#choices[override.target as keyof BootChoices];
    return override && { ...override, ...(choice !== undefined && { choice }) };
  }

  /** Told of every change, with the override now in force. */
  onChange(listener: (override: BootOverride | undefined) => void): () => void {
    return this.#changed.on(listener);
  }

  /**
   * @param options.expires drop a one-time override after {@link bootFlagsExpiryMs} unless {@link keep} is called
   * @param options.droppedBy restarts that drop a one-time override instead of following it
   * @param options.choices put in the place of those kept
   * @throws {BmcError} `bad-argument` for a target that the firmware does not know, or one that is told too little; when
   *   the change cannot be kept; nothing has changed then
   */
  set(
    wanted: BootOverride | undefined,
    actor: Actor,
    options: { expires?: boolean; droppedBy?: readonly BootDropCause[]; choices?: BootChoices } = {},
  ): void {
    const { clock, events } = this.#dependencies;
    const choices = options.choices ?? this.#choices;
    const override = wanted && checked(wanted, choices);
    const droppedBy = override && !override.persistent ? (options.droppedBy ?? []) : [];
    const changes = changesBetween(
      { override: this.#override ?? null, droppedBy: this.#droppedBy, choices: this.#choices },
      { override: override ?? null, droppedBy, choices },
    );
    if (changes.length > 0) {
      this.#save(override, droppedBy, choices);
      this.#droppedBy = droppedBy;
      this.#choices = choices;
      this.#apply(override);
      const what = override ? describe(override) : 'none';
      events.add('boot-override', `boot override set to ${what} by ${actor.name}`, actor, changes);
    }
    this.keep();
    if (override && !override.persistent && options.expires) {
      this.#expiry = clock.after(bootFlagsExpiryMs, () => this.#drop());
    }
  }

  /**
   * What targets are told, an override of now included, which stays as it is otherwise.
   * @throws {BmcError} `bad-argument` when the override of now is told too little then; when the change cannot be kept
   */
  choose(choices: BootChoices, actor: Actor): void {
    if (this.#override) checked(this.#override, choices);
    const changes = changesBetween({ choices: this.#choices }, { choices });
    if (changes.length === 0) return;
    this.#save(this.#override, this.#droppedBy, choices);
    this.#choices = choices;
    this.#apply(this.#override);
    const { events } = this.#dependencies;
    events.add('boot-override', `what boot overrides lead to set by ${actor.name}`, actor, changes);
  }

  /** A chassis control command came: the override stays until a boot uses it up. */
  keep(): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
  }

  /** The machine is about to start anew, for this reason. */
  restarting(cause: RestartCause): void {
    if (!this.#override || !this.#droppedBy.some((each) => each === cause)) return;
    this.#dependencies.log.info({ cause, override: this.#override }, 'boot override dropped');
    this.#drop();
  }

  /** A boot has begun: a one-time override is used up. */
  booted(): void {
    this.keep();
    if (this.#override && !this.#override.persistent) this.#drop();
  }

  /** Nobody waits for an answer here: an override that cannot be dropped on the disk is dropped in memory. */
  #drop(): void {
    try {
      this.#save(undefined, [], this.#choices);
    } catch (error) {
      this.#dependencies.log.error({ err: error }, 'boot override not dropped on the disk');
    }
    this.#droppedBy = [];
    this.#apply(undefined);
  }

  #apply(override: BootOverride | undefined): void {
    this.#override = override;
    this.#changed.emit(override);
  }

  #save(override: BootOverride | undefined, droppedBy: readonly BootDropCause[], choices: BootChoices): void {
    const state: BootState = {
      override: override ?? null,
      ...(droppedBy.length > 0 && { droppedBy }),
      ...(Object.keys(choices).length > 0 && { choices }),
    };
    this.#dependencies.store.save('boot', state);
  }
}

/** @returns as it will be followed */
function checked(override: BootOverride, choices: BootChoices): BootOverride {
  const { target, firmware } = override;
  if (!isUefiTarget(target)) return override;
  if (firmware === 'bios') {
    throw new BmcError('bad-argument', `boot override ${target}: legacy firmware does not know it`);
  }
  if ((target === 'uefi-target' || target === 'uefi-boot-next') && choices[target] === undefined) {
    throw new BmcError(
      'bad-argument',
      `boot override ${target}: which of the firmware's entries is not said`,
    );
  }
  return { ...override, firmware: 'uefi' };
}

export function isUefiTarget(target: BootTarget): target is UefiBootTarget {
  return uefiBootTargets.some((each) => each === target);
}

export const maxBootUriLength = 1024;

/** @returns why firmware cannot boot from that address; undefined where it can */
export function bootUriFault(uri: string): string | undefined {
  if (uri.length > maxBootUriLength) return `longer than ${maxBootUriLength} characters`;
  // What `URL` would mend, firmware takes literally.
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(uri)) return 'not an http:// or https:// address in plain ASCII';
  if (!URL.canParse(uri)) return 'not an address';
  const { username, password } = new URL(uri);
  if (username !== '' || password !== '') return 'firmware sends no user name or password';
  return undefined;
}

export function sameOverride(a: BootOverride | undefined, b: BootOverride | undefined): boolean {
  return a?.target === b?.target && a?.persistent === b?.persistent && a?.firmware === b?.firmware;
}

function describe({ target, persistent, firmware }: BootOverride): string {
  return [target, ...(firmware ? [`by ${firmware}`] : []), ...(persistent ? [] : ['once'])].join(', ');
}
