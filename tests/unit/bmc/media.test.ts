/** Virtual media over restarts of the BMC and of the machine, and what happens when things go wrong in between. */
import { afterEach, describe, expect, it } from 'vitest';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { VirtualMedia } from '../../../src/bmc/media.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';
import { MemoryImages, ScriptedFetcher } from '../../support/scripted-media.ts';

const actor = { name: 'tester', face: 'bmc' } as const;
const url = 'http://images.example/boot.iso';
const request = { url, readOnly: true, inserted: true };

interface World {
  readonly store: Store;
  readonly images: MemoryImages;
  readonly machine: FakeMachine;
  readonly clock: ScriptedClock;
}

const lives: VirtualMedia[] = [];
afterEach(() => {
  for (const media of lives.splice(0)) media.stop();
});

function world(): World {
  const clock = new ScriptedClock();
  return { store: memoryStore(), images: new MemoryImages(), machine: new FakeMachine({ clock }), clock };
}

function life(around: World) {
  const { store, images, machine, clock } = around;
  const fetcher = new ScriptedFetcher();
  const events = new EventLog(clock, store, silentLogger);
  const media = new VirtualMedia({ machine, images, fetcher, store, events, clock, log: silentLogger });
  machine.setUpBy(() => ({ labels: undefined, hardware: {}, media: media.inDrives }));
  media.start();
  lives.push(media);
  return { media, fetcher, events };
}

describe('what is in a slot', () => {
  it('is in the machine when it starts, again and again, until it is ejected', async () => {
    const around = world();
    const { media } = life(around);
    await media.insert('cd', request, actor).done;
    const { machine } = around;
    for (let round = 0; round < 2; round++) {
      await machine.powerOn();
      expect(machine.media.get('cd')?.file).toBe(media.slot('cd').medium?.file);
      await machine.forceOff();
    }
    await media.eject('cd', actor);
    await machine.powerOn();
    expect(machine.media.size).toBe(0);
  });

  it('outlives a restart of the BMC; a machine that ran on meanwhile is given what it should have', async () => {
    const around = world();
    const first = life(around);
    await around.machine.powerOn();
    await first.media.insert('usb', { ...request, readOnly: false }, actor).done;
    const { medium } = first.media.slot('usb');
    first.media.stop();
    await around.machine.close();
    // As if the earlier life had ended between keeping it and giving it to the machine.
    around.machine.media.clear();

    const second = life(around);
    expect(second.media.slot('usb')).toMatchObject({ medium, inserted: true });
    await around.machine.open();
    await new Promise(setImmediate);
    expect(around.machine.media.get('usb')).toEqual({ slot: 'usb', file: medium?.file, readOnly: false });
  });

  it('is told to be gone when its file is', async () => {
    const around = world();
    const first = life(around);
    await first.media.insert('cd', request, actor).done;
    around.images.files.clear();
    const second = life(around);
    expect(second.media.slot('cd')).toMatchObject({ medium: undefined, inserted: false });
    expect(second.events.list().at(-1)).toMatchObject({ kind: 'media-failed' });
    await around.machine.powerOn();
    expect(around.machine.media.size).toBe(0);
  });

  it('is the only file that a restart leaves', async () => {
    const around = world();
    const first = life(around);
    await first.media.insert('cd', request, actor).done;
    around.images.files.set('/memory/left-over', Buffer.alloc(1));
    life(around);
    expect([...around.images.files.keys()]).toEqual([first.media.slot('cd').medium?.file]);
  });
});

describe('a store that refuses', () => {
  it('keeps the slot, the machine and the files as they were', async () => {
    const around = world();
    const { media } = life(around);
    await around.machine.powerOn();
    const save = around.store.save;
    around.store.save = () => {
      throw new Error('disk full');
    };
    await expect(media.insert('cd', request, actor).done).rejects.toThrow('disk full');
    expect([media.slot('cd').medium, around.machine.media.size, around.images.files.size]).toEqual([
      undefined,
      0,
      0,
    ]);
    around.store.save = save;
    await media.insert('cd', request, actor).done;
    around.store.save = () => {
      throw new Error('disk full');
    };
    await expect(media.eject('cd', actor)).rejects.toThrow('disk full');
    expect([media.slot('cd').inserted, around.machine.media.size]).toEqual([true, 1]);
  });
});

describe('a machine that refuses', () => {
  it('to let go of a medium has it still, and so says the slot', async () => {
    const around = world();
    const { media } = life(around);
    await around.machine.powerOn();
    await media.insert('cd', request, actor).done;
    around.machine.faults.mediumFails = 'stuck';
    await expect(media.eject('cd', actor)).rejects.toThrow('stuck');
    expect(media.slot('cd').inserted).toBe(true);
    around.machine.faults.mediumFails = undefined;
    await media.eject('cd', actor);
    expect(around.images.files.size).toBe(0);
  });
});

describe('a BMC that stops', () => {
  it('gives up what is on its way', async () => {
    const around = world();
    const { media, fetcher } = life(around);
    fetcher.content = undefined;
    const { done } = media.insert('cd', request, actor);
    media.stop();
    await expect(done).rejects.toThrow('given up');
    expect(media.slot('cd').loading).toBeUndefined();
  });
});
