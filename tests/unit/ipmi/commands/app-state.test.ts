/** What the application commands tell of the BMC and keep for the host: ACPI states, self test, resets, names. */
import { describe, expect, test } from 'vitest';
import type { BmcReset } from '../../../../src/bmc/bmc.ts';
import { BmcError } from '../../../../src/bmc/errors.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { InBandBench } from '../../../support/in-band-bench.ts';

const app = 6;
const latin = (text: string) => [...Buffer.from(text, 'latin1')];
const block = (bytes: readonly number[]) => [...bytes, ...Array(16 - bytes.length).fill(0)];

describe('ACPI power states', () => {
  test('follow the power until the host tells, and again once the machine starts anew', async () => {
    const { guest, machine } = await InBandBench.started();
    expect(guest.command(app, 0x07)).toEqual([0, 0x00, 0x00]);
    expect(guest.command(app, 0x06, 0x81, 0x02)).toEqual([0]);
    expect(guest.command(app, 0x07)).toEqual([0, 0x01, 0x00]);
    expect(guest.command(app, 0x06, 0xff, 0x82)).toEqual([0]);
    expect(guest.command(app, 0x07)).toEqual([0, 0x01, 0x02]);
    expect(guest.command(app, 0x06, 0x90, 0x00)).toEqual([0xcc]);
    machine.guestReboot();
    expect(guest.command(app, 0x07)).toEqual([0, 0x00, 0x00]);
    machine.guestShutdown();
    expect(guest.command(app, 0x07)).toEqual([0, 0x05, 0x03]);
  });
});

test('Get Self Test Results tells of a store that takes nothing, and of its recovery', async () => {
  const store = memoryStore();
  let full = false;
  const save = store.save.bind(store);
  store.save = (name, value) => {
    if (full) throw new BmcError('no-space', 'disk full');
    save(name, value);
  };
  const { guest, clock } = await InBandBench.started({ store });
  expect(guest.command(app, 0x04)).toEqual([0, 0x55, 0x00]);
  full = true;
  clock.advance(10_000);
  expect(guest.command(app, 0x04)).toEqual([0, 0x57, 0xe0]);
  full = false;
  clock.advance(10_000);
  expect(guest.command(app, 0x04)).toEqual([0, 0x55, 0x00]);
});

test('Cold and Warm Reset are answered, and handed to whoever runs the BMC', async () => {
  const { guest, bmc, machine } = await InBandBench.started();
  const asked: BmcReset['kind'][] = [];
  bmc.onResetRequest(({ kind }) => asked.push(kind));
  guest.command(app, 0x24, 4, 1, 0, 0, 100, 0);
  guest.command(app, 0x22);
  expect([guest.command(app, 0x03), bmc.watchdog.running]).toEqual([[0], true]);
  expect([guest.command(app, 0x02), bmc.watchdog.running]).toEqual([[0], false]);
  expect(asked).toEqual(['warm', 'cold']);
  expect(machine.running).toBe(true);
});

describe('System Info Parameters', () => {
  test('a name of one block, and of several, reads back as written and is kept', async () => {
    const store = memoryStore();
    const { guest, bmc } = await InBandBench.started({ store });
    expect(guest.command(app, 0x59, 0, 2, 0, 0)).toEqual([0, 0x11, 0, ...block([])]);
    expect(guest.command(app, 0x58, 2, 0, ...block([0, 3, ...latin('n17')]))).toEqual([0]);
    expect(bmc.hostInfo.get('system-name').text).toBe('n17');
    const url = latin('https://bmc.example.org');
    guest.command(app, 0x58, 6, 0, 0, url.length, ...url.slice(0, 14));
    expect(bmc.hostInfo.get('bmc-url').text).toBe('');
    expect(guest.command(app, 0x58, 6, 1, ...url.slice(14))).toEqual([0]);
    const { guest: after } = await InBandBench.started({ store });
    expect(after.command(app, 0x59, 0, 6, 0, 0)).toEqual([0, 0x11, 0, 0, url.length, ...url.slice(0, 14)]);
    expect(after.command(app, 0x59, 0, 6, 1, 0)).toEqual([0, 0x11, 1, ...block(url.slice(14))]);
    expect(after.command(app, 0x59, 0, 6, 2, 0)).toEqual([0xc9]);
    expect(after.command(app, 0x59, 0x80, 6, 0, 0)).toEqual([0, 0x11]);
  });

  test('UTF-8 is kept as such; what is no UTF-8, or no encoding, is refused and changes nothing', async () => {
    const { guest, bmc } = await InBandBench.started();
    const name = [...Buffer.from('Größe', 'utf8')];
    const written = block([1, name.length, ...name]);
    expect(guest.command(app, 0x58, 3, 0, ...written)).toEqual([0]);
    expect(bmc.hostInfo.get('primary-os-name')).toEqual({ text: 'Größe', encoding: 'utf8' });
    expect(guest.command(app, 0x58, 3, 0, ...block([1, 2, 0xff, 0xff]))).toEqual([0xcc]);
    expect(guest.command(app, 0x58, 3, 0, ...block([7, 1, 0x41]))).toEqual([0xcc]);
    expect(guest.command(app, 0x59, 0, 3, 0, 0)).toEqual([0, 0x11, 0, ...written]);
  });

  test('the name of what runs is forgotten when it no longer runs', async () => {
    const { guest, machine } = await InBandBench.started();
    guest.command(app, 0x58, 4, 0, ...block([0, 5, ...latin('Linux')]));
    expect(guest.command(app, 0x59, 0, 4, 0, 0)[4]).toBe(5);
    machine.guestReboot();
    expect(guest.command(app, 0x59, 0, 4, 0, 0)[4]).toBe(0);
  });

  test.each([
    ['a parameter that is not there', [9, 0, 1], 0x80],
    ['no block', [2], 0xc7],
    ['a block of nothing', [2, 0], 0xc7],
    ['a block of 17 bytes', [2, 0, ...Array(17).fill(0)], 0xc7],
    ['a block that does not follow', [2, 3, 0x41], 0xc9],
    ['a reserved progress', [0, 3], 0xcc],
  ])('refuse %s', async (_what, data, code) => {
    const { guest } = await InBandBench.started();
    expect(guest.command(app, 0x58, ...data)).toEqual([code]);
  });

  test('show that somebody is setting them', async () => {
    const { guest } = await InBandBench.started();
    expect(guest.command(app, 0x58, 0, 1)).toEqual([0]);
    expect(guest.command(app, 0x59, 0, 0, 0, 0)).toEqual([0, 0x11, 1]);
    expect(guest.command(app, 0x58, 0, 0)).toEqual([0]);
    expect(guest.command(app, 0x59, 0, 0, 0, 0)).toEqual([0, 0x11, 0]);
  });
});
