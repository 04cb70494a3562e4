import { describe, expect, test } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import type { MachineWishChange } from '../../../src/bmc/machine-settings.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { tester } from '../../support/actors.ts';
import { bench as actor, LanBench } from '../../support/lan-bench.ts';

function server({ store = memoryStore() } = {}) {
  let machine: FakeMachine | undefined;
  const { bmc, clock } = new LanBench({
    store,
    machine: (given) => {
      machine = new FakeMachine({ clock: given });
      return machine;
    },
  });
  if (!machine) throw new Error('no machine');
  const power = async (action: 'on' | 'reset' | 'cycle') => {
    bmc.power.request(action, actor);
    await clock.advanceAsync(3_000, 100);
  };
  return { bmc, machine, power, store, settings: bmc.machineSettings };
}

describe('what the machine is to be made of', () => {
  test('takes effect at the next start, and not before', async () => {
    const { settings, machine, power } = server();
    await power('on');
    settings.set({ cpus: 4, firmware: 'uefi' }, actor);
    expect(machine.hardware).toMatchObject({ cpus: 1, memoryMb: 512, firmware: 'bios' });
    await power('reset');
    expect(machine.hardware).toMatchObject({ cpus: 4, memoryMb: 512, firmware: 'uefi' });
    settings.set({ cpus: undefined, memoryMb: 1024 }, actor);
    await power('cycle');
    expect(machine.hardware).toMatchObject({ cpus: 1, memoryMb: 1024, firmware: 'uefi' });
  });

  test('gives way to the boot override for the firmware', async () => {
    const { settings, bmc, machine, power } = server();
    settings.set({ firmware: 'uefi' }, actor);
    bmc.boot.set({ target: 'disk', persistent: false, firmware: 'bios' }, actor);
    await power('on');
    await power('reset');
    expect(machine.firmwares).toEqual(['bios', 'uefi']);
  });

  test('is kept, and told when it changes', () => {
    const first = server();
    let told = 0;
    first.settings.onChange(() => told++);
    first.settings.set({ memoryMb: 2048 }, actor);
    first.settings.set({ memoryMb: 2048 }, actor);
    expect(told).toBe(1);
    const second = server({ store: first.store });
    expect(second.settings.wishes).toEqual({ memoryMb: 2048 });
    expect(second.machine.hardware.memoryMb).toBe(2048);
  });

  test.each<[MachineWishChange]>([
    [{ cpus: 0 }],
    [{ cpus: 1.5 }],
    [{ memoryMb: 32 }],
    [{ cpus: 4, memoryMb: 1e9 }],
  ])('%o is refused whole', (change) => {
    const { settings } = server();
    expect(() => settings.set(change, actor)).toThrow(BmcError);
    expect(settings.wishes).toEqual({});
  });

  test('comes with what is written on its parts', async () => {
    const { bmc, machine, power } = server();
    bmc.asset.setTag('rack 7', tester);
    await power('on');
    expect(machine.setups.at(-1)?.labels?.product.assetTag).toBe('rack 7');
  });

  test('is known even where the disk refuses, but for the labels', async () => {
    const { bmc, machine, power, store } = server();
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    await power('on');
    expect(bmc.power.isOn).toBe(true);
    expect(machine.setups.at(-1)?.labels).toBeUndefined();
  });
});
