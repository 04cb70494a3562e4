import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Actor } from '../../../src/bmc/actor.ts';
import { Boot } from '../../../src/bmc/boot.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { BootFlags, BootOptions } from '../../../src/ipmi/boot-options.ts';
import { fromHex, toHex } from '../../../src/lib/bytes.ts';
import { decode, encode } from '../../../src/lib/codec.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { eventLog, tester } from '../../support/actors.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const admin: Actor = { name: 'admin', face: 'ipmi' };
const flags = (hex: string) => decode(BootFlags, fromHex(hex), 'boot flags');

function setUp() {
  const clock = new ScriptedClock();
  const store = memoryStore();
  const boot = new Boot({
    clock,
    store,
    events: new EventLog(clock, store, silentLogger),
    log: silentLogger,
  });
  return { clock, boot, options: new BootOptions({ boot, store, events: eventLog(clock) }) };
}

describe('boot flags', () => {
  it.each([
    ['8004000000', { target: 'pxe', persistent: false }],
    ['e008000000', { target: 'disk', persistent: true, firmware: 'uefi' }],
    ['a014000000', { target: 'cdrom', persistent: false, firmware: 'uefi' }],
    ['8018000000', { target: 'bios-setup', persistent: false }],
    ['803c000000', { target: 'floppy', persistent: false }],
    ['8000000000', undefined],
    ['0004000000', undefined],
  ])('%s mean the override %o', (hex, override) => {
    const { boot, options } = setUp();
    options.setFlags(flags(hex), admin);
    expect(boot.override).toEqual(override);
    expect(toHex(encode(BootFlags, options.flags))).toBe(hex);
  });

  it('expire 60 s after they were set, unless asked to stay', () => {
    const { clock, boot, options } = setUp();
    options.setFlags(flags('8004000000'), admin);
    clock.advance(59_999);
    expect(boot.override?.target).toBe('pxe');
    clock.advance(1);
    expect(boot.override).toBeUndefined();
    expect(options.flags.how.valid).toBe(false);

    options.set({ clearing: { ...options.clearing, keepWithoutControl: true } }, tester);
    options.setFlags(flags('8004000000'), admin);
    clock.advance(3_600_000);
    expect(boot.override?.target).toBe('pxe');
  });

  it('do not expire once a chassis control command came, nor when persistent', () => {
    const { clock, boot, options } = setUp();
    options.setFlags(flags('8004000000'), admin);
    boot.keep();
    clock.advance(600_000);
    expect(boot.override?.target).toBe('pxe');
    options.setFlags(flags('c008000000'), admin);
    clock.advance(600_000);
    expect(boot.override?.target).toBe('disk');
  });

  it('lose their valid bit when a boot uses a one-time override up, and keep a persistent one', () => {
    const { boot, options } = setUp();
    options.setFlags(flags('8004000000'), admin);
    boot.booted();
    expect(toHex(encode(BootFlags, options.flags))).toBe('0000000000');
    options.setFlags(flags('c004000000'), admin);
    boot.booted();
    expect(toHex(encode(BootFlags, options.flags))).toBe('c004000000');
  });

  it('have the EFI bit for UEFI alone: a clear one leaves the machine its own firmware', () => {
    const { boot, options } = setUp();
    const redfish = { name: 'x', face: 'redfish' } as const;
    boot.set({ target: 'disk', persistent: true, firmware: 'bios' }, redfish);
    expect(toHex(encode(BootFlags, options.flags))).toBe('c008000000');
    options.setFlags(flags('c008000000'), admin);
    expect(boot.override).toEqual({ target: 'disk', persistent: true });
  });

  it('show an override that another face has set', () => {
    const { boot, options } = setUp();
    boot.set({ target: 'cdrom', persistent: true, firmware: 'uefi' }, { name: 'x', face: 'redfish' });
    expect(toHex(encode(BootFlags, options.flags))).toBe('e014000000');
  });

  it('survive a round trip whatever the bits, reserved ones aside', () => {
    const defined = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 15];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 5, maxLength: 5 }),
        fc.constantFrom(...defined),
        (raw, device) => {
          const masked = raw.map((byte, i) => byte & ([0xe0, 0xff, 0xff, 0x0f, 0x1f][i] as number));
          masked[1] = ((masked[1] as number) & 0xc3) | (device << 2);
          const value = decode(BootFlags, masked, 'flags');
          expect(toHex(encode(BootFlags, value))).toBe(toHex(masked));
        },
      ),
    );
  });
});
