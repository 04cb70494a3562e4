/** Virtual media over restarts of the BMC and of the machine, and what happens when things go wrong in between. */
import { afterEach, describe, expect, it } from 'vitest';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { VirtualMedia } from '../../../src/bmc/media.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';
import {
  MemoryImages,
  ScriptedFetcher,
  ScriptedLibrary,
  ScriptedRemote,
} from '../../support/scripted-media.ts';

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
  for (const media of lives.splice(0)) void media.stop();
});

function world(): World {
  const clock = new ScriptedClock();
  return { store: memoryStore(), images: new MemoryImages(), machine: new FakeMachine({ clock }), clock };
}

function life(around: World) {
  const { store, images, machine, clock } = around;
  const fetcher = new ScriptedFetcher();
  const events = new EventLog(clock, store, silentLogger);
  const remote = new ScriptedRemote();
  const library = new ScriptedLibrary();
  const sources = { images, fetcher, remote, library };
  const media = new VirtualMedia({ ...sources, machine, store, events, clock, log: silentLogger });
  machine.setUpBy(() => ({ labels: undefined, hardware: {}, media: media.inDrives }));
  void media.start();
  lives.push(media);
  return { media, fetcher, remote, events };
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
    void first.media.stop();
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

describe('an image that stays on its server', () => {
  const served = (around: World) => around.machine.media.get('cd');

  it('is given to the machine as what serves it, read while it is in the drive, and closed when it is ejected', async () => {
    const around = world();
    const { media, remote, fetcher } = life(around);
    remote.streams = true;
    await around.machine.powerOn();
    await media.insert('cd', request, actor).done;
    const file = '/remote/cd-1.nbd';
    expect(served(around)).toEqual({ slot: 'cd', file, readOnly: true, nbd: true });
    expect(media.slot('cd').medium).toMatchObject({ url, file, held: 'remote', sizeBytes: 4096 });
    expect([fetcher.asked.length, around.images.files.size]).toEqual([0, 0]);
    await media.setInserted('cd', false, actor);
    expect([remote.ready.get(file), served(around)]).toEqual([false, undefined]);
    await media.setInserted('cd', true, actor);
    expect(remote.ready.get(file)).toBe(true);
    await media.eject('cd', actor);
    expect(remote.ready.size).toBe(0);
  });

  it('fails what is being read before the machine has to let go of it, and is as before when it does not', async () => {
    const around = world();
    const { media, remote } = life(around);
    remote.streams = true;
    await around.machine.powerOn();
    await media.insert('cd', request, actor).done;
    const readable: (boolean | undefined)[] = [];
    const change = around.machine.changeMedium.bind(around.machine);
    around.machine.changeMedium = (...args) => {
      readable.push(remote.ready.get('/remote/cd-1.nbd'));
      return change(...args);
    };
    around.machine.faults.mediumFails = 'stuck';
    await expect(media.eject('cd', actor)).rejects.toThrow('stuck');
    expect([readable, remote.ready.get('/remote/cd-1.nbd')]).toEqual([[false], true]);
  });

  it('is fetched whole where it is to be written to, or its client wants it so', async () => {
    const around = world();
    const { media, remote } = life(around);
    remote.streams = true;
    await media.insert('usb', { ...request, readOnly: false }, actor).done;
    await media.insert('cd', { ...request, whole: true }, actor).done;
    expect(around.images.files.size).toBe(2);
  });

  it('is served again by the next life, with its credentials, which nobody else sees', async () => {
    const around = world();
    const first = life(around);
    first.remote.streams = true;
    await first.media.insert('cd', { ...request, userName: 'me', password: 'secret' }, actor).done;
    const second = life(around);
    await Promise.resolve();
    const source = { url, version: '"1"', userName: 'me', password: 'secret' };
    expect(second.remote.resumed).toEqual([{ source, file: '/remote/cd-1.nbd', sizeBytes: 4096 }]);
    await around.machine.powerOn();
    expect(served(around)).toMatchObject({ nbd: true });
    expect(JSON.stringify(second.media.slot('cd'))).not.toContain('secret');
    await second.media.eject('cd', actor);
    expect(JSON.stringify(around.store.load('virtual-media'))).not.toContain('secret');
  });

  it('that cannot be read is told of once, and when it can be read again', async () => {
    const around = world();
    const { media, remote, events } = life(around);
    remote.streams = true;
    await media.insert('cd', request, actor).done;
    const before = events.list().length;
    remote.setTrouble('cd', '/remote/cd-1.nbd', 'the server is silent');
    expect(media.slot('cd').trouble).toBe('the server is silent');
    remote.setTrouble('cd', '/remote/cd-1.nbd', undefined);
    expect(media.slot('cd').trouble).toBeUndefined();
    expect(events.list().slice(before)).toMatchObject([
      {
        kind: 'media-failed',
        text: expect.stringContaining('boot.iso in the virtual CD drive: the server is silent'),
      },
      { kind: 'configuration', text: expect.stringContaining('can be read again') },
    ]);
  });
});

describe('an image of the library', () => {
  it('is given to the machine where it lies, and stays when it is ejected', async () => {
    const around = world();
    const { media } = life(around);
    around.images.files.set('/library/a disc.iso', Buffer.alloc(1));
    await media.insert('cd', { ...request, url: 'file:a%20disc.iso' }, actor).done;
    expect(media.slot('cd').medium).toMatchObject({ url: 'file:///a%20disc.iso', held: 'library' });
    await around.machine.powerOn();
    expect(around.machine.media.get('cd')).toEqual({
      slot: 'cd',
      file: '/library/a disc.iso',
      readOnly: true,
    });
    await media.eject('cd', actor);
    expect(around.images.has('/library/a disc.iso')).toBe(true);
  });

  it('is not written to, and named by nothing but its name', async () => {
    const { media } = life(world());
    const insert = async (url: string, readOnly = true) =>
      media.insert('usb', { url, readOnly, inserted: true }, actor).done;
    await expect(insert('file:a%20disc.iso', false)).rejects.toThrow('cannot be written to');
    await expect(insert('file:none.iso')).rejects.toThrow('no image none.iso');
    for (const odd of ['file://host/a.iso', 'file:a.iso?x', 'file:%ff']) {
      await expect(insert(odd)).rejects.toMatchObject({ kind: 'bad-argument' });
    }
    expect(media.slot('usb').medium).toBeUndefined();
  });
});

describe('a BMC that stops', () => {
  it('gives up what is on its way', async () => {
    const around = world();
    const { media, fetcher } = life(around);
    fetcher.content = undefined;
    const { done } = media.insert('cd', request, actor);
    void media.stop();
    await expect(done).rejects.toThrow('given up');
    expect(media.slot('cd').loading).toBeUndefined();
  });
});
