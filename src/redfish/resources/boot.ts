/** What the machine boots from: the override, the machine's own order, and the devices in it. DSP0268, ComputerSystem, BootOption. */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import { type BootOverride, type BootTarget, bootTargets, type Firmware } from '../../bmc/boot.ts';
import type { BootDeviceKind, MachineBootDevice } from '../../bmc/inventory.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { about, inWords, type Message, message } from '../messages.ts';
import { property } from '../patch.ts';
import { findSystem, link, systemUri } from '../paths.ts';

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
} as const satisfies Record<BootTarget, string>;
type Source = (typeof sourceOf)[BootTarget] | 'None';

const enablings = ['Disabled', 'Once', 'Continuous'] as const;
const modeOf = { uefi: 'UEFI', bios: 'Legacy' } as const satisfies Record<Firmware, string>;

/** What an override can really bring about now. */
function sourcesOnOffer(devices: readonly MachineBootDevice[]): Source[] {
  const kinds = new Set<BootDeviceKind>(devices.map(({ kind }) => kind));
  const targets = bootTargets.filter(
    (target) => target === 'bios-setup' || kinds.has(target as BootDeviceKind),
  );
  return ['None', ...targets.map((target) => sourceOf[target])];
}

/** The `Boot` of a computer system. */
export function bootOf(bmc: Bmc): JsonObject {
  const { override } = bmc.boot;
  const { machineSettings } = bmc;
  const devices = machineSettings.bootDevices;
  return {
    BootSourceOverrideEnabled: override ? (override.persistent ? 'Continuous' : 'Once') : 'Disabled',
    'BootSourceOverrideEnabled@Redfish.AllowableValues': enablings,
    BootSourceOverrideTarget: override ? sourceOf[override.target] : 'None',
    'BootSourceOverrideTarget@Redfish.AllowableValues': sourcesOnOffer(devices),
    BootSourceOverrideMode: modeOf[override?.firmware ?? machineSettings.next.firmware],
    'BootSourceOverrideMode@Redfish.AllowableValues': Object.values(modeOf),
    BootOptions: link(optionsUri),
    BootOrder: devices.map(({ id }) => id),
  };
}

const bootSchema = Type.Object({
  BootSourceOverrideTarget: Type.Optional(Type.Enum(['None', ...Object.values(sourceOf)])),
  BootSourceOverrideEnabled: Type.Optional(Type.Enum([...enablings])),
  BootSourceOverrideMode: Type.Optional(Type.Enum(Object.values(modeOf))),
  BootOrder: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
});

interface BootChange {
  readonly BootSourceOverrideTarget?: Source;
  readonly BootSourceOverrideEnabled?: (typeof enablings)[number];
  readonly BootSourceOverrideMode?: 'UEFI' | 'Legacy';
  readonly BootOrder?: readonly string[];
}

/**
 * A target without `BootSourceOverrideEnabled` keeps an override enabled as it is, and otherwise is for once; sushy leaves
 * out what already reads as wanted. A mode that comes with an override is the override's; one that comes alone is the
 * machine's own from its next start on.
 */
export const writeBoot = {
  Boot: property(bootSchema, (change, _, { bmc, actor }) => {
    const { BootSourceOverrideMode: mode, BootOrder: order } = change as BootChange;
    const firmware = mode && (mode === 'UEFI' ? 'uefi' : 'bios');
    // Everything is checked before anything is done.
    if (order) checkOrder(order, bmc.machineSettings.bootDevices);
    const override = overrideAfter(change as BootChange, firmware, bmc);
    const isForOverride = 'BootSourceOverrideTarget' in change || 'BootSourceOverrideEnabled' in change;
    const isOwnMode = firmware !== undefined && !(isForOverride && override);
    // An override that nobody spoke of keeps what IPMI has said of its end.
    if (override !== bmc.boot.override) bmc.boot.set(override, actor);
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
    // A mode alone: an override that names a firmware must not say otherwise than what is read back.
    return present?.firmware && firmware ? { ...present, firmware } : present;
  }
  if (source !== undefined && !sourcesOnOffer(bmc.machineSettings.bootDevices).includes(source)) {
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
  const by = firmware ?? present?.firmware;
  return { target, persistent, ...(by && { firmware: by }) };
}

function checkOrder(order: readonly string[], devices: readonly MachineBootDevice[]): void {
  const unknown = order.find((id) => !devices.some((device) => device.id === id));
  if (unknown !== undefined)
    throw refused('BootOrder', message('PropertyValueNotInList', unknown, 'BootOrder'));
  if (new Set(order).size === devices.length && order.length === devices.length) return;
  throw refused(
    'BootOrder',
    inWords(
      `BootOrder must name every boot option once: ${devices.map(({ id }) => id).join(', ')}.`,
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
  members: (_, { bmc }) => bmc.machineSettings.bootDevices.map(({ id }) => `${optionsUri}/${id}`),
});

const kindNames: Readonly<Record<BootDeviceKind, string>> = {
  disk: 'Hard disk',
  cdrom: 'CD drive',
  pxe: 'Network card',
  usb: 'USB storage',
};

function findOption(
  { systemId, optionId }: { readonly systemId: string; readonly optionId: string },
  { bmc }: Context,
): MachineBootDevice | undefined {
  return findSystem({ systemId }) && bmc.machineSettings.bootDevices.find(({ id }) => id === optionId);
}

const option = resource({
  path: '/redfish/v1/Systems/:systemId/BootOptions/:optionId',
  type: '#BootOption.v1_0_6.BootOption',
  privileges: { get: ['Login'] },
  find: findOption,
  read: ({ found: { id, kind } }) => ({
    Id: id,
    Name: `${kindNames[kind]} ${id}`,
    DisplayName: `${kindNames[kind]} ${id}`,
    BootOptionReference: id,
    BootOptionEnabled: true,
    Alias: sourceOf[kind],
  }),
});

export const bootResources: readonly Resource[] = [options, option];
