/**
 * The settings of the BMC as one document, to keep elsewhere and to put back, on this BMC or another one.
 *
 * It holds no secret: no password, no BMC key, no community string, no private key. Restoring leaves those that are
 * there as they are; a user that comes without a password of its own name here cannot log in until somebody sets one.
 * Left out are also what belongs to the place rather than to the settings (the address of the interface), and records of
 * what happened.
 *
 * A document may leave sections out; those that it has are restored as wholes. It is checked as a whole before anything
 * is changed, and what has been changed is taken back when a later part refuses.
 */
import type { Actor } from './actor.ts';
import { actorText } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import { type Shape, some } from './shapes.ts';

/** What a section of the document is made of. */
export interface ConfigurationPart<T> {
  /** Checks what came from outside. */
  readonly shape: Shape<T>;
  /** The settings of now, as plain data. */
  read(): T;
  /**
   * Whatever the shape does not say of the settings, checked before anything is changed.
   * @throws {BmcError} `bad-argument`
   */
  check?(settings: T, at: string): void;
  /** @throws {BmcError} when they cannot be; part of them may be in force then */
  write(settings: T, actor: Actor): void;
}

/** A part without the type of its settings, which only it knows. */
interface Section {
  read(): unknown;
  /** @returns what puts the settings into force */
  prepare(settings: unknown, at: string): (actor: Actor) => void;
}

export const configurationFormat = 'qemu-bmc configuration';
export const configurationVersion = 1;
/** No longer document is read. */
export const maxConfigurationBytes = 1024 * 1024;

export interface ConfigurationDocument {
  readonly format: typeof configurationFormat;
  readonly version: typeof configurationVersion;
  readonly settings: Readonly<Record<string, unknown>>;
}

export class Configuration {
  readonly #events: EventLog;
  readonly #sections = new Map<string, Section>();

  constructor(events: EventLog) {
    this.#events = events;
  }

  /** A part of the core, or of a face. Restored in the order in which they were added. */
  add<T>(name: string, part: ConfigurationPart<T>): void {
    this.#sections.set(name, {
      read: () => part.read(),
      prepare(given, at) {
        const settings = part.shape(given, at);
        part.check?.(settings, at);
        return (actor) => part.write(settings, actor);
      },
    });
  }

  export(): ConfigurationDocument {
    const settings = [...this.#sections].map(([name, section]) => [name, section.read()] as const);
    return {
      format: configurationFormat,
      version: configurationVersion,
      settings: Object.fromEntries(settings),
    };
  }

  /**
   * Puts the settings of a document into force: all of them, or none.
   * @throws {BmcError} `bad-argument` naming the setting; `no-space` or `timed-out` when they cannot be kept
   */
  restore(document: string, actor: Actor): void {
    let names: string;
    try {
      names = this.#restore(document, actor);
    } catch (cause) {
      if (!(cause instanceof BmcError)) throw cause;
      throw new BmcError(cause.kind, `configuration not restored: ${cause.message}`, { cause });
    }
    this.#events.add('configuration', `configuration restored (${names}) by ${actorText(actor)}`, actor);
  }

  /** @returns the names of the sections that were restored */
  #restore(document: string, actor: Actor): string {
    const settings = settingsOf(document);
    const prepared = [...this.#sections].flatMap(([name, section]) => {
      if (!Object.hasOwn(settings, name)) return [];
      return [{ name, section, apply: section.prepare(settings[name], `settings.${name}`) }];
    });
    some(Object.fromEntries([...this.#sections.keys()].map((name) => [name, (value) => value])))(
      settings,
      'settings',
    );
    const undo: ((actor: Actor) => void)[] = [];
    try {
      for (const { name, section, apply } of prepared) {
        undo.unshift(section.prepare(section.read(), `settings.${name}`));
        apply(actor);
      }
    } catch (error) {
      for (const take of undo) take(actor);
      throw error;
    }
    return prepared.map(({ name }) => name).join(', ');
  }
}

function settingsOf(document: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  if (Buffer.byteLength(document) > maxConfigurationBytes) {
    throw new BmcError('bad-argument', `the configuration has more than ${maxConfigurationBytes} bytes`);
  }
  try {
    value = JSON.parse(document);
  } catch (cause) {
    throw new BmcError('bad-argument', `the configuration is no JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  const { format, version, settings, ...others } = value as Record<string, unknown>;
  if (format !== configurationFormat) {
    throw new BmcError('bad-argument', `format: the document is no "${configurationFormat}"`);
  }
  if (version !== configurationVersion) {
    throw new BmcError(
      'bad-argument',
      `version: ${String(version)} is unknown, this BMC reads ${configurationVersion}`,
    );
  }
  const [other] = Object.keys(others).filter((name) => !name.startsWith('@'));
  if (other !== undefined) throw new BmcError('bad-argument', `${other}: there is no such member`);
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    throw new BmcError('bad-argument', 'settings: an object is wanted');
  }
  return settings as Readonly<Record<string, unknown>>;
}
