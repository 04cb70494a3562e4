/** Keys of secure boot in the file of the machine's UEFI variables, without a machine. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BootKey, certificateType, keyDatabases } from '../../../../src/bmc/secure-boot.ts';
import { debianFirmware } from '../../../../src/machine/qemu/config.ts';
import { QemuSecureBoot } from '../../../../src/machine/qemu/secure-boot.ts';
import { UefiVariableStore } from '../../../../src/machine/qemu/uefi-variable-store.ts';

const { secure } = debianFirmware;
const missing = existsSync(secure.ovmfVarsTemplate) ? undefined : 'package ovmf is missing';
const owner = '77fa9abd-0359-4d32-bd60-28f4e78f784b';

let folder: string;
let inUse: boolean;
let secureBoot: QemuSecureBoot;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-keys-'));
  inUse = false;
  const runs = () => inUse;
  secureBoot = new QemuSecureBoot({ paths: debianFirmware, stateDir: folder, runs, inUse: runs });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, 'ovmf-vars-secure.fd');
/** A first start has made the file. */
const begun = () => copyFileSync(secure.ovmfVarsTemplate, file());
const variables = () => new UefiVariableStore(readFileSync(file()));
const data = (name: string) => variables().variables.find((each) => each.name === name)?.data;
const counts = () => keyDatabases.map((database) => secureBoot.keys(database).length);

function certificateOf(kind: readonly string[]): BootKey {
  const certificate = join(folder, 'certificate.pem');
  const made = ['req', '-x509', ...kind, '-nodes', '-subj', '/CN=ours', '-keyout', join(folder, 'key.pem')];
  execFileSync('openssl', [...made, '-out', certificate], { stdio: 'pipe' });
  return {
    type: certificateType,
    owner,
    data: new Uint8Array(new X509Certificate(readFileSync(certificate)).raw),
  };
}

describe.skipIf(missing)(`keys of secure boot${missing ? ` [skipped: ${missing}]` : ''}`, () => {
  it('are at first those of the firmware, and come back in full', () => {
    const first = counts();
    expect(first.every((count) => count > 0)).toBe(true);
    expect(existsSync(file())).toBe(false);
    begun();
    const [before, others] = [data('db'), variables().variables.length];
    secureBoot.change({ kind: 'reset', databases: keyDatabases, to: 'nothing' });
    expect(counts()).toEqual([0, 0, 0, 0]);
    expect(variables().variables.length).toBe(others - 4);
    secureBoot.change({ kind: 'reset', databases: keyDatabases, to: 'defaults' });
    expect(counts()).toEqual(first);
    expect(data('db')).toEqual(before);
    expect(data('SecureBootEnable')).toEqual(Uint8Array.of(1));
  });

  it('wait for the next start while a machine runs with the file, and a BMC that restarts still knows them', () => {
    const key = { type: 'EFI_CERT_SHA256_GUID', owner, data: new Uint8Array(32).fill(7) };
    begun();
    const before = secureBoot.keys('db');
    const image = readFileSync(file());
    inUse = true;
    expect(secureBoot.state()).toEqual({ setupMode: false, enabled: true });
    secureBoot.change({ kind: 'add', database: 'db', key });
    secureBoot.change({ kind: 'reset', databases: ['PK'], to: 'nothing' });
    expect(readFileSync(file()).equals(image)).toBe(true);
    expect(secureBoot.state()?.setupMode).toBe(false);
    const later = new QemuSecureBoot({
      ...{ paths: debianFirmware, stateDir: folder, runs: () => true, inUse: () => true },
    });
    expect(later.hasWaiting).toBe(true);
    expect(later.keys('db')).toEqual([...before, key]);
    expect(later.keys('PK')).toEqual([]);
    later.makeWaiting();
    expect(later.hasWaiting).toBe(false);
    expect(later.state()).toEqual({ setupMode: true, enabled: false });
    expect(secureBoot.keys('db')).toEqual([...before, key]);
    inUse = false;
    secureBoot.change({ kind: 'remove', database: 'db', key });
    expect(secureBoot.keys('db')).toEqual(before);
  });

  it('keep the time of the signed change before them, by which the next one is judged', () => {
    const stamp = () => variables().variables.find(({ name }) => name === 'db')?.timeStamp;
    begun();
    const before = stamp();
    secureBoot.change({
      ...{ kind: 'add', database: 'db' },
      key: { type: 'EFI_CERT_SHA256_GUID', owner, data: new Uint8Array(32) },
    });
    expect(before?.some((byte) => byte !== 0)).toBe(true);
    expect(stamp()).toEqual(before);
  });

  it('that the firmware could not use are refused, and nothing is lost', () => {
    secureBoot.change({ kind: 'add', database: 'db', key: certificateOf(['-newkey', 'rsa:2048']) });
    const image = readFileSync(file());
    const curve = certificateOf(['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']);
    expect(() => secureBoot.change({ kind: 'add', database: 'db', key: curve })).toThrow(/RSA .* not ec/);
    const large = { type: 'EFI_CERT_SHA256_GUID', owner, data: new Uint8Array(300_000) };
    for (const used of [false, true]) {
      inUse = used;
      expect(() => secureBoot.change({ kind: 'add', database: 'dbx', key: large })).toThrow(
        expect.objectContaining({ kind: 'no-space' }),
      );
    }
    expect(readFileSync(file()).equals(image)).toBe(true);
    expect(secureBoot.hasWaiting).toBe(false);
  });

  it('of a damaged file are an error that says so', () => {
    writeFileSync(file(), Buffer.alloc(1024));
    expect(() => secureBoot.keys('PK')).toThrow(/UEFI variables: /);
  });
});
