import { describe, expect, test } from 'vitest';
import { type WaitedFor, waitForLinks } from '../../../src/network/link-wait.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';
import { ScriptedNetwork } from '../../support/scripted-network.ts';

const discovery: WaitedFor = { named: [], discovery: true, promised: undefined, known: [] };

function waiting(wanted: WaitedFor, limitMs = 60_000) {
  const clock = new ScriptedClock();
  const network = new ScriptedNetwork();
  const stop = new AbortController();
  network.plug('eth0');
  const result = waitForLinks(network.table, wanted, { clock, limitMs, aborted: stop.signal });
  let over = false;
  result.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  return { clock, network, result, stop, over: () => over };
}

describe('promised links', () => {
  const promised = (count: number): WaitedFor => ({ ...discovery, promised: count });

  test('are waited for, in any order, until each is up; eth1 counts', async () => {
    const { clock, network, result, over } = waiting(promised(3));
    await clock.advanceAsync(4000, 100);
    network.plug('eth3', { up: false, carrier: false });
    network.plug('eth1');
    await clock.advanceAsync(1000, 100);
    network.plug('eth2');
    await clock.advanceAsync(1000, 100);
    expect(over()).toBe(false);
    network.change('eth3', { up: true });
    await clock.advanceAsync(10);
    expect(over()).toBe(true);
    expect(await result).toMatchObject({ lacking: [], waitedMs: expect.any(Number) });
  });

  test('that never come end the waiting at its limit, and are counted', async () => {
    const { clock, network, result, over } = waiting(promised(3));
    network.plug('eth2');
    await clock.advanceAsync(59_900, 100);
    expect(over()).toBe(false);
    await clock.advanceAsync(200, 50);
    const { lacking, links, waitedMs } = await result;
    expect(lacking).toEqual(['2 of 3 promised links']);
    expect(links.map(({ name }) => name)).toEqual(['eth0', 'eth2']);
    expect(waitedMs).toBe(60_000);
  });

  test('that are all there, or none, are not waited for at all', async () => {
    expect(await waiting(promised(0)).result).toMatchObject({ lacking: [], waitedMs: 0 });
  });
});

describe('without a promise', () => {
  test('nothing new for a second is the end; each link that comes begins it anew', async () => {
    const { clock, network, over } = waiting(discovery);
    for (const name of ['eth3', 'eth2', 'eth4']) {
      await clock.advanceAsync(900, 50);
      network.plug(name);
    }
    await clock.advanceAsync(900, 50);
    expect(over()).toBe(false);
    await clock.advanceAsync(400, 50);
    expect(over()).toBe(true);
  });

  test('links that come for ever end at the limit', async () => {
    const { clock, network, result } = waiting(discovery, 3000);
    for (let n = 2; n < 9; n++) {
      await clock.advanceAsync(500, 50);
      network.plug(`eth${n}`);
    }
    expect(await result).toMatchObject({ waitedMs: 3000 });
  });

  test('a link that is named is waited for until it is there and up', async () => {
    const wanted = { ...discovery, discovery: false, named: [{ interface: 'eth5' }] };
    const { clock, network, over, result } = waiting(wanted);
    await clock.advanceAsync(5000, 100);
    network.plug('eth5', { up: false });
    await clock.advanceAsync(1000, 100);
    expect(over()).toBe(false);
    network.change('eth5', { up: true });
    await clock.advanceAsync(10);
    expect(await result).toMatchObject({ lacking: [] });
  });

  test('a link that is named and not up in time is lacking by name', async () => {
    const named = [{ interface: 'eth5' }, { subnet: '10.0.0.0/8' }];
    const { clock, network, result } = waiting({ ...discovery, named }, 1000);
    network.plug('eth5', { up: false });
    await clock.advanceAsync(1100, 50);
    expect((await result).lacking).toEqual(['eth5 is not up', 'the interface in 10.0.0.0/8']);
  });
});

test('an interrupted wait ends at once', async () => {
  const { clock, result, stop } = waiting({ ...discovery, promised: 1 });
  await clock.advanceAsync(100);
  stop.abort();
  await expect(result).rejects.toThrow('interrupted');
});
