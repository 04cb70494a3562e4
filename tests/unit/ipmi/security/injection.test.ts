/**
 * Texts that are more than texts to somebody else, into every text that IPMI can set: kept byte for byte, or refused with
 * nothing changed. Neither way does another text change, and QEMU gets the same options with the same keys.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import { encodeFru, newFruImage } from '../../../../src/ipmi/records/fru.ts';
import { commandLine } from '../../../../src/machine/qemu/command-line.ts';
import { hardwareOf, type QemuMachineConfig } from '../../../../src/machine/qemu/config.ts';
import { RunDir } from '../../../../src/machine/qemu/run-dir.ts';
import { injectionCorpus } from '../../../support/injection-corpus.ts';
import type { IpmiClient } from '../../../support/ipmi-client.ts';
import { LanBench } from '../../../support/lan-bench.ts';
import { qemuMachineDefaults } from '../../../support/qemu-config.ts';

const [chassis, app, sensor, storage, transport, group] = [0x00, 0x06, 0x04, 0x0a, 0x0c, 0x2c];
const dcmi = 0xdc;
const block = 16;

/** Thrown by {@link ask}: the BMC has said no. */
class Refusal extends Error {}

interface Text {
  readonly name: string;
  /** Longest that there is room for. */
  readonly room: number;
  write(bytes: Buffer): void;
  read(): Buffer;
  /** What is to be read of what was written, where that is not the same. */
  readonly kept?: (bytes: Buffer) => Buffer;
  /** What it is about, where several texts are about the same. */
  readonly fact?: string;
}

let bench: LanBench;
let client: IpmiClient;

function ask(netFn: number, cmd: number, ...data: readonly number[]): Buffer {
  const reply = client.command(netFn, cmd, data);
  if (!reply) throw new Error(`no answer to ${netFn}/${cmd}`);
  if (reply.completionCode !== 0) throw new Refusal(`${reply.completionCode}`);
  return reply.data;
}

const padded = (bytes: Buffer, length: number) => {
  const field = Buffer.alloc(length);
  bytes.copy(field);
  return field;
};
/** A field that is filled up with NULs ends at its first one. */
const upToNul = (bytes: Buffer) => (bytes.includes(0) ? bytes.subarray(0, bytes.indexOf(0)) : bytes);
const parts = (bytes: Buffer) =>
  Array.from({ length: Math.max(1, Math.ceil(bytes.length / block)) }, (_, i) =>
    bytes.subarray(i * block, (i + 1) * block),
  );

/** DCMI's way: offset, count, characters. */
function dcmiText(set: number, get: number, ending: number[] = []) {
  return {
    write(bytes: Buffer) {
      // The part with the NUL is the last one.
      const all = ending.length > 0 ? Buffer.concat([upToNul(bytes), Buffer.from(ending)]) : bytes;
      for (const [i, part] of parts(all).entries()) ask(group, set, dcmi, i * block, part.length, ...part);
    },
    read() {
      const [, length = 0] = ask(group, get, dcmi, 0, 0);
      const read: Buffer[] = [];
      for (let at = 0; at < length; at += block) {
        read.push(ask(group, get, dcmi, at, Math.min(block, length - at)).subarray(2));
      }
      return Buffer.concat(read).subarray(0, length - ending.length);
    },
  };
}

/** System info: blocks of 16, the first of which begins with encoding and length. */
function systemInfo(parameter: number, encoding: number): Text {
  return {
    name: `system info ${parameter}, encoding ${encoding}`,
    fact: `system info ${parameter}`,
    room: 200,
    write(bytes) {
      const all = Buffer.concat([Buffer.from([encoding, bytes.length]), bytes]);
      for (const [set, part] of parts(all).entries()) ask(app, 0x58, parameter, set, ...part);
    },
    read() {
      const first = ask(app, 0x59, 0, parameter, 0, 0).subarray(2);
      const length = 2 + (first[1] ?? 0);
      const read = [first];
      for (let set = 1; set * block < length; set++) {
        read.push(ask(app, 0x59, 0, parameter, set, 0).subarray(2));
      }
      return Buffer.concat(read).subarray(2, length);
    },
  };
}

function alertString(number: number): Text {
  return {
    name: `PEF alert string ${number}`,
    room: 64,
    write(bytes) {
      for (const [i, part] of parts(padded(bytes, 64)).entries())
        ask(sensor, 0x12, 13, number, 1 + i, ...part);
    },
    read: () =>
      upToNul(Buffer.concat([1, 2, 3, 4].map((each) => ask(sensor, 0x13, 13, number, each).subarray(3)))),
    kept: upToNul,
  };
}

const fruFields = [
  ['chassis', 'partNumber'],
  ['chassis', 'serialNumber'],
  ['board', 'manufacturer'],
  ['board', 'product'],
  ['board', 'serialNumber'],
  ['board', 'partNumber'],
  ['product', 'manufacturer'],
  ['product', 'name'],
  ['product', 'partNumber'],
  ['product', 'version'],
  ['product', 'serialNumber'],
] as const;

/** As whoever edits one writes it: the whole device, in pieces. */
function fruField(area: 'chassis' | 'board' | 'product', field: string): Text {
  return {
    name: `FRU ${area} ${field}`,
    room: 63,
    write(bytes) {
      const { fields } = bench.bmc.fru;
      const next = { ...fields, [area]: { ...fields[area], [field]: bytes.toString('latin1') } };
      const image = Buffer.from(encodeFru(newFruImage(next, bench.bmc.identity.uuid)));
      // Between the first and the last piece the checksums are wrong, and nothing is taken over.
      for (let at = 0; at < image.length; at += 128)
        ask(storage, 0x12, 0, at & 255, at >> 8, ...image.subarray(at, at + 128));
      const pieces = [];
      for (let at = 0; at < image.length; at += 128)
        pieces.push(ask(storage, 0x11, 0, at & 255, at >> 8, 128).subarray(1));
      expect(Buffer.concat(pieces).equals(image)).toBe(true);
    },
    read() {
      const own = bench.bmc.fru.fields[area] as Readonly<Record<string, unknown>>;
      return Buffer.from(String(own[field]), 'latin1');
    },
    // Blanks and NULs at the end fill a field up; the device itself has them all the same.
    kept: (bytes) => Buffer.from(bytes.toString('latin1').replace(/[\0 ]+$/, ''), 'latin1'),
  };
}

const texts: readonly Text[] = [
  {
    name: 'user name',
    room: 16,
    write: (bytes) => void ask(app, 0x45, 6, ...padded(bytes, 16)),
    read: () => upToNul(ask(app, 0x46, 6)),
    kept: upToNul,
  },
  { name: 'asset tag', room: 63, ...dcmiText(0x08, 0x06) },
  { name: 'controller name', room: 63, ...dcmiText(0x0a, 0x09, [0]), kept: upToNul },
  {
    name: 'community',
    room: 18,
    write: (bytes) => void ask(transport, 0x01, 1, 16, ...padded(bytes, 18)),
    read: () => upToNul(ask(transport, 0x02, 1, 16, 0, 0).subarray(1)),
    kept: upToNul,
  },
  {
    name: 'boot initiator mailbox',
    room: 16,
    write: (bytes) => void ask(chassis, 0x08, 7, 0, ...padded(bytes, 16)),
    read: () => upToNul(ask(chassis, 0x09, 7, 0, 0).subarray(3)),
    kept: upToNul,
  },
  ...[2, 3, 4, 5, 6, 7].flatMap((parameter) => [systemInfo(parameter, 0), systemInfo(parameter, 1)]),
  ...[0, 1, 2].map(alertString),
  ...fruFields.map(([area, field]) => fruField(area, field)),
];

/** `a=x,b=y,,z` as QEMU takes it apart. @returns the keys */
const keysOf = (option: string) =>
  option
    .replaceAll(',,', '')
    .split(',')
    .map((part) => part.split('=', 1)[0]);

const config: QemuMachineConfig = {
  ...qemuMachineDefaults,
  name: 'node1',
  uuid: '6f5ba4b4-6a35-4b1c-9d6e-0123456789ab',
  memoryMb: 512,
  cpus: 2,
  disks: [],
};

/** What QEMU would be started with, the texts' values left out. */
function shapeOfStart(): unknown {
  const { argv } = commandLine({
    config,
    hardware: hardwareOf(config, {}, undefined),
    labels: bench.bmc.fru.fields,
    media: [],
    nics: [],
    run: new RunDir('/run/machine'),
    accelerator: 'tcg',
    bootOverride: undefined,
    uefiVariables: '/state/ovmf-vars.fd',
  });
  return argv.map((word, i) => (argv[i - 1] === '-smbios' ? keysOf(word) : word));
}

/** All texts but those about one thing. */
const readOthers = (fact: string) =>
  texts.flatMap((text) => (factOf(text) === fact ? [] : [[text.name, text.read().toString('latin1')]]));
const factOf = ({ fact, name }: Text) => fact ?? name;

beforeAll(() => {
  bench = new LanBench({ commands: ipmiCommands.definitions });
  client = bench.loggedIn({}, 4);
});

describe('every text that IPMI can set', () => {
  const shape = () => ({ start: shapeOfStart(), users: bench.bmc.users.list().length });

  test.each(texts)(
    '$name keeps what it is given byte for byte, or refuses it and keeps what it had',
    (text) => {
      const { room, write, read, kept = (bytes) => bytes } = text;
      const before = shape();
      const others = readOthers(factOf(text));
      let [taken, refused] = [0, 0];
      for (const hostile of injectionCorpus) {
        for (const bytes of [Buffer.from(hostile, 'utf8'), Buffer.from(hostile, 'latin1')]) {
          if (bytes.length > room) continue;
          const had = read();
          try {
            write(bytes);
            taken++;
            expect([hostile, read().toString('latin1')]).toEqual([hostile, kept(bytes).toString('latin1')]);
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            refused++;
            expect([hostile, read()]).toEqual([hostile, had]);
          }
          expect(shape()).toEqual(before);
        }
      }
      expect(taken + refused).toBeGreaterThan(30);
      expect(taken).toBeGreaterThan(10);
      expect(readOthers(factOf(text))).toEqual(others);
    },
  );
});
