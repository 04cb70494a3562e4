import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { debianFirmware } from '../../../../src/machine/qemu/config.ts';
import { examineFirmware } from '../../../../src/machine/qemu/firmware-image.ts';
import { QemuFirmware } from '../../../../src/machine/qemu/machine-firmware.ts';

const layout = { code: 3_653_632, variables: 540_672 };
const seabios = '/usr/share/seabios/bios-256k.bin';
const missing = [debianFirmware.ovmfCode, debianFirmware.ovmfVarsTemplate, seabios].filter(
  (file) => !existsSync(file),
);
const skipped = missing.length > 0;
const why = skipped ? ` [skipped: ${missing.join(', ')} not installed]` : '';
const examine = (bytes: Uint8Array) => examineFirmware(bytes, layout);

describe.skipIf(skipped)(`firmware images of Debian${why}`, () => {
  const code = readFileSync(debianFirmware.ovmfCode);
  const variables = readFileSync(debianFirmware.ovmfVarsTemplate);
  const bios = readFileSync(seabios);
  /** Compared here: vitest looks at each byte by itself. */
  const facts = (bytes: Buffer) => {
    const { kind, version, image } = examine(bytes);
    return { kind, version, same: bytes.equals(image) };
  };

  it('are known for what they are, with the version that they say of themselves', () => {
    expect(facts(code)).toEqual({ kind: 'uefi', version: undefined, same: true });
    expect(facts(variables)).toEqual({ kind: 'variables', version: undefined, same: true });
    expect(facts(bios)).toEqual({
      kind: 'bios',
      version: expect.stringMatching(/^SeaBIOS \d+\.\d/),
      same: true,
    });
  });

  it('of a whole flash memory are taken apart: the machine keeps its own variables', () => {
    const { kind, image } = examine(Buffer.concat([variables, code]));
    expect([kind, code.equals(image)]).toEqual(['uefi', true]);
  });

  it('for another size of flash memory are refused, with the size that is wanted', () => {
    const other = { code: 1_966_080, variables: 131_072 };
    expect(() => examineFirmware(code, other)).toThrow('it has 1966080');
    expect(() => examineFirmware(variables, other)).toThrow('holds 131072 bytes');
    expect(() => examineFirmware(code, undefined)).toThrow('install the Debian package ovmf');
  });

  it('that are damaged are refused, with what is wrong', () => {
    const wrongHeader = Buffer.from(code);
    wrongHeader[50] = 0x99;
    expect(() => examine(wrongHeader)).toThrow('wrong checksum');
    expect(() => examine(code.subarray(0, 100_000))).toThrow('ends before its firmware volume');
    expect(() => examine(Buffer.concat([code.subarray(0, -64), Buffer.alloc(64, 0xff)]))).toThrow(
      'nothing is at its reset vector',
    );
    const noTop = Buffer.from(code);
    noTop.fill(0x41, noTop.length - 20, noTop.length - 16);
    expect(() => examine(noTop)).toThrow('volume top file');
    const noDate = Buffer.from(bios);
    noDate.fill(0x20, noDate.length - 11, noDate.length - 3);
    expect(() => examine(noDate)).toThrow('no jump and no date');
    expect(() => examine(bios.subarray(1))).toThrow('262143 bytes; a BIOS has 128, 256, 512, 1024 KiB');
  });
});

describe('what is no firmware', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a few bytes', Buffer.from('FIRMWARE')],
    ['zeros of the size of a BIOS', Buffer.alloc(262_144)],
    ['an EFI program', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(262_142)])],
    ['an option ROM', Buffer.concat([Buffer.from([0x55, 0xaa]), Buffer.alloc(262_142)])],
  ])('is refused: %s', (_, bytes) => {
    expect(() => examine(bytes)).toThrow('the firmware image is refused');
  });
});

describe.skipIf(skipped)(`the machine’s firmware${why}`, () => {
  let stateDir: string;
  let firmware: QemuFirmware;
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'firmware-'));
    firmware = new QemuFirmware({ paths: debianFirmware, stateDir, running: () => undefined });
  });
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

  it('is kept in a file of its own, which the next start uses', () => {
    const file = firmware.keep('bios', readFileSync(seabios));
    expect(readFileSync(file).equals(readFileSync(seabios))).toBe(true);
    expect(firmware.inUse({ firmware: 'bios', secureBoot: false }, { bios: file })).toEqual({ file });
    expect(firmware.inUse({ firmware: 'uefi', secureBoot: false }, { bios: file })).toEqual({});
  });

  it('goes when others are kept, and so does half of one that was being written', () => {
    expect(() => firmware.removeAllBut([])).not.toThrow();
    const file = firmware.keep('bios', readFileSync(seabios));
    const other = firmware.keep('uefi', readFileSync(debianFirmware.ovmfCode));
    writeFileSync(`${file}.new`, 'half');
    firmware.removeAllBut([other]);
    expect(firmware.has(file)).toBe(false);
    expect(readdirSync(dirname(other))).toEqual([basename(other)]);
  });

  it('has the version of its package where it is the package’s, and fits where that one does', () => {
    const [plain, secure] = [debianFirmware.ovmfCode, debianFirmware.secure.ovmfCode].map((file) =>
      readFileSync(file),
    );
    const version = firmware.packagedVersion('uefi');
    expect(version).toMatch(/^OVMF \d/);
    expect(firmware.examine(plain as Buffer)).toEqual({ kind: 'code', slots: ['uefi'], version });
    expect(firmware.examine(secure as Buffer)).toEqual({
      kind: 'code',
      slots: ['uefi-secure-boot'],
      version,
    });
    const other = Buffer.from(plain as Buffer);
    other.writeUInt8(0xfe, 0x200_000);
    const slots = ['uefi', 'uefi-secure-boot'];
    expect(firmware.examine(other)).toEqual({ kind: 'code', slots, version: undefined });
  });

  it('has other variables after each replacement, and only then is another start needed', () => {
    const uefi = { firmware: 'uefi', secureBoot: false } as const;
    const before = firmware.inUse(uefi, {});
    writeFileSync(join(stateDir, 'ovmf-vars.fd'), 'written by the guest');
    expect(firmware.inUse(uefi, {})).toEqual(before);
    const variables = readFileSync(debianFirmware.ovmfVarsTemplate);
    firmware.replaceVariables('uefi', variables);
    const after = firmware.inUse(uefi, {});
    expect(after).not.toEqual(before);
    expect(readFileSync(join(stateDir, 'ovmf-vars.fd')).equals(variables)).toBe(true);
    firmware.replaceVariables('uefi', variables);
    expect(firmware.inUse(uefi, {})).not.toEqual(after);
    expect(firmware.inUse({ firmware: 'uefi', secureBoot: true }, {})).toEqual(before);
  });
});
