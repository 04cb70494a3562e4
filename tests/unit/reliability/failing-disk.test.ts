/** Every write of state on a disk that fails: at each of its calls, with each error, once or for good. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { Sel } from '../../../src/bmc/sel.ts';
import { Users } from '../../../src/bmc/users.ts';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { CertificateStore } from '../../../src/http/certificate-store.ts';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { debianFirmware } from '../../../src/machine/qemu/config.ts';
import { readSeenParts, writeSeenParts } from '../../../src/machine/qemu/inventory.ts';
import { QemuFirmware } from '../../../src/machine/qemu/machine-firmware.ts';
import { QemuSecureBoot } from '../../../src/machine/qemu/secure-boot.ts';
import {
  changeUefiVariables,
  readUefiVariables,
  replaceVariables,
  variablesMark,
} from '../../../src/machine/qemu/uefi-variables.ts';
import { readNicRecord, writeNicRecord } from '../../../src/network/nic-record.ts';
import { fileStore } from '../../../src/store/file-store.ts';
import { eventLog, tester } from '../../support/actors.ts';
import { type Disk, freshDisk } from '../../support/failing-disk.ts';
import { LanBench } from '../../support/lan-bench.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const disk: Disk = vi.hoisted(() => ({
  ...{ calls: 0, failAt: 0, code: 'EIO', forGood: false, halfWritten: false, log: [] },
}));
vi.mock('node:fs', async (original) => {
  const { failingDisk } = await import('../../support/failing-disk.ts');
  return failingDisk(await original(), disk);
});

const random = systemRandom();
const firmwareMissing = [debianFirmware.ovmfVarsTemplate, debianFirmware.secure.ovmfVarsTemplate].some(
  (file) => !existsSync(file),
);
const why = firmwareMissing ? ' [skipped: package ovmf is missing]' : '';

let folder: string;
beforeEach(() => {
  Object.assign(disk, freshDisk());
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-disk-'));
});
afterEach(() => {
  Object.assign(disk, freshDisk());
  rmSync(folder, { recursive: true, force: true });
});

/** One kind of state: what it is in memory and on the disk, and how it becomes another. */
interface Kept {
  /** What somebody finds who comes after a restart. */
  onDisk(): unknown;
  /** What is in force in this life; absent where nothing is held. */
  inMemory?(): unknown;
  /** Makes it the `n`th, never twice the same. */
  change(n: number): void | Promise<void>;
  /** What it throws for a disk that is full, and one that is broken; `raw`: as the file system does. */
  readonly errors: 'refusals' | 'raw';
}

const codes = ['ENOSPC', 'EDQUOT', 'EIO'] as const;
const kinds = { ENOSPC: 'no-space', EDQUOT: 'no-space', EIO: 'timed-out' } as const;
const ways = [
  { name: 'once', forGood: false, halfWritten: false },
  { name: 'once, half of it written', forGood: false, halfWritten: true },
  { name: 'for good, half of it written', forGood: true, halfWritten: true },
] as const;

/** @returns how many cases there were */
async function failsAtEachCall(kept: Kept): Promise<number> {
  let n = 0;
  let cases = 0;
  await kept.change(++n);
  for (const code of codes) {
    for (const { name, ...way } of ways) {
      for (let failAt = 1; ; failAt++) {
        const before = { disk: kept.onDisk(), memory: kept.inMemory?.() };
        Object.assign(disk, { ...freshDisk(), code, ...way, failAt });
        let thrown: unknown;
        try {
          await kept.change(++n);
        } catch (error) {
          thrown = error;
        }
        const at = `call ${failAt} (${disk.log[failAt - 1]}) fails with ${code} ${name}`;
        const reached = disk.calls >= failAt;
        Object.assign(disk, freshDisk());
        if (!reached) {
          expect(thrown, at).toBeUndefined();
          break;
        }
        cases++;
        if (thrown === undefined) {
          // What failed was of no account: the change is on the disk all the same.
          expect(kept.onDisk(), at).not.toEqual(before.disk);
        } else {
          if (kept.errors === 'refusals') {
            expect(thrown, at).toBeInstanceOf(BmcError);
            expect((thrown as BmcError).kind, at).toBe(kinds[code]);
          } else expect((thrown as NodeJS.ErrnoException).code, at).toBe(code);
          expect(kept.inMemory?.(), at).toEqual(before.memory);
        }
        const left = kept.onDisk();
        // Then all is well again, without a restart.
        await kept.change(n);
        const after = kept.onDisk();
        expect(after, at).not.toEqual(before.disk);
        if (kept.inMemory) expect(after, at).toEqual(kept.inMemory());
        expect([JSON.stringify(before.disk), JSON.stringify(after)], at).toContain(JSON.stringify(left));
      }
    }
  }
  expect(readdirSync(folder, { recursive: true }).filter((file) => String(file).endsWith('.new'))).toEqual(
    [],
  );
  return cases;
}

const damage: unknown[] = [];
const open = () => fileStore(join(folder, 'state'), (report) => damage.push(report));
afterEach(() => {
  expect(damage.splice(0)).toEqual([]);
});

describe('state on a disk that fails is the old or the new, the client is told, and all goes on:', () => {
  it('one value of the store', async () => {
    const store = open();
    const cases = await failsAtEachCall({
      errors: 'refusals',
      onDisk: () => open().load('boot'),
      change: (n) => store.save('boot', { n }),
    });
    expect(cases).toBeGreaterThanOrEqual(7 * codes.length * ways.length);
  });

  it('all records of a list, written anew', async () => {
    const store = open();
    await failsAtEachCall({
      errors: 'refusals',
      onDisk: () => open().records('list'),
      change: (n) => store.rewrite('list', [{ n }, { n: n + 1 }]),
    });
  });

  it('users: a password', async () => {
    const users = () =>
      new Users({
        specs: [{ name: 'admin', password: 'password', limit: 'administrator' }],
        store: open(),
        events: eventLog(),
        clock: new ScriptedClock(),
        random,
      });
    const mine = users();
    const password = (of: Users) => Buffer.from(of.findByName('admin')?.password ?? []).toString();
    await failsAtEachCall({
      errors: 'refusals',
      onDisk: () => password(users()),
      inMemory: () => password(mine),
      change: (n) => void mine.update(2, { password: Buffer.from(`secret ${n}`) }, tester),
    });
  });

  it('the TLS certificate', async () => {
    const clock = new ScriptedClock();
    const own = { subject: { commonName: 'bmc' }, names: ['bmc'] };
    const others = await Promise.all(
      Array.from({ length: 3 }, (_, n) =>
        makeSelfSigned({
          subject: { commonName: `other ${n}` },
          names: ['o'],
          now: clock.wallTime(),
          random,
        }),
      ),
    );
    const store = open();
    const certificates = await CertificateStore.open({ store, events: eventLog(), clock, random, own });
    const onDisk = () => open().load<{ certificate: string }>('tls')?.certificate;
    await failsAtEachCall({
      errors: 'refusals',
      onDisk,
      inMemory: () => certificates.keyPair.certificate,
      change: (n) => {
        const { certificate = '', key = '' } = others[n % others.length] ?? {};
        certificates.install(certificate, key, tester);
      },
    });
    await certificates.stop();
  });

  it('the parts seen at the latest start', async () => {
    await failsAtEachCall({
      errors: 'raw',
      onDisk: () => readSeenParts(folder),
      change: (n) => writeSeenParts(folder, { nics: [{ id: `nic${n}`, mac: '' }], pci: [] }),
    });
  });

  it('the record of network cards', async () => {
    const file = join(folder, 'nics.json');
    const card = { mac: '', queues: 1, backend: 'user', linkUp: true };
    await failsAtEachCall({
      errors: 'raw',
      onDisk: () => readNicRecord(file),
      change: (n) => writeNicRecord(file, { cards: [{ id: `nic${n}`, ...card }], wires: [] }),
    });
  });

  it.skipIf(firmwareMissing)(`firmware images${why}`, async () => {
    const firmware = new QemuFirmware({ paths: debianFirmware, stateDir: folder, running: () => undefined });
    const template = readFileSync(debianFirmware.ovmfVarsTemplate);
    await failsAtEachCall({
      errors: 'refusals',
      onDisk: () => readdirSync(join(folder, 'firmware')).filter((file) => file.endsWith('.fd')).length,
      change: (n) => {
        const image = Buffer.from(template);
        image.writeUInt32LE(n, image.length - 4);
        expect(firmware.has(firmware.keep('uefi', image))).toBe(true);
      },
    });
  });

  it.skipIf(firmwareMissing)(`UEFI variables${why}`, async () => {
    const file = join(folder, 'ovmf-vars.fd');
    const id = { vendor: '11111111-2222-3333-4444-555555555555', name: 'Test' };
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, readFileSync(debianFirmware.ovmfVarsTemplate));
    await failsAtEachCall({
      errors: 'raw',
      onDisk: () => Buffer.from(readUefiVariables(file).get(id)?.data ?? []).toString(),
      change: (n) =>
        changeUefiVariables(file, (variables) =>
          variables.set({ ...id, attributes: 7, data: Buffer.from(`value ${n}`) }),
        ),
    });
  });

  it.skipIf(firmwareMissing)(`UEFI variables that take the place of all others${why}`, async () => {
    const choice = { firmware: 'uefi', secureBoot: false } as const;
    const template = readFileSync(debianFirmware.ovmfVarsTemplate);
    const seen = new Map<string, string | undefined>();
    await failsAtEachCall({
      errors: 'raw',
      onDisk: () => {
        const content = readFileSync(join(folder, 'ovmf-vars.fd')).subarray(-4).toString('hex');
        const mark = variablesMark(folder, choice);
        // A reset goes by the mark alone: other variables never come without another one.
        expect([...seen].some(([other, its]) => other !== content && its === mark)).toBe(false);
        seen.set(content, mark);
        return content;
      },
      change: (n) => {
        const image = Buffer.from(template);
        image.writeUInt32LE(n, image.length - 4);
        replaceVariables(folder, choice, image);
      },
    });
  });

  it.skipIf(firmwareMissing)(`keys of secure boot that wait for the next start${why}`, async () => {
    const keys = () =>
      new QemuSecureBoot({ paths: debianFirmware, stateDir: folder, runs: () => true, inUse: () => true });
    const mine = keys();
    await failsAtEachCall({
      errors: 'refusals',
      onDisk: () => keys().keys('dbx').length,
      change: (n) => {
        const data = new Uint8Array(32);
        new DataView(data.buffer).setUint32(0, n);
        const key = { type: 'EFI_CERT_SHA256_GUID', owner: '77fa9abd-0359-4d32-bd60-28f4e78f784b', data };
        mine.change({ kind: 'add', database: 'dbx', key });
      },
    });
  });
});

describe('records on a disk that fails', () => {
  it('SEL: none that was acknowledged is lost, none is there twice, IDs are unique', () => {
    const clock = new ScriptedClock();
    const sel = () => new Sel({ clock, events: eventLog(), store: open() });
    const mine = sel();
    const content = (n: number) => ({ kind: 'oem' as const, type: 0xe0, data: new Uint8Array(13).fill(n) });
    let refused = 0;
    const acknowledged: number[] = [];
    for (const code of codes) {
      for (const way of ways) {
        for (let failAt = 1; failAt <= 8; failAt++) {
          Object.assign(disk, freshDisk(), {
            code,
            forGood: way.forGood,
            halfWritten: way.halfWritten,
            failAt,
          });
          try {
            acknowledged.push(mine.add(content(failAt) as never).id);
          } catch (error) {
            refused++;
            expect(error).toMatchObject({ name: 'BmcError', kind: kinds[code] });
          }
          Object.assign(disk, freshDisk());
          expect(mine.entries.map(({ id }) => id)).toEqual(acknowledged);
          acknowledged.push(mine.add(content(99) as never).id);
          expect(
            sel().entries.map(({ id }) => id),
            `after call ${failAt}, ${code} ${way.name}`,
          ).toEqual(acknowledged);
        }
      }
    }
    expect(refused).toBeGreaterThan(20);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
  });

  it('that cannot even be repaired at the start are told, read, and added to without loss', () => {
    const store = open();
    for (const n of [1, 2, 3]) store.append('sel', { n });
    const file = join(folder, 'state', 'sel.jsonl');
    truncateSync(file, readFileSync(file).length - 7);
    for (const code of codes) {
      const late = open();
      Object.assign(disk, freshDisk(), { code, failAt: 1, forGood: true });
      expect(late.records('sel')).toEqual([{ n: 1 }, { n: 2 }]);
      Object.assign(disk, freshDisk());
    }
    const reports = damage.splice(0) as { reason: string }[];
    expect(reports).toHaveLength(3);
    expect(reports[0]?.reason).toMatch(/cannot be mended: ENOSPC/);
    const late = open();
    Object.assign(disk, freshDisk(), { code: 'ENOSPC', failAt: 1, forGood: true });
    late.records('sel');
    damage.splice(0);
    expect(() => late.append('sel', { n: 4 })).toThrow(/not saved: ENOSPC/);
    Object.assign(disk, freshDisk());
    late.append('sel', { n: 4 });
    expect(open().records('sel')).toEqual([{ n: 1 }, { n: 2 }, { n: 4 }]);
  });

  it('a damaged value that cannot be set aside is written over by nobody', () => {
    open().save('boot', { n: 1 });
    const file = join(folder, 'state', 'boot.json');
    truncateSync(file, 20);
    const bad = readFileSync(file);
    const late = open();
    Object.assign(disk, freshDisk(), { code: 'EIO', failAt: 1, forGood: true });
    expect(late.load('boot')).toBeUndefined();
    expect(late.wasDamaged('boot')).toBe(true);
    expect(() => late.save('boot', { n: 2 })).toThrow(BmcError);
    expect(readFileSync(file)).toEqual(bad);
    Object.assign(disk, freshDisk());
    late.save('boot', { n: 2 });
    expect(damage.splice(0)).toHaveLength(1);
    expect(open().load('boot')).toEqual({ n: 2 });
    const aside = readdirSync(join(folder, 'state')).find((name) => name.startsWith('boot.json.damaged-'));
    expect(readFileSync(join(folder, 'state', aside ?? ''))).toEqual(bad);
  });
});

describe('a client of a BMC whose disk fails', () => {
  it('is told so over IPMI, keeps its session, and can do it once the disk works again', () => {
    const bench = new LanBench({ store: open() });
    const client = bench.loggedIn({}, 4);
    const name = (n: number) => [3, ...Buffer.alloc(16).fill(0x41 + n, 0, 5)];
    const codesSeen = new Set<number | undefined>();
    for (const [n, code] of codes.entries()) {
      Object.assign(disk, freshDisk(), { code, failAt: 1, forGood: true });
      codesSeen.add(client.command(6, 0x45, name(n))?.completionCode);
      const before = bench.bmc.users.get(3)?.name;
      expect(before).not.toBe('AAAAA');
      expect(client.command(6, 1)?.completionCode).toBe(0);
      expect(bench.client().login()).toBe('ok');
      Object.assign(disk, freshDisk());
    }
    expect([...codesSeen]).toEqual([0xc4, 0xc3]);
    expect(client.command(6, 0x45, name(0))?.completionCode).toBe(0);
    expect(bench.bmc.users.get(3)?.name).toBe('AAAAA');
  });

  it('switches the power, reads the SEL and logs in while the disk is full, and sets again what it then can', async () => {
    const bench = new LanBench({
      store: open(),
      commands: ipmiCommands.definitions,
      machine: (of) => new FakeMachine({ clock: of }),
    });
    await bench.bmc.start({ powerReturned: true, powerOn: false });
    const client = bench.loggedIn({}, 4);
    const code = (...request: [number, number, number[]?]) => client.command(...request)?.completionCode;
    const timer = [...[0x04, 0x00, 0x00, 0x00], ...[0x64, 0x00]];
    Object.assign(disk, freshDisk(), { code: 'ENOSPC', failAt: 1, forGood: true });
    expect(code(0, 2, [1])).toBe(0);
    await bench.clock.advanceAsync(10_000);
    expect(bench.bmc.power.isOn).toBe(true);
    expect(code(0x0a, 0x40)).toBe(0);
    expect(code(6, 0x24, timer)).toBe(0);
    expect(bench.client().login()).toBe('ok');
    expect(code(0x0a, 0x44, [...Array(16).keys()])).toBe(0xc4);
    expect(code(0, 2, [0])).toBe(0);
    await bench.clock.advanceAsync(10_000);
    expect(bench.bmc.power.isOn).toBe(false);
    Object.assign(disk, freshDisk());
    expect(code(0x0a, 0x44, [...Array(16).keys()])).toBe(0);
    await bench.bmc.stop({});
  });

  it('is told so over Redfish: 507 for a full disk, 5xx for a broken one, and nothing has changed', async () => {
    const bench = new RedfishBench({ store: open() });
    await bench.start();
    const url = '/redfish/v1/AccountService/Accounts/3';
    const before = (await bench.ask('GET', url)).body;
    const seen: number[] = [];
    for (const code of codes) {
      Object.assign(disk, freshDisk(), { code, failAt: 1, forGood: true });
      seen.push((await bench.ask('PATCH', url, { body: { Enabled: false } })).status);
      expect((await bench.ask('GET', url)).body.Enabled).toBe(before.Enabled);
      Object.assign(disk, freshDisk());
    }
    expect(seen.slice(0, 2)).toEqual([507, 507]);
    expect(seen[2]).toBeGreaterThanOrEqual(500);
    expect((await bench.ask('PATCH', url, { body: { Enabled: false } })).status).toBeLessThan(300);
    expect((await bench.ask('GET', url)).body.Enabled).toBe(false);
    await bench.stop();
  });
});
