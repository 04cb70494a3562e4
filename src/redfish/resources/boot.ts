/** What the machine boots from: the override, the machine's own order, and the devices in it. DSP0268, ComputerSystem, BootOption. */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import {
  type BootChoices,
  type BootOverride,
  type BootTarget,
  bootTargets,
  bootUriFault,
  type Firmware,
  isUefiTarget,
} from '../../bmc/boot.ts';
import type { BootDeviceKind, FirmwareBootEntry, MachineBootDevice } from '../../bmc/inventory.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { about, inWords, type Message, message } from '../messages.ts';
import { property } from '../patch.ts';
import { findSystem, link, systemUri } from '../paths.ts';
import { bootCertificatesUri } from './boot-certificates.ts';

/** `Recovery` and `Diags` are what IPMI can ask for besides; they boot the machine's own order, as there. */
const sourceOf = {
  pxe: 'Pxe',
  disk: 'Hdd',
  cdrom: 'Cd',
  usb: 'Usb',
  floppy: 'Floppy',
  'bios-setup': 'BiosSetup',
  diagnostic: 'Diags',
  'safe-mode': 'Recovery',
  'uefi-http': 'UefiHttp',
  'uefi-shell': 'UefiShell',
  'uefi-target': 'UefiTarget',
  'uefi-boot-next': 'UefiBootNext',
} as const satisfies Record<BootTarget, string>;
type Source = (typeof sourceOf)[BootTarget] | 'None';

const enablings = ['Disabled', 'Once', 'Continuous'] as const;
const modeOf = { uefi: 'UEFI', bios: 'Legacy' } as const satisfies Record<Firmware, string>;

/** What an override can really bring about now, and the one in force: IPMI takes devices that are not there. */
function sourcesOnOffer({ boot, machineSettings }: Bmc): Source[] {
  const { bootDevices, bootEntries, hasUefi } = machineSettings;
  const kinds = new Set<BootTarget>(bootDevices.map(({ kind }) => kind));
  const others: Readonly<Partial<Record<BootTarget, boolean>>> = {
    'bios-setup': true,
    'uefi-http': hasUefi && kinds.has('pxe'),
    'uefi-shell': hasUefi,
    'uefi-target': bootEntries.length > 0,
    'uefi-boot-next': bootEntries.length > 0,
  };
  const targets = bootTargets.filter(
    (target) => target === boot.override?.target || (others[target] ?? kinds.has(target)),
  );
  return ['None', ...targets.map((target) => sourceOf[target])];
}

/** The `Boot` of a computer system. */
export function bootOf(bmc: Bmc): JsonObject {
  const { override, choices } = bmc.boot;
  const { machineSettings } = bmc;
  const devices = machineSettings.bootDevices;
  return {
    BootSourceOverrideEnabled: override ? (override.persistent ? 'Continuous' : 'Once') : 'Disabled',
    'BootSourceOverrideEnabled@Redfish.AllowableValues': enablings,
    BootSourceOverrideTarget: override ? sourceOf[override.target] : 'None',
    'BootSourceOverrideTarget@Redfish.AllowableValues': sourcesOnOffer(bmc),
    BootSourceOverrideMode: modeOf[override?.firmware ?? machineSettings.next.firmware],
    'BootSourceOverrideMode@Redfish.AllowableValues': Object.values(modeOf),
    HttpBootUri: choices['uefi-http'] ?? null,
    UefiTargetBootSourceOverride: choices['uefi-target'] ?? null,
    'UefiTargetBootSourceOverride@Redfish.AllowableValues': machineSettings.bootEntries.map(
      ({ path }) => path,
    ),
    BootNext: choices['uefi-boot-next'] ?? null,
    BootOptions: link(optionsUri),
    Certificates: link(bootCertificatesUri),
    BootOrder: devices.map(({ id }) => id),
  };
}

const nullableText = Type.Optional(Type.Union([Type.String(), Type.Null()]));

const bootSchema = Type.Object({
  BootSourceOverrideTarget: Type.Optional(Type.Enum(['None', ...Object.values(sourceOf)])),
  BootSourceOverrideEnabled: Type.Optional(Type.Enum([...enablings])),
  BootSourceOverrideMode: Type.Optional(Type.Enum(Object.values(modeOf))),
  HttpBootUri: nullableText,
  UefiTargetBootSourceOverride: nullableText,
  BootNext: nullableText,
  BootOrder: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
});

interface BootChange {
  readonly BootSourceOverrideTarget?: Source;
  readonly BootSourceOverrideEnabled?: (typeof enablings)[number];
  readonly BootSourceOverrideMode?: 'UEFI' | 'Legacy';
  readonly HttpBootUri?: string | null;
  readonly UefiTargetBootSourceOverride?: string | null;
  readonly BootNext?: string | null;
  readonly BootOrder?: readonly string[];
}

/**
 * A target without `BootSourceOverrideEnabled` keeps an override enabled as it is, and otherwise is for once; sushy leaves
 * out what already reads as wanted. A mode that comes with an override is the override's; one that comes alone is the
 * machine's own from its next start on, and that of the override in force.
 */
export const writeBoot = {
  Boot: property(bootSchema, (change, _, { bmc, actor }) => {
    const { BootSourceOverrideMode: mode, BootOrder: order } = change as BootChange;
    const firmware = mode && (mode === 'UEFI' ? 'uefi' : 'bios');
    // Everything is checked before anything is done.
    if (order) checkOrder(order, bmc.machineSettings.bootDevices);
    const choices = choicesAfter(change as BootChange, bmc);
    const override = overrideAfter(change as BootChange, firmware, bmc);
    checkChosen(override, choices);
    const isForOverride = 'BootSourceOverrideTarget' in change || 'BootSourceOverrideEnabled' in change;
    const isOwnMode = firmware !== undefined && !(isForOverride && override);
    // An override that nobody spoke of keeps what IPMI has said of its end.
    if (override !== bmc.boot.override) bmc.boot.set(override, actor, { choices });
    else if (choices !== bmc.boot.choices) bmc.boot.choose(choices, actor);
    if (isOwnMode || order) {
      bmc.machineSettings.set({ ...(isOwnMode && { firmware }), ...(order && { bootOrder: order }) }, actor);
    }
  }),
};

function overrideAfter(
  { BootSourceOverrideTarget: source, BootSourceOverrideEnabled: enabled }: BootChange,
  firmware: Firmware | undefined,
  bmc: Bmc,
): BootOverride | undefined {
  const present = bmc.boot.override;
  if (source === 'None' || enabled === 'Disabled') return undefined;
  if (source === undefined && enabled === undefined) {
    // A mode alone: what is in force boots by it, which IPMI's flags tell as they do when both come together.
    return present && firmware ? { ...present, firmware } : present;
  }
  if (source !== undefined && !sourcesOnOffer(bmc).includes(source)) {
    throw refused(
      'BootSourceOverrideTarget',
      message('PropertyValueNotInList', source, 'BootSourceOverrideTarget'),
    );
  }
  const target = bootTargets.find((each) => sourceOf[each] === source) ?? present?.target;
  if (target === undefined) {
    throw refused(
      'BootSourceOverrideEnabled',
      inWords(
        'There is no boot override to enable: BootSourceOverrideTarget reads None and must be given, too.',
        message('PropertyValueConflict', 'BootSourceOverrideEnabled', 'BootSourceOverrideTarget'),
      ),
    );
  }
  const persistent = enabled === undefined ? (present?.persistent ?? false) : enabled === 'Continuous';
  // Legacy boots of before end with a target that only UEFI knows.
  const by = firmware ?? (isUefiTarget(target) ? 'uefi' : present?.firmware);
  return { target, persistent, ...(by && { firmware: by }) };
}

const choiceOf = {
  HttpBootUri: 'uefi-http',
  UefiTargetBootSourceOverride: 'uefi-target',
  BootNext: 'uefi-boot-next',
} as const satisfies Partial<Record<keyof BootChange, keyof BootChoices>>;
const choiceNames = Object.keys(choiceOf) as (keyof typeof choiceOf)[];

/** @returns the same object where nothing was said of them */
function choicesAfter(change: BootChange, bmc: Bmc): BootChoices {
  const given = choiceNames.filter((name) => change[name] !== undefined);
  if (given.length === 0) return bmc.boot.choices;
  const { bootEntries } = bmc.machineSettings;
  const choices: { -readonly [K in keyof BootChoices]: BootChoices[K] } = { ...bmc.boot.choices };
  for (const name of given) {
    const value = change[name];
    if (typeof value !== 'string') delete choices[choiceOf[name]];
    else {
      checkChoice(name, value, bootEntries);
      choices[choiceOf[name]] = value;
    }
  }
  return choices;
}

function checkChoice(
  name: keyof typeof choiceOf,
  value: string,
  entries: readonly FirmwareBootEntry[],
): void {
  if (name === 'HttpBootUri') {
    const fault = bootUriFault(value);
    const shown = value.length > 80 ? `${value.slice(0, 80)}…` : value;
    if (fault !== undefined) {
      throw refused(
        name,
        inWords(`HttpBootUri: ${fault}.`, message('PropertyValueFormatError', shown, name)),
      );
    }
  } else if (!entries.some(({ id, path }) => value === (name === 'BootNext' ? id : path))) {
    throw refused(name, message('PropertyValueNotInList', value, name));
  }
}

/** A target that only UEFI knows says that UEFI boots, and two of them what. */
function checkChosen(override: BootOverride | undefined, choices: BootChoices): void {
  if (!override || !isUefiTarget(override.target)) return;
  const { target, firmware } = override;
  const name = choiceNames.find((each) => choiceOf[each] === target);
  if (firmware === 'bios') {
    throw refused(
      'BootSourceOverrideMode',
      inWords(
        `${sourceOf[target]} is for UEFI only.`,
        message('PropertyValueConflict', 'BootSourceOverrideMode', 'BootSourceOverrideTarget'),
      ),
    );
  }
  if (name && name !== 'HttpBootUri' && choices[choiceOf[name]] === undefined) {
    throw refused(
      'BootSourceOverrideTarget',
      inWords(
        `${sourceOf[target]} needs ${name}.`,
        message('PropertyValueConflict', 'BootSourceOverrideTarget', name),
      ),
    );
  }
}

function checkOrder(order: readonly string[], devices: readonly MachineBootDevice[]): void {
  const unknown = order.find((id) => !devices.some((device) => device.id === id));
  if (unknown !== undefined)
    throw refused('BootOrder', message('PropertyValueNotInList', unknown, 'BootOrder'));
  if (new Set(order).size === devices.length && order.length === devices.length) return;
  throw refused(
    'BootOrder',
    inWords(
      `BootOrder must name every device once: ${devices.map(({ id }) => id).join(', ')}.`,
      message('PropertyValueError', 'BootOrder'),
    ),
  );
}

function refused(name: keyof BootChange, told: Message): RedfishError {
  return new RedfishError(about(`#/Boot/${name}`, told));
}

const optionsUri = `${systemUri}/BootOptions`;

const options = collection({
  path: '/redfish/v1/Systems/:systemId/BootOptions',
  type: '#BootOptionCollection.BootOptionCollection',
  name: 'Boot options',
  privileges: { get: ['Login'] },
  find: findSystem,
  members: (_, { bmc }) => [...optionsOf(bmc).keys()].map((id) => `${optionsUri}/${id}`),
});

const kindNames: Readonly<Record<BootDeviceKind, string>> = {
  disk: 'Hard disk',
  cdrom: 'CD drive',
  pxe: 'Network card',
  usb: 'USB storage',
};

/**
 * The machine's devices, which `BootOrder` puts in order, for each firmware alike; behind them what UEFI firmware has
 * entries for, which `BootNext` and `UefiTargetBootSourceOverride` can name.
 */
function optionsOf({ machineSettings: { bootDevices, bootEntries } }: Bmc): ReadonlyMap<string, JsonObject> {
  return new Map([...bootDevices.map(deviceOption), ...bootEntries.map(entryOption)]);
}

function deviceOption({ id, kind }: MachineBootDevice): readonly [string, JsonObject] {
  const name = `${kindNames[kind]} ${id}`;
  return [id, { Name: name, DisplayName: name, BootOptionEnabled: true, Alias: sourceOf[kind] }];
}

function entryOption({ id, name, enabled, path }: FirmwareBootEntry): readonly [string, JsonObject] {
  return [
    id,
    { Name: name || id, DisplayName: name || id, BootOptionEnabled: enabled, UefiDevicePath: path },
  ];
}

function findOption(
  { systemId, optionId }: { readonly systemId: string; readonly optionId: string },
  { bmc }: Context,
): (JsonObject & { readonly id: string }) | undefined {
  const found = findSystem({ systemId }) && optionsOf(bmc).get(optionId);
  return found && { ...found, id: optionId };
}

const option = resource({
  path: '/redfish/v1/Systems/:systemId/BootOptions/:optionId',
  type: '#BootOption.v1_0_6.BootOption',
  privileges: { get: ['Login'] },
  find: findOption,
  read: ({ found: { id, ...told } }) => ({ Id: id, BootOptionReference: id, ...told }),
});

export const bootResources: readonly Resource[] = [options, option];
