/**
 * What the machine is made of, as its firmware's setup would show it: the values of now, those that the next start will
 * bring, and the registry that describes them. DSP0268, Bios, AttributeRegistry; DSP0266 §9.10, settings resources.
 *
 * Each attribute is one field of the core's machine settings, and changes the machine at its next power-on or reset.
 */
import { type TSchema, Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import type { MachineHardware } from '../../bmc/machine.ts';
import { type MachineWishChange, machineLimits } from '../../bmc/machine-settings.ts';
import { action, always, plain, type Resource, resource } from '../definition.ts';
import type { Json, JsonObject } from '../json.ts';
import { together } from '../patch.ts';
import { findSystem, link, root, systemUri } from '../paths.ts';

type Field = Exclude<keyof MachineHardware, 'bootOrder' | 'secureBoot'>;

interface Attribute {
  readonly field: Field;
  readonly displayName: string;
  readonly help: string;
  /** Choices with the field's values; a range where there are none. */
  readonly choices?: readonly (readonly [name: string, value: MachineHardware[Field]])[];
  readonly range?: readonly [least: number, most: number];
}

const attributes = {
  ProcessorCount: {
    field: 'cpus',
    displayName: 'Processors',
    help: 'Processors as the operating system counts them. A multiple of sockets times threads per core.',
    range: machineLimits.cpus,
  },
  ProcessorSockets: {
    field: 'sockets',
    displayName: 'Processor sockets',
    help: 'The sockets that the processors are shared out to.',
    range: machineLimits.sockets,
  },
  HyperThreading: {
    field: 'threadsPerCore',
    displayName: 'Hyper-threading',
    help: 'Whether each core shows itself as two processors.',
    choices: [
      ['Enabled', 2],
      ['Disabled', 1],
    ],
  },
  MemorySizeMiB: {
    field: 'memoryMb',
    displayName: 'Memory',
    help: 'Memory in MiB.',
    range: machineLimits.memoryMb,
  },
  BootMode: {
    field: 'firmware',
    displayName: 'Boot mode',
    help: 'The firmware that starts the machine unless a boot override names another.',
    choices: [
      ['Uefi', 'uefi'],
      ['LegacyBios', 'bios'],
    ],
  },
  TpmSupport: {
    field: 'tpm',
    displayName: 'Trusted platform module',
    help: 'Whether the machine has a TPM 2.0. What it keeps stays while it is disabled.',
    choices: [
      ['Enabled', true],
      ['Disabled', false],
    ],
  },
  SerialRedirection: {
    field: 'serialRedirection',
    displayName: 'Serial redirection of legacy firmware',
    help: 'Whether legacy firmware shows itself on the serial port and takes keys from it. UEFI firmware always does; so does a boot into the firmware setup.',
    choices: [
      ['Enabled', true],
      ['Disabled', false],
    ],
  },
  NetworkBoot: {
    field: 'networkBoot',
    displayName: 'Network boot',
    help: 'Whether network cards are among what the firmware boots from.',
    choices: [
      ['Enabled', true],
      ['Disabled', false],
    ],
  },
} as const satisfies Record<string, Attribute>;
const entries: readonly (readonly [string, Attribute])[] = Object.entries(attributes);

function shown({ field, choices }: Attribute, hardware: MachineHardware): Json {
  const value = hardware[field];
  return choices?.find(([, each]) => each === value)?.[0] ?? value;
}

function attributesOf(hardware: MachineHardware): JsonObject {
  return Object.fromEntries(entries.map(([name, attribute]) => [name, shown(attribute, hardware)]));
}

/** What runs; a machine that is off is what it would become. */
function inForce({ power, machineSettings }: Bmc): MachineHardware {
  return power.state === 'off' ? machineSettings.next : machineSettings.current;
}

const biosUri = `${systemUri}/Bios`;
const settingsUri = `${biosUri}/Settings`;
const registryId = 'BiosAttributeRegistry.v1_0_0';
export const biosRegistryUri = `${root}/Registries/BiosAttributeRegistry`;
const registryFileUri = `${biosRegistryUri}/${registryId}.json`;

const bios = resource({
  path: '/redfish/v1/Systems/:systemId/Bios',
  type: '#Bios.v1_2_3.Bios',
  privileges: { get: ['Login'], post: ['ConfigureComponents'] },
  find: findSystem,
  read: (_, { bmc }) => ({
    Id: 'Bios',
    Name: 'Firmware settings in force',
    AttributeRegistry: registryId,
    Attributes: attributesOf(inForce(bmc)),
    '@Redfish.Settings': {
      '@odata.type': '#Settings.v1_4_0.Settings',
      SettingsObject: link(settingsUri),
      SupportedApplyTimes: ['OnReset'],
    },
  }),
  actions: [
    action({
      name: '#Bios.ResetBios',
      parameters: Type.Object({}),
      run(_, __, { bmc, actor }) {
        const change = Object.fromEntries(entries.map(([, { field }]) => [field, undefined]));
        bmc.machineSettings.set(change, actor);
        return undefined;
      },
    }),
  ],
});

function schemaOf({ choices, range }: Attribute): TSchema {
  if (choices) return Type.Enum(choices.map(([name]) => name));
  const [minimum, maximum] = range ?? [];
  return Type.Integer({
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
  });
}

const changeable = Type.Object({
  Attributes: Type.Optional(
    Type.Object(
      Object.fromEntries(entries.map(([name, attribute]) => [name, Type.Optional(schemaOf(attribute))])),
    ),
  ),
  '@Redfish.SettingsApplyTime': Type.Optional(
    Type.Object({ ApplyTime: Type.Optional(Type.Enum(['OnReset'])) }),
  ),
});

/** All attributes that come together are taken or none: they depend on each other. */
const settings = resource({
  path: '/redfish/v1/Systems/:systemId/Bios/Settings',
  type: '#Bios.v1_2_3.Bios',
  privileges: { get: ['Login'], patch: ['ConfigureComponents'] },
  find: findSystem,
  read: (_, { bmc }) => ({
    Id: 'Settings',
    Name: 'Firmware settings from the next start on',
    AttributeRegistry: registryId,
    Attributes: attributesOf(bmc.machineSettings.next),
  }),
  patch: together(changeable, ({ Attributes: wanted }, _, { bmc, actor }) => {
    const change = entries.flatMap(([name, { field, choices }]) => {
      const value = (wanted as JsonObject | undefined)?.[name];
      if (value === undefined) return [];
      return [[field, choices?.find(([choice]) => choice === value)?.[1] ?? value]];
    });
    bmc.machineSettings.set(Object.fromEntries(change) as MachineWishChange, actor);
  }),
});

function registryEntry(
  [name, attribute]: readonly [string, Attribute],
  configured: MachineHardware,
): JsonObject {
  const { displayName, help, choices, range } = attribute;
  return {
    AttributeName: name,
    DisplayName: displayName,
    HelpText: help,
    DefaultValue: shown(attribute, configured),
    ReadOnly: false,
    ResetRequired: true,
    Type: choices ? 'Enumeration' : 'Integer',
    ...(range && { LowerBound: range[0], UpperBound: range[1], ScalarIncrement: 1 }),
    ...(choices && {
      Value: choices.map(([choice]) => ({ ValueName: choice, ValueDisplayName: choice })),
    }),
  };
}

const registryFile = plain({
  path: registryFileUri as '/redfish/v1/Registries/BiosAttributeRegistry/BiosAttributeRegistry.v1_0_0.json',
  privileges: { get: ['Login'] },
  answer: (_, { bmc }) => ({
    status: 200,
    body: {
      '@odata.type': '#AttributeRegistry.v1_4_0.AttributeRegistry',
      Id: registryId,
      Name: 'Attributes of the firmware settings',
      Language: 'en',
      RegistryVersion: '1.0.0',
      OwningEntity: 'qemu-bmc',
      SupportedSystems: [
        {
          ProductName: bmc.identity.product,
          SystemId: bmc.identity.serialNumber,
          FirmwareVersion: bmc.firmware.active(bmc.firmware.slotOf(bmc.machineSettings.next)).version,
        },
      ],
      RegistryEntries: {
        Attributes: entries.map((entry) => registryEntry(entry, bmc.machineSettings.configured)),
        Dependencies: [],
      },
    },
  }),
});

const registry = resource({
  path: biosRegistryUri as '/redfish/v1/Registries/BiosAttributeRegistry',
  type: '#MessageRegistryFile.v1_1_5.MessageRegistryFile',
  privileges: { get: ['Login'] },
  find: always,
  read: () => ({
    Id: 'BiosAttributeRegistry',
    Name: 'Attributes of the firmware settings',
    Registry: registryId,
    Languages: ['en'],
    Location: [{ Language: 'en', Uri: registryFileUri }],
  }),
});

export const biosResources: readonly Resource[] = [bios, settings, registry, registryFile];
