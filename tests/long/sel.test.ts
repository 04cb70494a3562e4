/**
 * The SEL under a million additions: none that was acknowledged is lost, no ID is there twice, and IPMI, Redfish and
 * ipmitool tell the same, over wraps of the IDs, clears, deletions, clock jumps and restarts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastSelId, type SelContent } from '../../src/bmc/sel.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { LanFace } from '../../src/ipmi/lan-face.ts';
import type { RemoteAddress } from '../../src/ipmi/session/link.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { fileStore } from '../../src/store/file-store.ts';
import { tester } from '../support/actors.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { IpmiClient } from '../support/ipmi-client.ts';
import { RedfishBench } from '../support/redfish-bench.ts';
import { seededRandom } from '../support/seeded-random.ts';

const total = 1_000_000;
/** As many go in while the oldest go out one by one, so that the IDs come to their end and begin anew. */
const oneByOne = 100_000;
const checks = 20;
const storage = 0x0a;
const entriesUri = '/redfish/v1/Managers/1/LogServices/SEL/Entries';

/** The number is in the record itself. */
function numbered(n: number): SelContent {
  const data = Buffer.alloc(13);
  data.writeUInt32LE(n);
  return { kind: 'oem-untimed', type: 0xe0, data: [...data] };
}

/** A session of an administrator with the bench's BMC, without a socket. */
function login({ bmc }: RedfishBench): { readonly client: IpmiClient; readonly lan: LanFace } {
  const { console, sol: settings, events, users, clock } = bmc;
  const sol = new SolService({ console, settings, events, users, clock, log: silentLogger, replayBytes: 0 });
  const lan = new LanFace({ bmc, state: new IpmiState(bmc), commands: ipmiCommands, sol });
  const sent: Uint8Array[] = [];
  const link = { localPort: 623, send: (datagram: Uint8Array, _: RemoteAddress) => void sent.push(datagram) };
  const exchange = (datagram: Uint8Array) => {
    sent.length = 0;
    lan.receive(datagram, { address: '192.0.2.10', port: 40_000 }, link);
    return sent.splice(0);
  };
  const client = new IpmiClient(exchange, { user: 'admin', password: 'admin', suite: 17 });
  expect(client.login()).toBe('ok');
  expect(client.command(0x06, 0x3b, [4])).toMatchObject({ completionCode: 0 });
  return { client, lan };
}

function ask(client: IpmiClient, cmd: number, data: readonly number[] = []) {
  const reply = client.command(storage, cmd, data);
  if (!reply) throw new Error(`no reply to ${cmd.toString(16)}h`);
  return reply;
}

const u16 = (value: number) => [value & 0xff, value >> 8];

/** All records, as a client reads them one after the other. */
function readAll(client: IpmiClient): { id: number; record: Buffer }[] {
  const read: { id: number; record: Buffer }[] = [];
  for (let next = 0; next !== 0xffff; ) {
    const { completionCode, data } = ask(client, 0x43, [0, 0, ...u16(next), 0, 0xff]);
    if (read.length === 0 && completionCode === 0xcb) return [];
    expect(completionCode).toBe(0);
    read.push({ id: data.readUInt16LE(2), record: data.subarray(2) });
    next = data.readUInt16LE(0);
  }
  return read;
}

async function redfishIds(bench: RedfishBench): Promise<number[]> {
  const ids: number[] = [];
  for (let next: string | undefined = entriesUri; next !== undefined; ) {
    const { status, body } = await bench.ask('GET', next);
    expect(status).toBe(200);
    for (const member of body.Members) {
      ids.push(Number((member['@odata.id'] ?? '').split('/').at(-1)));
    }
    next = body['Members@odata.nextLink'];
  }
  return ids;
}

describe('the SEL', () => {
  it(`holds what ${total.toLocaleString('en')} additions have left in it, the same to IPMI and Redfish`, {
    timeout: 3_600_000,
  }, async () => {
    const bench = new RedfishBench();
    await bench.start();
    const { client, lan } = login(bench);
    const { sel } = bench.bmc;
    const random = seededRandom(7);
    sel.clear(tester);
    /** What a client was told is there: number by ID, in the order of the log. */
    let model = new Map<number, number>();
    let wraps = 0;
    let lastId = 0;
    let cancelled = 0;
    const startedAt = performance.now();
    for (let n = 1; n <= total; n++) {
      if (n % 5_000 === 0) bench.clock.jumpWallTime(random(7_200_000) - 3_600_000);
      if (sel.free <= 1) {
        if (n > oneByOne) {
          const reservation = ask(client, 0x42).data.readUInt16LE();
          const [first = 0] = model.keys();
          expect(ask(client, 0x43, [...u16(reservation), ...u16(first), 4, 4]).completionCode).toBe(0);
          sel.clear(tester);
          // Whoever was in the middle of a record does not get half of another one.
          expect(ask(client, 0x43, [...u16(reservation), ...u16(first), 8, 4]).completionCode).toBe(0xc5);
          cancelled++;
          model = new Map();
          lastId = 0;
        } else {
          for (const { id } of sel.entries.slice(0, 64)) {
            sel.delete(id, tester);
            model.delete(id);
          }
        }
      }
      let id: number;
      if (n % 50 === 0) {
        const { data: content } = numbered(n);
        const { completionCode, data } = ask(client, 0x44, [0, 0, 0xe0, ...content]);
        expect(completionCode).toBe(0);
        id = data.readUInt16LE();
      } else id = sel.add(numbered(n)).id;
      if (model.has(id)) throw new Error(`ID ${id} is there twice`);
      if (id < lastId) {
        expect(lastId).toBeGreaterThan(lastSelId - 200);
        wraps++;
      }
      lastId = id;
      model.set(id, n);
      if (n % (total / checks) !== 0) continue;
      const records = readAll(client);
      // The BMC has records of its own between them: of clears, and of a log that is nearly full.
      const ours = records.filter(({ record }) => record[2] === 0xe0);
      expect(ours.map(({ id: each }) => each)).toEqual([...model.keys()]);
      expect(ours.map(({ record }) => record.readUInt32LE(3))).toEqual([...model.values()]);
      const all = records.map(({ id: each }) => each);
      expect(new Set(all).size).toBe(all.length);
      expect(await redfishIds(bench)).toEqual(all);
      const info = ask(client, 0x40).data;
      expect([info.readUInt16LE(1), info.readUInt16LE(3)]).toEqual([all.length, sel.free * 16]);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(
      `${total} additions, ${wraps} wraps, ${cancelled} reservations lost to a clear, ${seconds.toFixed(0)} s`,
    );
    expect(wraps).toBeGreaterThanOrEqual(1);
    expect(cancelled).toBeGreaterThan(100);
    lan.stop();
    await bench.stop();
  });

  it('takes 3,500 in a row onto the disk, loses none over a restart, and ipmitool and Redfish agree', {
    timeout: 600_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-sel-'));
    const store = () =>
      fileStore(folder, ({ file, reason }) => {
        throw new Error(`${file}: ${reason}`);
      });
    const first = await BmcOnLan.start({ store: store() });
    const count = 3_500;
    first.bmc.sel.clear(tester);
    const startedAt = performance.now();
    const ids = Array.from({ length: count }, (_, n) => first.bmc.sel.add(numbered(n)).id);
    const rate = count / ((performance.now() - startedAt) / 1000);
    await first.stop();
    const second = await BmcOnLan.start({ store: store(), redfish: true });
    try {
      const told = second.bmc.sel.entries.filter(({ content }) => content.kind === 'oem-untimed');
      expect(told.map(({ id }) => id)).toEqual(ids);
      expect(told.map(({ content }) => content)).toEqual(ids.map((_, n) => numbered(n)));
      const all = second.bmc.sel.entries.length;
      const info = await second.ipmitool('sel', 'info');
      expect(info.output).toMatch(new RegExp(`Entries\\s+: ${all}\\n`));
      const { output } = await second.ipmitool('sel', 'list');
      expect(output.trim().split('\n')).toHaveLength(all);
      console.log(
        `${rate.toFixed(0)} records a second, each on the disk before its answer (500 is asked for)`,
      );
    } finally {
      await second.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
