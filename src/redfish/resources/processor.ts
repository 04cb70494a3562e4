/** The machine's processors and memory modules, as its guest finds them. DSP0268, Processor, Memory. */
import type { MemoryPart, ProcessorPart } from '../../bmc/inventory.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { chassisUri, findSystem, link, systemUri } from '../paths.ts';

const readable = { get: ['Login'] } as const;
/** Whether the machine is on or not: Ironic takes a part that does not read Enabled for one that is none. */
const present = { State: 'Enabled', Health: 'OK' } as const;
const processorsUri = `${systemUri}/Processors`;
const memoryUri = `${systemUri}/Memory`;

const processors = collection({
  path: '/redfish/v1/Systems/:systemId/Processors',
  type: '#ProcessorCollection.ProcessorCollection',
  name: 'Processors',
  privileges: readable,
  find: findSystem,
  members: (_, { bmc }) => bmc.inventory.processors.map(({ id }) => `${processorsUri}/${id}`),
});

function findProcessor(
  { systemId, processorId }: { readonly systemId: string; readonly processorId: string },
  { bmc }: Context,
): ProcessorPart | undefined {
  return findSystem({ systemId }) && bmc.inventory.processors.find(({ id }) => id === processorId);
}

const processor = resource({
  path: '/redfish/v1/Systems/:systemId/Processors/:processorId',
  type: '#Processor.v1_22_0.Processor',
  privileges: readable,
  find: findProcessor,
  read: ({ found }) => ({
    Id: found.id,
    Name: found.socket,
    Socket: found.socket,
    ProcessorType: 'CPU',
    ProcessorArchitecture: found.architecture,
    InstructionSet: found.instructionSet,
    Manufacturer: found.manufacturer,
    Model: found.model,
    TotalCores: found.cores,
    TotalEnabledCores: found.cores,
    TotalThreads: found.threads,
    Status: present,
    Links: { Chassis: link(chassisUri) },
  }),
});

const modules = collection({
  path: '/redfish/v1/Systems/:systemId/Memory',
  type: '#MemoryCollection.MemoryCollection',
  name: 'Memory modules',
  privileges: readable,
  find: findSystem,
  members: (_, { bmc }) => bmc.inventory.memory.map(({ id }) => `${memoryUri}/${id}`),
});

function findModule(
  { systemId, memoryId }: { readonly systemId: string; readonly memoryId: string },
  { bmc }: Context,
): MemoryPart | undefined {
  return findSystem({ systemId }) && bmc.inventory.memory.find(({ id }) => id === memoryId);
}

const memoryModule = resource({
  path: '/redfish/v1/Systems/:systemId/Memory/:memoryId',
  type: '#Memory.v1_23_0.Memory',
  privileges: readable,
  find: findModule,
  read: ({ found }) => ({
    Id: found.id,
    Name: found.locator,
    Location: { PartLocation: { LocationType: 'Slot', ServiceLabel: found.locator } },
    MemoryType: 'DRAM',
    Manufacturer: found.manufacturer,
    CapacityMiB: found.sizeMb,
    Status: present,
    Links: { Chassis: link(chassisUri) },
  }),
});

export const processorResources: readonly Resource[] = [processors, processor, modules, memoryModule];
