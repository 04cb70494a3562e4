/** The firmware's settings: what the registry tells of them, what is in force, what waits for the next start. */
import type { Attributes, AttributeValue, RegistryAttribute } from './schema.ts';

export const groupIds = ['processor', 'boot', 'security', 'console', 'other'] as const;
export type GroupId = (typeof groupIds)[number];

/** The registry has no menus; what is not known here stands under `other`. */
const groupOf: Readonly<Record<string, GroupId>> = {
  ProcessorCount: 'processor',
  ProcessorSockets: 'processor',
  HyperThreading: 'processor',
  MemorySizeMiB: 'processor',
  BootMode: 'boot',
  NetworkBoot: 'boot',
  TpmSupport: 'security',
  SerialRedirection: 'console',
};

export interface Setting {
  readonly attribute: RegistryAttribute;
  /** In force; undefined where the machine has none. */
  readonly current: AttributeValue | undefined;
  /** From the next start on. */
  readonly next: AttributeValue | undefined;
}

/** In the user's words. */
export interface SettingTexts {
  readonly name: string;
  readonly help: string;
}

export function settingsOf(
  registry: readonly RegistryAttribute[],
  current: Attributes,
  next: Attributes,
): readonly Setting[] {
  return registry.map((attribute) => ({
    attribute,
    current: current[attribute.AttributeName],
    next: next[attribute.AttributeName],
  }));
}

export function isPending({ current, next }: Setting): boolean {
  return next !== undefined && next !== current;
}

/** @returns groups that have settings; those found by all of the words in `search`, in what one sees of them */
export function grouped(
  settings: readonly Setting[],
  search: string,
  textsOf: (attribute: RegistryAttribute) => SettingTexts,
): readonly { readonly id: GroupId; readonly settings: readonly Setting[] }[] {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = settings.filter(({ attribute }) => {
    const { name, help } = textsOf(attribute);
    const text = `${name} ${help} ${attribute.AttributeName} ${attribute.DisplayName}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  return groupIds
    .map((id) => ({
      id,
      settings: found.filter(({ attribute }) => (groupOf[attribute.AttributeName] ?? 'other') === id),
    }))
    .filter((group) => group.settings.length > 0);
}

/** @returns the change that makes the next start like now; nothing where nothing waits */
export function discarding(settings: readonly Setting[]): Attributes {
  return Object.fromEntries(
    settings.flatMap((setting) =>
      isPending(setting) && setting.current !== undefined
        ? [[setting.attribute.AttributeName, setting.current]]
        : [],
    ),
  );
}

/** What was typed into the field of a number. */
export type NumberFault = 'empty' | 'range';

/** @returns undefined for a number that the registry permits */
export function numberFault(
  text: string,
  { LowerBound, UpperBound }: RegistryAttribute,
): NumberFault | undefined {
  if (!/^-?\d{1,15}$/.test(text.trim())) return 'empty';
  const value = Number(text);
  const isBelow = LowerBound !== undefined && value < LowerBound;
  const isAbove = UpperBound !== undefined && value > UpperBound;
  return isBelow || isAbove ? 'range' : undefined;
}
