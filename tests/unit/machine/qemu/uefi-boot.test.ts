import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { MachineBootOverride } from '../../../../src/bmc/boot.ts';
import { DecodeError, fromHex, toHex } from '../../../../src/lib/bytes.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { bootEntries, prepareBoot } from '../../../../src/machine/qemu/uefi-boot.ts';
import { UefiBootEntries } from '../../../../src/machine/qemu/uefi-boot-entries.ts';
import { devicePathText } from '../../../../src/machine/qemu/uefi-device-path.ts';
import { decodeLoadOption, encodeLoadOption } from '../../../../src/machine/qemu/uefi-load-option.ts';
import {
  globalVendor,
  ordinaryAttributes,
  UefiVariableStore,
} from '../../../../src/machine/qemu/uefi-variable-store.ts';
import { changeUefiVariables, variablesFile } from '../../../../src/machine/qemu/uefi-variables.ts';
import { variableVolume } from '../../../support/uefi-variables.ts';

const end = '7fff0400';

describe('a device path', () => {
  // The first ones as OVMF has written them.
  test.each([
    ['02010c00d041030a0000000001010600000 2'.replace(' ', ''), 'PciRoot(0x0)/Pci(0x2,0x0)'],
    [
      '04071400c9bdb87cebf8344faaea3ee4af6516a10406140083a5047c3e9e1c4fad65e05268d0b4d1',
      'Fv(7CB8BDC9-F8EB-4F34-AAEA-3EE4AF6516A1)/FvFile(7C04A583-9E3E-4F1C-AD65-E05268D0B4D1)',
    ],
    [
      `02010c00d041030a000000000101060000010 30b2500525400112233${'00'.repeat(26)}01030c1b00${'00'.repeat(23)}`.replace(
        ' ',
        '',
      ),
      'PciRoot(0x0)/Pci(0x1,0x0)/MAC(525400112233,0x1)/IPv4(0.0.0.0,0x0,DHCP,0.0.0.0,0.0.0.0,0.0.0.0)',
    ],
    [
      `030d3c00${'00'.repeat(56)}`,
      `IPv6(${Array(8).fill('0000').join(':')},0x0,Static,${Array(8).fill('0000').join(':')},0x0,${Array(8).fill('0000').join(':')})`,
    ],
    ['03180e00687474703a2f2f612f62', 'Uri(http://a/b)'],
    ['03120a000000ffff0000', 'Sata(0x0,0xFFFF,0x0)'],
    ['03050600 0100'.replace(' ', ''), 'USB(0x1,0x0)'],
    ['0302080001000200', 'Scsi(0x1,0x2)'],
    ['0317100001000000 1122334455667788'.replace(' ', ''), 'NVMe(0x1,88-77-66-55-44-33-22-11)'],
    [
      `04012a00010000000008000000000000 0010000000000000 61dfe48bca93d211aa0d00e098032b8c0202`.replaceAll(
        ' ',
        '',
      ),
      'HD(1,GPT,8BE4DF61-93CA-11D2-AA0D-00E098032B8C,0x800,0x1000)',
    ],
    [
      `04012a00010000000008000000000000 0010000000000000 78563412${'00'.repeat(12)}0101`.replaceAll(' ', ''),
      'HD(1,MBR,0x12345678,0x800,0x1000)',
    ],
    ['0404 0a00 5c00 4100 0000'.replaceAll(' ', ''), '\\A'],
    ['02010c00d0410305 00000000'.replace(' ', ''), 'Acpi(PNP0503,0x0)'],
    ['05010600abcd', 'Path(5,1,ABCD)'],
    // A node too short for its kind, one that nobody knows, and two instances.
    ['01010500aa', 'Path(1,1,AA)'],
    ['01010600 0001 7f010400 01010600 0002'.replaceAll(' ', ''), 'Pci(0x1,0x0),Pci(0x2,0x0)'],
  ])('%s reads %s', (hex, text) => {
    expect(devicePathText(fromHex(hex + end))).toBe(text);
  });

  test('of any bytes has a text, or is refused with DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(typeof devicePathText(bytes)).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});

test('a load option is read as it was written, and any other bytes are refused with DecodeError', () => {
  fc.assert(
    fc.property(
      fc.record({
        attributes: fc.nat(),
        description: fc.string({ maxLength: 20 }).map((text) => text.replaceAll('\0', '')),
        paths: fc.uint8Array(),
        optionalData: fc.uint8Array(),
      }),
      (option) => {
        expect(decodeLoadOption(encodeLoadOption(option))).toEqual(option);
      },
    ),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeLoadOption(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
  );
});

const global = (name: string) => ({ vendor: globalVendor, name });

/** What OVMF makes of a machine without anything: its setup and its shell. */
function storeOfOvmf(): UefiVariableStore {
  const store = new UefiVariableStore(variableVolume());
  const entry = (name: string, description: string, path: string, attributes: number) => {
    const paths = fromHex(path + end);
    const data = encodeLoadOption({ attributes, description, paths, optionalData: new Uint8Array() });
    store.set({ ...global(name), attributes: ordinaryAttributes, data });
  };
  entry('Boot0007', 'EFI Internal Shell', '0406140083a5047c3e9e1c4fad65e05268d0b4d1', 1);
  entry('Boot0000', 'UiApp', '0406140021aa2c4614760345836e8ab6f4662331', 0x108);
  store.set({ ...global('Boot0001'), attributes: ordinaryAttributes, data: Uint8Array.of(1) });
  store.set({ ...global('BootOrder'), attributes: ordinaryAttributes, data: Uint8Array.of(7, 0) });
  return store;
}

const nextOf = (store: UefiVariableStore) => {
  const { data } = store.get(global('BootNext')) ?? {};
  return data && toHex(data);
};
const once = (target: MachineBootOverride['target'], choice?: string): MachineBootOverride => ({
  ...{ target, persistent: false, firmware: 'uefi' as const },
  ...(choice !== undefined && { choice }),
});

describe('the firmware’s boot entries', () => {
  test('are told by number, the broken ones left out', () => {
    expect(bootEntries(storeOfOvmf())).toEqual([
      {
        ...{ id: 'Boot0000', name: 'UiApp', enabled: false },
        path: 'FvFile(462CAA21-7614-4503-836E-8AB6F4662331)',
      },
      {
        ...{ id: 'Boot0007', name: 'EFI Internal Shell', enabled: true },
        path: 'FvFile(7C04A583-9E3E-4F1C-AD65-E05268D0B4D1)',
      },
    ]);
  });

  test.each([
    ['uefi-http', 'http://a/b', 'Uri(http://a/b)'],
    ['uefi-http', undefined, 'Uri()'],
    [
      'uefi-shell',
      undefined,
      'Fv(7CB8BDC9-F8EB-4F34-AAEA-3EE4AF6516A1)/FvFile(7C04A583-9E3E-4F1C-AD65-E05268D0B4D1)',
    ],
  ] as const)('get one of ours for %s (%s), which nobody is shown', (target, choice, path) => {
    const store = storeOfOvmf();
    const before = bootEntries(store);
    expect(prepareBoot(store, once(target, choice))).toBe(true);
    expect(nextOf(store)).toBe('ffff');
    const option = decodeLoadOption(store.get(global('BootFFFF'))?.data ?? new Uint8Array());
    expect([option.attributes, devicePathText(option.paths)]).toEqual([1, path]);
    expect(bootEntries(store)).toEqual(before);
  });

  test.each([
    ['uefi-boot-next', 'Boot0007', '0700'],
    ['uefi-target', 'FvFile(462CAA21-7614-4503-836E-8AB6F4662331)', '0000'],
    ['uefi-boot-next', 'Boot0009', undefined],
    ['uefi-target', 'FvFile(nowhere)', undefined],
  ] as const)('are what %s %s names, or nothing is', (target, choice, next) => {
    const store = storeOfOvmf();
    const before = bootEntries(store);
    expect(prepareBoot(store, once(target, choice))).toBe(next !== undefined);
    expect(nextOf(store)).toBe(next);
    expect(bootEntries(store)).toEqual(before);
  });

  test('are left by an override as they were, used up or not', () => {
    const untouched = storeOfOvmf().variables;
    for (const target of [once('uefi-shell'), once('uefi-boot-next', 'Boot0007')]) {
      for (const isUsedUp of [false, true]) {
        const store = storeOfOvmf();
        prepareBoot(store, target);
        if (isUsedUp) store.delete(global('BootNext'));
        prepareBoot(store, undefined);
        expect(store.variables).toEqual(untouched);
      }
    }
  });

  test('that a guest asks for next are its own business', () => {
    const store = storeOfOvmf();
    prepareBoot(store, once('uefi-shell'));
    store.set({ ...global('BootNext'), attributes: ordinaryAttributes, data: Uint8Array.of(7, 0) });
    prepareBoot(store, undefined);
    expect(nextOf(store)).toBe('0700');
    prepareBoot(store, once('pxe'));
    expect(nextOf(store)).toBe('0700');
  });
});

describe('the boot entries of a machine', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-entries-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('follow the file of its variables: absent, made, changed, damaged', () => {
    const choice = { firmware: 'uefi', secureBoot: false } as const;
    const entries = new UefiBootEntries(dir, silentLogger);
    const path = variablesFile(dir, choice);
    expect(entries.of(choice)).toEqual([]);
    writeFileSync(path, storeOfOvmf().image());
    expect(entries.of(choice).map(({ id }) => id)).toEqual(['Boot0000', 'Boot0007']);
    expect(entries.of({ ...choice, secureBoot: true })).toEqual([]);
    changeUefiVariables(path, (variables) => variables.delete(global('Boot0000')));
    expect(entries.of(choice).map(({ id }) => id)).toEqual(['Boot0007']);
    writeFileSync(path, 'damaged');
    expect(entries.of(choice)).toEqual([]);
  });

  test('are watched, however they are read meanwhile', async () => {
    const choice = { firmware: 'uefi', secureBoot: true } as const;
    const entries = new UefiBootEntries(dir, silentLogger);
    let changes = 0;
    const end = entries.watch(() => changes++);
    writeFileSync(variablesFile(dir, choice), storeOfOvmf().image());
    expect(entries.of(choice)).toHaveLength(2);
    await vi.waitFor(() => expect(changes).toBe(1), { timeout: 10_000, interval: 20 });
    end();
  });
});
