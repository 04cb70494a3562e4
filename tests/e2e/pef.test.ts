/** Event filtering and alerts with real clients and a trap receiver on the loopback address. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { udpTrapSender } from '../../src/ipmi/alerting.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';

const community = 'letmesee';
let folder: string;
let server: BmcOnLan;
let receiver: Socket;
let sender: ReturnType<typeof udpTrapSender>;
/** Traps as they came. */
let traps: Buffer[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-pef-'));
  traps = [];
  receiver = createSocket('udp4');
  receiver.on('message', (trap) => traps.push(trap));
  await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve));
  sender = udpTrapSender({ port: receiver.address().port, from: '127.0.0.1' });
  server = await BmcOnLan.start({ sendTrap: sender });
});
afterEach(async () => {
  await server.stop();
  sender.close();
  receiver.close();
  rmSync(folder, { recursive: true });
});

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function ipmitool(...args: string[]): Promise<string> {
  const { code, output } = await server.ipmitool(...args);
  expect(code, output).toBe(0);
  return output;
}

async function pefConfig(...args: string[]): Promise<string> {
  const { code, output } = await server.freeipmi('ipmi-pef-config', ...args);
  expect(code, output).toBe(0);
  return output;
}

/** Alerts go to our receiver. */
async function receiveAlerts(): Promise<void> {
  await ipmitool('lan', 'set', '1', 'snmp', community);
  await ipmitool('lan', 'alert', 'set', '1', '1', 'ipaddr', '127.0.0.1');
  await ipmitool('pef', 'policy', 'enable', '1');
}

/** The variable of a trap as ipmi-pet wants it: its bytes in hexadecimal. */
function variableOf(trap: Buffer): string[] {
  const oid = Buffer.from('060a2b06010401986f010101', 'hex');
  const start = trap.indexOf(oid) + oid.length + 2;
  return [...trap.subarray(start)].map((byte) => byte.toString(16).padStart(2, '0'));
}

const criticalTemperature = '65801';

const ipmiPet = (trap: Buffer, ...args: string[]) =>
  server.freeipmi(
    'ipmi-pet',
    '--sdr-cache-directory',
    folder,
    '--quiet-cache',
    ...args,
    '--',
    criticalTemperature,
    ...variableOf(trap),
  );

const hasTshark = spawnSync('sh', ['-c', 'command -v tshark && command -v text2pcap']).status === 0;

describe('an event that a filter is for', () => {
  test('comes as a trap that FreeIPMI reads in the words of our SDRs', async () => {
    await receiveAlerts();
    server.bmc.sensors.analog('cpuTemp').override(92);
    // Beyond two thresholds at once.
    await until(() => traps.length === 2);
    const [, trap = Buffer.of()] = traps;
    expect(trap.includes(community)).toBe(true);
    const { output } = await ipmiPet(trap, '--verbose');
    const row = output.split('\n').find((line) => line.includes('CPU Temp'));
    expect(
      row
        ?.split('|')
        .slice(2)
        .map((field) => field.trim()),
    ).toEqual([
      'CPU Temp',
      'Temperature',
      'Critical condition',
      'Assertion Event',
      'Upper Critical - going high',
      'Sensor Reading = 92.00 C',
      'Threshold = 90.00 C',
    ]);
  });

  test.runIf(hasTshark)('comes as a trap that tshark finds sound', async () => {
    await receiveAlerts();
    await ipmitool('event', '1');
    await until(() => traps.length > 0);
    const [trap = Buffer.of()] = traps;
    const dump = [...trap].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    writeFileSync(join(folder, 'dump'), `0000 ${dump}\n`);
    const capture = join(folder, 'capture.pcap');
    execFileSync('text2pcap', ['-q', '-u', '40000,162', join(folder, 'dump'), capture], { stdio: 'ignore' });
    const text = execFileSync('tshark', ['-V', '-r', capture], { encoding: 'utf8' });
    expect(text).toContain(`community: ${community}`);
    expect(text).toContain('enterprise: 1.3.6.1.4.1.3183.1.1');
    expect(text).toContain(`specific-trap: ${criticalTemperature}`);
    expect(text).not.toMatch(/malformed/i);
  });

  test('is told again and again until ipmi-pet acknowledges it', async () => {
    await receiveAlerts();
    await ipmitool('lan', 'alert', 'set', '1', '1', 'ack', 'on');
    await ipmitool('lan', 'alert', 'set', '1', '1', 'retry', '7');
    await ipmitool('lan', 'alert', 'set', '1', '1', 'time', '1');
    await ipmitool('event', '1');
    await until(() => traps.length === 2);
    const [trap = Buffer.of()] = traps;
    expect(traps[1]).toEqual(trap);
    expect((await ipmiPet(trap, '--pet-acknowledge')).code).toBe(0);
    const count = traps.length;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(traps).toHaveLength(count);
  });

  test('switches the machine off, when FreeIPMI has said so', async () => {
    await ipmitool('chassis', 'power', 'on');
    await until(() => server.bmc.power.isOn);
    await pefConfig(
      '--commit',
      '--key-pair=PEF_Conf:Enable_Power_Down_Action=Yes',
      '--key-pair=PEF_Conf:Enable_PEF_Event_Messages=Yes',
      '--key-pair=Event_Filter_1:Event_Filter_Action_Power_Off=Yes',
    );
    await ipmitool('event', '1');
    await until(() => server.bmc.power.state === 'off');
    const list = await ipmitool('sel', 'list', 'last', '3');
    expect(
      list
        .trim()
        .split('\n')
        .map((line) => line.split('|').slice(3).join('|').trim()),
    ).toEqual([
      'Temperature #0x30 | Upper Critical going high | Asserted',
      'System Event #0x03 | PEF Action | Asserted',
      'Power Unit #0x01 | Power off/down | Asserted',
    ]);
  });
});

describe('ipmi-pef-config', () => {
  test('gets back what it has set, whole', async () => {
    const file = join(folder, 'pef.conf');
    const checkedOut = await pefConfig('--checkout');
    writeFileSync(file, checkedOut);
    expect(checkedOut).not.toMatch(/unable|error|invalid/i);
    expect(checkedOut.match(/Section Event_Filter_/g)).toHaveLength(40);
    expect(checkedOut.match(/Section Alert_Policy_/g)).toHaveLength(16);
    expect(await pefConfig('--diff', `--filename=${file}`)).toBe('');

    const changed = readFileSync(file, 'utf8')
      .replace(/(Enable_PEF_Startup_Delay +)No/, '$1Yes')
      .replace(/(Startup_Delay +)60/, '$17')
      .replace(
        /(Section Alert_String_2[\s\S]*?Alert_String +)\n/,
        '$1call-the-night-watch-before-anybody-else\n',
      )
      .replace(/(Section Alert_Policy_3[\s\S]*?Policy_Type +)\S+/, '$1Do_Not_Proceed_Any_More_Entries')
      .replace(/(Section Alert_Policy_3[\s\S]*?Destination_Selector +)\d+/, '$14')
      .replace(/(Section Event_Filter_9\n[\s\S]*?Filter_Type +)\S+/, '$1Manufacturer_Pre_Configured')
      .replace(/(Section Event_Filter_9\n[\s\S]*?Event_Data2_AND_Mask +)\S+/, '$10x0F');
    writeFileSync(file, changed);
    await pefConfig('--commit', `--filename=${file}`);
    expect(await pefConfig('--diff', `--filename=${file}`)).toBe('');
    expect(await pefConfig('--checkout')).toBe(changed);
    const { settings } = server.bmc.pef;
    expect(settings).toMatchObject({ startupDelayEnabled: true, startupDelayS: 7 });
    expect(settings.strings[1]).toBe('call-the-night-watch-before-anybody-else');
    expect(settings.policies[2]).toMatchObject({ rule: 'stop-if-sent', destination: 4 });
    expect(settings.filters[8]).toMatchObject({ preconfigured: true, data: [{}, { mask: 0x0f }, {}] });
  });
});

describe('ipmitool pef', () => {
  test('lists filters and policies and switches them', async () => {
    expect(await ipmitool('pef', 'info')).toMatch(
      /0x51 \| 40 \| 16 \| [0-9a-f-]{36} \| Alert,Power-off,Reset,Power-cycle,Diagnostic-interrupt/,
    );
    expect(await ipmitool('pef', 'filter', 'list')).toMatch(
      / 1 \| enabled, configurable \| Temperature \| Any \| Critical \| Threshold \| .* \| Alert \| 1\n/,
    );
    await ipmitool('pef', 'filter', 'disable', '1');
    expect(await ipmitool('pef', 'filter', 'list')).toMatch(/ 1 \| disabled, configurable/);
    await ipmitool('pef', 'policy', 'enable', '2');
    expect(await ipmitool('pef', 'policy', 'list')).toMatch(
      / 2 \| 2 \| enabled \| Match-always \| 1 \| 802\.3 LAN \| PET/,
    );
  });

  test('shows how far events were processed', async () => {
    await ipmitool('event', '1');
    expect(await ipmitool('pef', 'status')).toMatch(/\| 0x0002 \| 0x0000 \| 0x0002 \| PEF \| Alert/);
  });
});
