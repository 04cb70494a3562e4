import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { encodePet, type PlatformEventTrap, specificTrap } from '../../../../src/ipmi/records/pet.ts';
import { toHex } from '../../../../src/lib/bytes.ts';

const trap: PlatformEventTrap = {
  community: 'public',
  agentAddress: Uint8Array.of(192, 0, 2, 7),
  upTime: 0x80,
  guid: Buffer.from('123456789abc4def8123456789abcdef', 'hex'),
  sequence: 0x0102,
  localTime: 0x01020304,
  utcOffsetMinutes: -300,
  event: {
    kind: 'system',
    generatorId: 0x0020,
    messageRevision: 4,
    sensorType: 0x01,
    sensorNumber: 0x20,
    asserted: true,
    eventType: 0x01,
    data: [0x59, 0x5b, 0x5a],
  },
  severity: 'critical',
  entityId: 0x03,
  entityInstance: 0x01,
  manufacturerId: 0x0fffff,
  systemId: 1,
  text: '',
};

const variable = [
  '123456789abc4def8123456789abcdef', // GUID
  '0102', // sequence
  '01020304', // local time
  'fed4', // UTC offset
  '20201020', // sources, severity, sensor device
  '200301', // sensor, entity, its instance
  '595b5a0000000000', // event data
  'ff', // language
  '000fffff0001', // manufacturer, system
];

describe('a trap', () => {
  it('is built byte by byte as the specifications say', () => {
    expect(toHex(encodePet(trap))).toBe(
      [
        '306b', // sequence
        '020100', // version 1
        '04067075626c6963', // community
        'a45e', // trap
        '06092b06010401986f0101', // enterprise 1.3.6.1.4.1.3183.1.1
        '4004c0000207', // agent
        '020106', // enterprise-specific
        '0203010109', // sensor type 01h, event type 01h, offset 9
        '43020080', // time ticks, not negative
        '303f303d', // variables, variable
        '060a2b06010401986f010101',
        '042f',
        ...variable,
        'c1', // no more fields
      ].join(''),
    );
  });

  it('says in its number what it is about', () => {
    expect(specificTrap(trap.event)).toBe(0x010109);
    expect(specificTrap({ ...trap.event, sensorType: 0x20, eventType: 0x6f, asserted: false })).toBe(
      0x206f89,
    );
  });

  it('carries a text in a field of its own', () => {
    const hex = toHex(encodePet({ ...trap, text: 'call Ann' }));
    expect(hex.endsWith(`c8${Buffer.from('call Ann').toString('hex')}c1`)).toBe(true);
  });

  it('leaves the zone open when nobody has said it', () => {
    expect(toHex(encodePet({ ...trap, utcOffsetMinutes: undefined }))).toContain('01020304ffff2020');
  });

  it('may be longer than 127 bytes', () => {
    expect(toHex(encodePet({ ...trap, text: 'x'.repeat(63) })).startsWith('3081')).toBe(true);
  });
});

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

test.runIf(has('tshark') && has('text2pcap'))('tshark finds a whole and sound trap in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-pet-'));
  try {
    const bytes = [...encodePet({ ...trap, text: 'call Ann' })];
    const dump = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    writeFileSync(join(folder, 'dump'), `0000 ${dump}\n`);
    execFileSync('text2pcap', ['-q', '-u', '40000,162', join(folder, 'dump'), join(folder, 'pcap')], {
      stdio: 'ignore',
    });
    const text = execFileSync('tshark', ['-V', '-r', join(folder, 'pcap')], { encoding: 'utf8' });
    expect(text).toContain('Simple Network Management Protocol');
    expect(text).toContain('version: version-1 (0)');
    expect(text).toContain('generic-trap: enterpriseSpecific (6)');
    expect(text).toContain('specific-trap: 65801');
    expect(text).toContain('agent-addr: 192.0.2.7');
    expect(text).not.toMatch(/malformed|error/i);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
