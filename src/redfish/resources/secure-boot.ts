/**
 * Secure Boot: whether the machine's UEFI firmware boots only what is signed. The values of now are read out of the
 * firmware's own variables. DSP0268, SecureBoot.
 */
import { Type } from 'typebox';
import type { MachineSecureBoot } from '../../bmc/machine.ts';
import type { Context } from '../context.ts';
import { action, type Resource, resource } from '../definition.ts';
import { each, property } from '../patch.ts';
import { findSystem } from '../paths.ts';

function findSecureBoot(
  params: { readonly systemId: string },
  { bmc }: Context,
): MachineSecureBoot | undefined {
  return findSystem(params) && bmc.secureBoot;
}

const secureBoot = resource({
  path: '/redfish/v1/Systems/:systemId/SecureBoot',
  type: '#SecureBoot.v1_1_2.SecureBoot',
  privileges: { get: ['Login'], patch: ['ConfigureComponents'], post: ['ConfigureComponents'] },
  find: findSecureBoot,
  read: ({ found }, { bmc }) => {
    const state = found.state();
    return {
      Id: 'SecureBoot',
      Name: 'Secure Boot',
      SecureBootEnable: bmc.machineSettings.next.secureBoot,
      SecureBootCurrentBoot: state?.enabled ? 'Enabled' : 'Disabled',
      ...(state && { SecureBootMode: state.setupMode ? 'SetupMode' : 'UserMode' }),
    };
  },
  patch: each({
    SecureBootEnable: property(Type.Boolean(), (secureBoot, _, { bmc, actor }) =>
      bmc.machineSettings.set({ secureBoot }, actor),
    ),
  }),
  actions: [
    action({
      name: '#SecureBoot.ResetKeys',
      parameters: Type.Object({ ResetKeysType: Type.Enum(['ResetAllKeysToDefault']) }),
      run(_, { found }: { readonly found: MachineSecureBoot }, { bmc, actor }) {
        found.resetKeys();
        bmc.events.add('configuration', `keys of secure boot reset by ${actor.name}`);
        return undefined;
      },
    }),
  ],
});

export const secureBootResources: readonly Resource[] = [secureBoot];
