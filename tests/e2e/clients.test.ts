/**
 * Real clients across the whole command set, over IPMI 1.5 and 2.0, against the appliance with a machine in memory:
 * what each command prints, and that nothing in it looks broken to an administrator. A client that is not installed
 * is skipped, with its Debian package in the title. Needs no rights; the capture at the end needs root.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IpmiServer } from '../support/ipmi-server.ts';
import { run, until } from '../support/processes.ts';
import { type Answer, installed } from '../support/real-clients.ts';
import { Terminal } from '../support/terminal.ts';

/** Words that no answer may contain, unless its row says which of them belong there. */
const doubt = /unknown|invalid|error|fail|unable|not supported|bad completion|timed? ?out/gi;
/** No single command of a client may take longer. */
const patienceMs = 2000;

interface Row {
  /** Words of the command line, separated by blanks; quoted where there is a blank inside. */
  readonly say: string;
  readonly shows?: readonly RegExp[];
  /** Taken out before doubts are looked for: what the client says of itself, or rightly. */
  readonly allow?: RegExp;
  readonly code?: number;
  /** Where it takes longer by the client's own making. */
  readonly slow?: true;
  /** Asked again until it shows what it must: the machine is on its way. */
  readonly settles?: true;
}

type Table = readonly (string | readonly [say: string, ...shows: RegExp[]] | Row)[];

const rows = (table: Table): Row[] =>
  table.map((row) => {
    if (typeof row === 'string') return { say: row };
    if (!('say' in row)) {
      const [say, ...shows] = row;
      return { say, shows };
    }
    return row;
  });

const words = (say: string) => [...say.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);

async function checkRow(row: Row, ask: () => Promise<Answer>): Promise<void> {
  const { shows = [] } = row;
  let answer = await ask();
  for (let tries = 0; row.settles && tries < 50 && !shows.every((p) => p.test(answer.output)); tries++) {
    await sleep(200);
    answer = await ask();
  }
  check(answer, row);
}

function check(answer: Answer, { shows = [], allow, code = 0, slow }: Row): void {
  const { output } = answer;
  expect({ code: answer.code, output }).toEqual({ code, output });
  for (const pattern of shows) expect(output).toMatch(pattern);
  expect((allow ? output.replaceAll(allow, '') : output).match(doubt) ?? []).toEqual([]);
  if (!slow) expect(answer.ms).toBeLessThan(patienceMs);
}

/** ipmitool knows product names by its own list of vendors, which an open-source BMC is not on. */
const productName = /Product Name +: Unknown \(0x01\)/g;
const guidOrder = /Unspecified|WARNING: IPMI Specification violation!/g;

/** Names of values. */
const lockout = /Invalid password disable/g;
const errorCounters = /(Header|Address) Errors/g;

const ipmitoolTable: Table = [
  {
    say: 'mc info',
    shows: [/IPMI Version +: 2\.0/, /Device Available +: yes/, /SEL Device/, /Chassis Device/],
    allow: productName,
  },
  { say: 'mc guid', shows: [/System GUID +: [0-9a-f]{8}-[0-9a-f]{4}-/], allow: guidOrder },
  { say: 'mc selftest', shows: [/^Selftest: passed$/m] },
  ['mc getenables', /System Event Logging +: enabled/],
  {
    say: 'mc watchdog get',
    shows: [/Watchdog Timer Is: +Stopped/, /Timer Expiration Flags: +None/],
    allow: /Pre-timeout/g,
  },
  ['mc watchdog off', /successful/],
  'mc setsysinfo system_name node7',
  ['mc getsysinfo system_name', /^node7$/m],

  ['chassis status', /System Power +: on/, /Power Restore Policy +: /, /Main Power Fault +: false/],
  ['chassis poh', /POH Counter +: 0 days/],
  ['chassis identify 1', /1 seconds/],
  ['chassis identify 0', /off/],
  ['chassis restart_cause', /System restart cause: \S/],
  ['chassis policy list', /always-off always-on previous/],
  ['chassis policy always-off', /always-off/],
  ['chassis selftest', /passed/],
  ['chassis bootdev pxe', /Set Boot Device to pxe/],
  ['chassis bootparam get 5', /Force PXE/, /only next boot/],
  'chassis bootdev cdrom options=persistent,efiboot',
  ['chassis bootparam get 5', /CD\/DVD/, /all future boots/, /EFI boot/],
  ['chassis bootdev none', /none/],
  ...[0, 1, 2, 3, 4, 6].map((number) => [`chassis bootparam get ${number}`, /valid\/unlocked/] as const),
  { say: 'chassis bootmbox get', shows: [/Block +4 Data/], allow: /\[Unknown\]/g },

  ['power status', /^Chassis Power is on$/m],
  ['power reset', /Reset/],
  ['power diag', /Diag/],
  ['power cycle', /Cycle/],
  ['power on', /Up\/On/],
  { say: 'power status', shows: [/is on/], settles: true },

  ['sel', /Version +: 1\.5/, /Overflow +: false/, /Alloc Unit Size +: 16/],
  ['sel list', /Power Unit #0x01/],
  ['sel elist', /Pwr Unit Status/, /System Boot Initiated/],
  ['sel get 1', /Record Type +: 02/],
  ['sel time get', /\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d UTC/],
  'sel time set now',
  ['event 1', /Upper Critical going high/],
  ['event 2', /Lower Critical going low/],
  ['event 3', /Correctable ECC/],
  ['event "CPU Temp" unc', /Upper Non-critical going high/],
  ['sel elist', /Correctable ECC/, /Temperature CPU Temp|Temperature #0x20/],
  ['sel clear', /Clearing SEL/],
  ['sel elist', /Log area reset\/cleared/],

  ['sdr list', /CPU Temp +\| \d+ degrees C +\| ok/, /FAN1 +\| \d+ RPM +\| ok/],
  ['sdr elist all', /ACPI State +\| 0Bh \| ok/, /Dynamic MC @ 20h/, /Logical FRU @00h/],
  ['sdr type Fan', /FAN2/],
  ['sdr entity 3', /CPU Temp/],
  {
    say: 'sdr info',
    shows: [/SDR Version +: 0x51/, /Record Count +: [1-9]/, /SDR overflow +: no/],
  },
  ['sdr get FAN1', /Fan Device/, /Sensor Reading +: \d+/, /Settable Thresholds +: lnr/],
  ['sensor', /System Temp +\| \d+\.\d+ +\| degrees C +\| ok/, /Watchdog +\| 0x0 +\| discrete/],
  ['sensor reading "CPU Temp"', /CPU Temp +\| \d+/],
  ['sensor thresh "CPU Temp" ucr 86', /to 86\.000/],
  ['sensor get "CPU Temp"', /Upper Critical +: 86\.000/],

  ['fru print', /Board Product +: QEMU Virtual Server/, /Product Serial +: \S+/, /Board Mfg Date +: \S+/],

  'lan set 1 cipher_privs XaaaXXaaaXXaaXX',
  {
    say: 'lan print 1',
    shows: [
      /IP Address +: 127\.0\.0\.1/,
      /Cipher Suites +: 17,3/,
      /Set Complete/,
      /Auth Type Support +: MD5/,
    ],
    allow: lockout,
  },
  'lan set 1 ipsrc static',
  ['lan set 1 snmp private', /private/],
  { say: 'lan set 1 ipaddr 10.0.0.5', shows: [/Setting LAN IP Address/], code: 1 },
  {
    say: 'lan print 1',
    shows: [/IP Address +: 127\.0\.0\.1/, /SNMP Community String +: private/],
    allow: lockout,
  },
  ['lan alert set 1 1 ipaddr 127.0.0.1', /127\.0\.0\.1/],
  ['lan alert print 1 1', /Alert IP Address +: 127\.0\.0\.1/],
  { say: 'lan stats get 1', shows: [/UDP Rx Packet/], allow: errorCounters },
  {
    say: 'lan6 print 1',
    shows: [/IPv6\/IPv4 Addressing Enables: ipv4/, /IPv6 Static Router 1/],
    allow: /DHCPv6 Timing Configuration Support: not supported/g,
  },

  ['channel info 1', /802\.3 LAN/, /multi-session/],
  ['channel info 15', /KCS/],
  ['channel authcap 1 4', /Anonymous login enabled +: no/, /Channel supports IPMI v2\.0 : yes/],
  ['channel getaccess 1 2', /User Name +: admin/, /ADMINISTRATOR/],
  ['channel setaccess 1 5 callin=on ipmi=on link=off privilege=3', /successful/],
  ['channel getciphers ipmi', /17 +N\/A +hmac_sha256 +sha256_128 +aes_cbc_128/],

  'user set name 5 joe',
  ['user set password 5 secret16', /successful/],
  'user enable 5',
  ['user test 5 16 secret16', /Success/],
  { say: 'user test 5 16 wrong', shows: [/password incorrect/], allow: /Failure/g, code: 1 },
  ['user list 1', /5 +joe +true +\w+ +true +OPERATOR/],
  ['user summary 1', /Enabled User Count +: 2/],
  'user disable 5',

  ['session info active', /privilege level +: ADMINISTRATOR/],
  ['session info all', /user id +: 2/],

  ['sol info 1', /Enabled +: true/, /Payload Channel +: 1/],
  'sol set retry-count 6 1',
  ['sol info 1', /Retry Count +: 6/],
  ['sol payload status 1 2', /enabled/],

  ['dcmi discover', /Power management available/, /Asset tag/],
  ['dcmi power reading', /Instantaneous power reading: +\d+ Watts/, /activated/],
  ['dcmi power get_limit', /No Active Power Limit/],
  ['dcmi sensors', /CPU Temp/, /System Temp/],
  ['dcmi set_asset_tag RACK12', /RACK12/],
  ['dcmi asset_tag', /RACK12/],
  ['dcmi set_mc_id_string bmc12', /bmc12/],
  ['dcmi get_mc_id_string', /bmc12/],
  ['dcmi get_temp_reading', /CPU temperature sensors\(41h\)\s+1\s+\+\d+ C/],

  ['raw 0x06 0x01', /^ 20 01 00/m],
  { say: 'raw 0x06 0xee', shows: [/Invalid command/], allow: /Unable to send|Invalid command/g, code: 1 },
  ['pef info', /Alert,Power-off,Reset,Power-cycle,Diagnostic-interrupt/],
  ['pef status', /PEF/],
  ['pef filter list', /enabled, configurable \| Temperature/],
  ['pef policy list', /802\.3 LAN \| PET/],
  { say: 'isol info', shows: [/not supported/], allow: /not supported!/g, code: 1 },
  { say: 'hpm check', shows: [/Invalid command/], allow: /Error getting|Invalid command/g, code: 1 },
];

/** An event that a test has sent. */
const eccError = /Correctable memory error/g;

const freeipmiTable: Table = [
  {
    say: 'bmc-info',
    shows: [/IPMI Version +: 2\.0/, /System Name +: node7/, /Medium Type +: 802\.3 LAN/],
    // Version 1.6.10 prints memory that it never wrote for channels that are not there.
    allow: /(Medium Type|Protocol Type|Session Support) +: unknown|unsupported/g,
  },
  { say: 'bmc-device --get-self-test-results', shows: [/No Error/], allow: /No Error/g },
  ['bmc-device --get-acpi-power-state', /S0\/G0/],
  {
    say: 'bmc-device --get-lan-statistics',
    shows: [/UDP Packets Received +: [1-9]/],
    allow: errorCounters,
  },
  ['bmc-device --get-sel-time', /SEL Time : /],
  ['bmc-device --get-sdr-repository-time', /SDR Repository Time : /],
  ['bmc-device --get-bmc-global-enables', /System Event Logging +: enabled/],
  ['bmc-device --get-kcs-interface-capabilities', /version 1 /, /Maximum Input Message Size : 255 bytes/],
  {
    say: 'bmc-device --get-ssif-interface-capabilities',
    shows: [/invalid or unsupported/],
    allow: /invalid or unsupported/g,
    code: 1,
  },
  ['bmc-device --get-sel-time-utc-offset', /SEL UTC Offset : /],
  'bmc-device --rearm-sensor=32 --quiet-cache',
  ['ipmipower --stat', /: on$/m],
  ['ipmipower --off --wait-until-off', /: ok$/m],
  ['ipmipower --stat', /: off$/m],
  ['ipmipower --cycle --on-if-off --wait-until-on', /: ok$/m],
  ['ipmipower --reset', /: ok$/m],
  { say: 'ipmi-sel', shows: [/Pwr Unit Status +\| Power Unit/], allow: eccError },
  ['ipmi-sel --info', /Events dropped due to lack of space +: No/],
  { say: 'ipmi-sel -v --output-event-state', shows: [/Assertion Event/], allow: eccError },
  ['ipmi-sensors', /CPU Temp +\| Temperature +\| \d+\.\d\d +\| C +\| 'OK'/],
  ['ipmi-sensors --output-sensor-state --output-sensor-thresholds', /Nominal +\| \d+\.\d\d +\| RPM/],
  ['ipmi-sensors --sdr-info', /SDR record count +: [1-9]/],
  ['ipmi-fru', /FRU Board Product Name: QEMU Virtual Server/],
  ['ipmi-chassis --get-chassis-capabilities', /Intrusion sensor +: provided/],
  ['ipmi-chassis --get-chassis-status', /System Power +: on/, /Last Power Event +: \S/],
  ['ipmi-chassis --get-system-restart-cause', /Restart cause : \S/],
  ['ipmi-chassis --get-power-on-hours-counter', /Power on hours : /],
  'ipmi-chassis --chassis-identify=TURN-OFF',
  ['ipmi-pef-config --info', /Alert action +: supported/],
  {
    say: 'ipmi-dcmi --get-dcmi-capability-info',
    shows: [/DCMI Specification Conformance +: 1\.5/, /Power Management.*: Available/],
    allow: /Channel Number +: Not supported/g,
  },
  ['ipmi-dcmi --get-asset-tag', /RACK12/],
  ['ipmi-dcmi --get-dcmi-sensor-info', /CPU Temperature SDR Record IDs/],
  ['ipmi-dcmi --get-system-power-statistics', /Current Power +: \d+ Watts/],
  ['ipmi-dcmi --get-enhanced-system-power-statistics', /Rolling Average Time Period 5 Seconds/],
  ['ipmi-raw 0 06 01', /rcvd: 01 00 20/],
];

const passed = 'Selftest: passed\n';

let server: IpmiServer;
let capture: ChildProcess | undefined;
const isRoot = process.getuid?.() === 0;
const noCapture = !installed('tshark') ? 'needs tshark' : !isRoot ? 'needs root to capture' : undefined;

beforeAll(async () => {
  server = await IpmiServer.start();
  if (noCapture) return;
  const filter = `udp port ${server.port}`;
  capture = spawn('tshark', ['-q', '-i', 'lo', '-f', filter, '-w', server.file('clients.pcapng')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // It says "Capturing on" before it does; its own packet counter is not shown with -q.
  await once(capture.stderr ?? capture, 'data');
  await sleep(1000);
});
afterAll(async () => {
  capture?.kill('SIGKILL');
  await server.stop();
});

/** Skipped with the reason in the title where the client is not there. */
function describeClient(name: string, program: string, debianPackage: string, body: () => void): void {
  const there = installed(program);
  describe.skipIf(!there)(there ? name : `${name} (skipped: ${debianPackage} is not installed)`, body);
}

describeClient('ipmitool', 'ipmitool', 'ipmitool', () => {
  describe.each(['lanplus', 'lan'])('-I %s', (face) => {
    test.each(rows(ipmitoolTable).map((row) => [row.say, row] as const))('%s', (say, row) =>
      checkRow(row, () => server.ipmitool(face, ...words(say))),
    );

    test('exec and shell take many commands in one session', async () => {
      writeFileSync(server.file('commands'), 'mc selftest\nchassis power status\n');
      check(await server.ipmitool(face, 'exec', server.file('commands')), {
        say: 'exec',
        shows: [/passed/, /Chassis Power is on/],
      });
    });

    test('the FRU can be edited, saved and written back', async () => {
      const edited = await server.ipmitool(face, 'fru', 'edit', '0', 'field', 'p', '1', `Product ${face}`);
      expect(edited.output).toContain('Done.');
      const image = server.file('fru.bin');
      check(await server.ipmitool(face, 'fru', 'read', '0', image), { say: 'fru read', shows: [/Done/] });
      check(await server.ipmitool(face, 'fru', 'write', '0', image), { say: 'fru write', slow: true });
      expect((await server.ipmitool(face, 'fru', 'print', '0')).output).toContain(`Product ${face}`);
    });

    test('the SEL can be saved and events can be sent from a file', async () => {
      writeFileSync(server.file('events'), '0x04 0x0c 0x53 0x6f 0x00 0x00 0x00 # memory\n');
      check(await server.ipmitool(face, 'event', 'file', server.file('events')), { say: 'event file' });
      const saved = await server.ipmitool(face, 'sel', 'save', server.file('sel'));
      check(saved, { say: 'sel save', shows: [/Correctable ECC/] });
    });

    test('a dump of the sensor records serves instead of the repository', async () => {
      const dump = server.file('sdr');
      check(await server.ipmitool(face, 'sdr', 'dump', dump), { say: 'sdr dump' });
      check(await server.ipmitool(face, '-S', dump, 'sdr', 'elist'), { say: 'elist', shows: [/FAN1/] });
    });
  });
});

/** The command lines of Ironic's driver `ipmi` and of bmclib, and the words that they look for. */
describeClient('ipmitool as provisioning systems call it', 'ipmitool', 'ipmitool', () => {
  const said = async (...args: string[]) => {
    const { code, output } = await server.ipmitool('lanplus', ...args);
    return { code, output };
  };

  test('the boot timeout is switched off and the boot device set by bytes, for UEFI too', async () => {
    expect(await said('raw', '0x00', '0x08', '0x03', '0x08')).toEqual({ code: 0, output: '\n' });
    for (const [byte1, byte2, device, times, firmware] of [
      ['0xe0', '0x04', 'Force PXE', 'all future boots', 'BIOS EFI boot'],
      ['0xa0', '0x08', 'Force Boot from default Hard-Drive', 'only next boot', 'BIOS EFI boot'],
      ['0x80', '0x14', 'Force Boot from CD/DVD', 'only next boot', 'BIOS PC Compatible (legacy) boot'],
    ] as const) {
      const flags = ['0x00', '0x08', '0x05', byte1, byte2, '0x00', '0x00', '0x00'];
      expect((await said('raw', ...flags)).code).toBe(0);
      const { output } = await said('chassis', 'bootparam', 'get', '5');
      expect(output).toContain(`Boot Device Selector : ${device}`);
      expect(output).toContain(`Options apply to ${times}`);
      expect(output).toContain(firmware);
    }
    expect(await said('chassis', 'bootdev', 'none')).toEqual({
      code: 0,
      output: 'Set Boot Device to none\n',
    });
  });

  test('each sensor is read from one block of `sdr -v`', async () => {
    const { output } = await said('sdr', '-v');
    const blocks = output.split('\n\n').filter((block) => block.startsWith('Sensor ID'));
    expect(blocks.length).toBeGreaterThan(15);
    for (const block of blocks) {
      expect(block).toMatch(
        /^Sensor ID +: .+ \(0x[0-9a-f]+\)\n Entity ID +: \d+\.\d+ \(.+\)\n Sensor Type \(\w+\) *: /,
      );
      expect(block).toMatch(/^ Sensor Reading +: /m);
    }
    expect(output).toMatch(/Sensor Reading +: \d+ \(\+\/- \d+\) degrees C/);
  });

  test('a suite that is not on offer is told in the words on which they try the next', async () => {
    const { code, output } = await said('-C', '8', 'power', 'status');
    expect(code).toBe(1);
    expect(output).toContain('Error in open session response message : no matching cipher suite');
    expect(await said('-C', '3', 'power', 'status')).toEqual({ code: 0, output: 'Chassis Power is on\n' });
    expect(await said('-C', '17', 'power', 'status')).toEqual({ code: 0, output: 'Chassis Power is on\n' });
  });
});

describeClient('many ipmitools', 'ipmitool', 'ipmitool', () => {
  test('sixteen at once, from one address, do not disturb each other', async () => {
    // Each of them names the same session ID and the same message tag.
    const faces = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 'lanplus' : 'lan'));
    const answers = await Promise.all(faces.map((face) => server.ipmitool(face, 'mc', 'selftest')));
    for (const { code, output } of answers) expect({ code, output }).toEqual({ code: 0, output: passed });
  });
});

describeClient('FreeIPMI', 'bmc-info', 'freeipmi-tools', () => {
  describe.each(['LAN', 'LAN_2_0'])('-D %s', (driver) => {
    test.each(rows(freeipmiTable).map((row) => [row.say, row] as const))('%s', (say, row) =>
      checkRow(row, () => {
        const [program = '', ...args] = words(say);
        return server.freeipmi(driver, program, ...args);
      }),
    );

    test.each(['core', 'chassis', 'sensors', 'pef', 'dcmi'])(
      'ipmi-config of %s is checked out, does not differ, and is committed',
      async (category) => {
        const file = server.file(`${category}.conf`);
        const config = (...args: string[]) =>
          server.freeipmi(driver, 'ipmi-config', `--category=${category}`, ...args, `--filename=${file}`);
        const checkout = await config('--checkout', '--quiet-cache');
        // It is 1 when any key of its own list is not there, and 0 otherwise: see the next test.
        expect(checkout).toMatchObject({ code: category === 'core' ? 1 : 0, output: '' });
        expect(checkout.ms).toBeLessThan(patienceMs);
        expect(await config('--diff', '--quiet-cache')).toMatchObject({ code: 0, output: '' });
        expect(await config('--commit', '--quiet-cache')).toMatchObject({ code: 0, output: '' });
      },
    );
  });

  test('of all that ipmi-config asks for, only what this BMC does not have is not checked out', async () => {
    // Asked twice to be verbose, it says of each key why it leaves it out.
    const { output } = await server.freeipmi('LAN_2_0', 'ipmi-config', '--checkout', '-v', '-v');
    const missing = [...output.matchAll(/## Unable to checkout (\S+)/g)].map(([, key = '']) => key);
    const expected = [
      /^User\d+:Serial_/,
      /^Serial_(Channel|Conf):/,
      /^Lan_Conf_Security_Keys:K_R$/,
      /^Rmcpplus_Conf_Privilege:Maximum_Privilege_Cipher_Suite_Id_(?!3$)\d+$/,
      /^Lan6_Conf:IPv6_Static_Router_\w+_2$/,
    ];
    expect(missing.filter((key) => !expected.some((pattern) => pattern.test(key)))).toEqual([]);
    for (const pattern of expected) expect(missing.some((key) => pattern.test(key))).toBe(true);
  });

  test.each(['ipmi-sensors-config', 'ipmi-pef-config', 'ipmi-chassis-config'])(
    '%s checks out what it is for, and ends with 0',
    async (program) => {
      const { code, output } = await server.freeipmi('LAN_2_0', program, '--checkout', '--quiet-cache');
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('EndSection') });
      expect(output).not.toMatch(/unable|error/i);
    },
  );

  test('ipmipower refuses to cycle a machine that is off', async () => {
    await server.freeipmi('LAN', 'ipmipower', '--off', '--wait-until-off');
    const { code, output } = await server.freeipmi('LAN', 'ipmipower', '--cycle');
    expect(output).toContain('operation invalid');
    expect(code).toBe(1);
    await server.freeipmi('LAN', 'ipmipower', '--on', '--wait-until-on');
  });
});

describe.skipIf(!isRoot || !installed('ipmiping'))('FreeIPMI on port 623 (root only)', () => {
  test.each(['ipmiping', 'rmcpping'])('%s hears an answer to each packet', async (program) => {
    // An address of its own, so that a BMC of somebody else on this host is not in the way.
    const other = await IpmiServer.start({ BMC_ADDR: '127.0.6.23' }, 623);
    try {
      const { code, output } = await other.run(program, ['-c', '2', '127.0.6.23']);
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toMatch(/2 (requests|pings) transmitted, 2 (responses|pongs) received/);
    } finally {
      await other.stop();
    }
  });
});

const pyghmi = `
import sys
from pyghmi.ipmi import command
bmc = command.Command(bmc='127.0.0.1', userid='admin', password='password', port=int(sys.argv[1]))
print('power', bmc.get_power()['powerstate'])
print('off', bmc.set_power('off', wait=10)['powerstate'])
print('on', bmc.set_power('on', wait=10)['powerstate'])
for device in ('network', 'hd', 'optical', 'setup', 'default'):
    bmc.set_bootdev(device, persist=True, uefiboot=True)
    print('boot', device, bmc.get_bootdev()['bootdev'])
print('health', bmc.get_health())
print('sensors', sorted(sensor.name for sensor in bmc.get_sensor_data()))
system = dict(bmc.get_inventory())['System']
print('inventory', system['Board product name'])
print('uuid', system['UUID'].lower())
print('users', [user['name'] for user in bmc.get_users().values()])
print('events', len(list(bmc.get_event_log())) > 0)
print('firmware', list(bmc.get_firmware()))
print('net', bmc.get_net_configuration()['ipv4_address'])
`;

describeClient('pyghmi', 'pyghmiutil', 'python3-pyghmi', () => {
  test('reads and sets power, boot device, sensors, inventory, users and log', async () => {
    // Debian's own Python, where the package is, even if another is first in PATH.
    const { code, output } = await server.run('/usr/bin/python3', ['-c', pyghmi, `${server.port}`]);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/^power on$/m);
    expect(output).toMatch(/^off off$/m);
    expect(output).toMatch(/^on on$/m);
    for (const device of ['network', 'hd', 'optical', 'setup', 'default']) {
      expect(output).toContain(`boot ${device} ${device}`);
    }
    expect(output).toMatch(/^health \{.*'badreadings': \[\]/m);
    expect(output).toMatch(/'CPU Temp'.*'FAN1'/);
    expect(output).toContain('inventory QEMU Virtual Server');
    const [, uuid] = /^uuid (\S{36})$/m.exec(output) ?? [];
    expect((await server.ipmitool('lanplus', 'mc', 'guid')).output).toContain(`: ${uuid}\n`);
    expect(output).toMatch(/users \['admin'/);
    expect(output).toContain('events True');
    expect(output).toContain('net 127.0.0.1/8');
  });
});

describeClient('fence_ipmilan', 'fence_ipmilan', 'fence-agents', () => {
  // It waits most of the time: all at once, each on a machine of its own.
  test.concurrent.each([
    ['IPMI 1.5, its default', []],
    ['lanplus', ['-P']],
    ['lanplus with cipher suite 17', ['-P', '-C', '17']],
  ])('over %s', async (_name, face) => {
    const own = await IpmiServer.start();
    const fence = (...args: string[]) =>
      own.run('fence_ipmilan', [
        ...['-a', '127.0.0.1', `--ipport=${own.port}`, '-l', 'admin', '-p', 'password'],
        ...args,
      ]);
    try {
      expect(await fence(...face, '-o', 'status')).toMatchObject({
        code: 0,
        output: expect.stringContaining('Status: ON'),
      });
      expect(await fence(...face, '-o', 'off')).toMatchObject({
        code: 0,
        output: expect.stringContaining('Success: Powered OFF'),
      });
      expect(await fence(...face, '-o', 'status')).toMatchObject({
        code: 2,
        output: expect.stringContaining('Status: OFF'),
      });
      expect((await fence(...face, '-o', 'on')).code).toBe(0);
      expect(await fence(...face, '-o', 'reboot')).toMatchObject({
        code: 0,
        output: expect.stringContaining('Success: Rebooted'),
      });
      expect((await fence(...face, '-m', 'cycle', '-o', 'reboot')).code).toBe(0);
      expect((await fence(...face, '-o', 'diag')).code).toBe(0);
      expect((await fence(...face, '-o', 'monitor')).code).toBe(0);
    } finally {
      await own.stop();
    }
  });
});

describeClient('openipmish', 'openipmish', 'openipmi', () => {
  test('opens a domain, reads sensors, SEL and settings, and switches the machine', async () => {
    const shell = new Terminal('openipmish', []);
    try {
      // Lines as it reads them; each answer, and nothing else, shows the words waited for.
      const ask = async (line: string, ...answers: readonly (RegExp | string)[]) => {
        shell.type(`${line}\n`);
        for (const answer of answers) await shell.expect(answer);
      };
      /** What it calls the thing that it has just made: numbers are given to whatever comes first. */
      const made = async (line: string, kind: string) => {
        await ask(line, new RegExp(`${kind}: bmc\\.\\d+`));
        const [, name] = [...shell.output.matchAll(new RegExp(`${kind}: (bmc\\.\\d+)`, 'g'))].at(-1) ?? [];
        return name;
      };
      await ask(
        `domain open bmc lan -p ${server.port} -U admin -P password 127.0.0.1`,
        'Connection 0 to the BMC is up',
        'Domain Created: bmc',
        'Name: bmc(23.1).reset',
        'Operation: Domain fully up',
      );
      for (const thing of ['bmc(3.1).CPU Temp', 'bmc(29.2).FAN2', 'bmc(19.1).Pwr Consumption']) {
        expect(shell.output).toContain(`Name: ${thing}`);
      }
      await ask('evinfo false', 'event info set');
      await ask('entity list bmc', 'Entities', /Name: bmc\(29\.2\)\s/);
      await ask(
        'sensor get "bmc(3.1).CPU Temp"',
        'Event Messages Enabled: true',
        /Value: [2-6]\.\d+e\+01/,
        /Name: upper critical\s+Out Of Range: false/,
      );
      await ask('mc info bmc(0.20)', 'sel_device_support: true', 'version: 2.0');
      await ask('sel add bmc(0.20) 2 0 0 0 0 0x20 0 4 0x0c 0x53 0x6f 1 2 3', /Record ID: \d+/);
      await ask('sel list bmc', /Slots in use: [1-9]/, /0x0c\s+0x53 0x6f 0x01 0x02 0x03/);
      await ask('mc sel_info bmc(0.20)', 'SEL overflow: false', 'SEL Supports Delete: true');
      const lan = await made('lanparm new bmc(0.20) 1', 'LANPARM');
      await ask(
        `lanparm config get ${lan}`,
        'support_auth_md5: true',
        'ip_addr: 127.0.0.1',
        /Cipher Suite\s/,
      );
      await ask(`lanparm config unlock ${lan} ${lan}.0`, 'LANPARM config unlocked');
      const sol = await made('solparm new bmc(0.20) 1', 'SOLPARM');
      await ask(`solparm config get ${sol}`, 'enable: true', 'payload_channel: 1');
      const pef = await made('pef new bmc(0.20)', 'PEF');
      await ask(`pef config get ${pef}`, 'pef_enabled: true', 'num_event_filters: 40');
      await ask('control set bmc(23.1).power 0', 'Set done: bmc(23.1).power');
      await until('the machine is off', async () =>
        (await server.ipmitool('lanplus', 'power', 'status')).output.includes('is off'),
      );
      await ask('control get bmc(23.1).power', /Num: 0\s+Value: 0/);
      await ask('control set bmc(23.1).power 1', 'Set done: bmc(23.1).power');
      await ask('sel clear bmc', 'SEL Clear done: bmc');
      await until('the SEL is cleared', async () => {
        const { code, output } = await server.ipmitool('lanplus', 'sel', 'list');
        return code === 0 && !output.includes('Memory');
      });
      // "Error: 0" is how it says that a connection is well.
      expect(shell.output.replaceAll(/Error: 0\b/g, '').match(doubt) ?? []).toEqual([]);
    } finally {
      shell.kill();
    }
  });
});

describeClient('ipmi_ui', 'ipmi_ui', 'openipmi', () => {
  test('without a screen shows entities, sensors, FRU and controllers, and switches the machine', async () => {
    const login = ['-U', 'admin', '-P', 'password', '-p', `${server.port}`, '127.0.0.1'];
    const ui = new Terminal('ipmi_ui', ['-c', 'lan', ...login]);
    try {
      const ask = async (line: string, ...answers: readonly (RegExp | string)[]) => {
        ui.type(`${line}\n`);
        for (const answer of answers) await ui.expect(answer);
      };
      await ui.expect('SELs read');
      await ui.expect('FRU added for 7.1');
      await ask('mc 0 20', /sel_device_support: y/, /version: 2\.0/);
      await ask('sensors 3.1', '3.1.CPU~Temp - CPU Temp');
      await ask('sensor 3.1.CPU~Temp', /value = \d+\.0+ \(/, /upper critical:/, /value: \d+\.0/);
      await ask('fru 7.1', 'board info board product name: QEMU Virtual Server', 'multi-record 0');
      await ask('readlanparm 0 20 1', 'ip_addr: 7f000001', 'num_alert_destinations: 5');
      await ask('control 23.1.power', /name = \S*power/);
      await ask('set_control 0');
      await until('the machine is off', async () =>
        (await server.ipmitool('lanplus', 'power', 'status')).output.includes('is off'),
      );
      await ask('set_control 1');
      await until('the machine is on', async () =>
        (await server.ipmitool('lanplus', 'power', 'status')).output.includes('is on'),
      );
    } finally {
      ui.kill();
    }
  });
});

const title = 'tshark finds no malformed packet in all of the above';
test.skipIf(noCapture)(noCapture ? `${title} (skipped: ${noCapture})` : title, async () => {
  const child = capture;
  if (!child) throw new Error('no capture runs');
  await sleep(1000);
  child.kill('SIGINT');
  await once(child, 'exit');
  const file = server.file('clients.pcapng');
  const decode = ['-r', file, '-d', `udp.port==${server.port},rmcp`];
  const packets = await run('tshark', [
    ...decode,
    '-T',
    'fields',
    '-e',
    'frame.number',
    '-Y',
    'ipmi || rmcp',
  ]);
  expect(packets.stdout.trim().split('\n').length).toBeGreaterThan(2000);
  const bad = await run('tshark', [...decode, '-Y', '_ws.malformed || _ws.expert.severity >= 8388608']);
  expect(bad.stdout).toBe('');
});
