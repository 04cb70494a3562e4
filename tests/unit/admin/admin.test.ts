/** Fault injection: over the admin socket as the command line does it, and what clients then see. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import { injections } from '../../../src/admin/injections.ts';
import type { Config } from '../../../src/config/config.ts';
import { runFiles } from '../../../src/config/run-files.ts';
import { inject, injectionHelp } from '../../../src/inject.ts';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { InBandBench } from '../../support/in-band-bench.ts';
import { LanBench } from '../../support/lan-bench.ts';

const [chassis, app] = [0, 6];
let dir: string;
let bench: InBandBench;
let server: AdminServer;
const tell = (kind: string, ...pairs: string[]) => inject({ bmc: { runDir: dir } } as Config, kind, pairs);
const list = async () => JSON.parse(await tell('list'));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-admin-'));
  bench = await InBandBench.started();
  server = new AdminServer(
    { bmc: bench.bmc, commands: ipmiCommands, metrics: { text: async () => 'qemu_bmc_up 1\n' } },
    runFiles(dir).admin,
  );
  await server.start();
});

afterEach(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('only the owner may open the socket', () => {
  expect(statSync(runFiles(dir).admin).mode & 0o777).toBe(0o600);
});

test('a sensor shows what it is told, and the truth again', async () => {
  await tell('sensor', 'key=cpuTemp', 'reading=91');
  expect(bench.bmc.sensors.analog('cpuTemp').reading).toBe(91);
  expect((await list()).sensors).toMatchObject({ cpuTemp: 91, fan1: null });
  await tell('sensor', 'key=cpuTemp');
  expect((await list()).sensors.cpuTemp).toBeNull();
  await tell('sensor', 'key=chassisIntrusion', 'states=intrusion');
  expect([...(bench.bmc.sensors.discrete('chassisIntrusion').states ?? [])]).toEqual(['intrusion']);
  await expect(tell('sensor', 'key=nothing', 'reading=1')).rejects.toThrow('nothing');
  await expect(tell('sensor', 'key=cpuTemp', 'reading=hot')).rejects.toThrow('must be number');
});

test('an event goes into the SEL as its sensor would send it', async () => {
  const before = bench.bmc.sel.entries.length;
  await tell(
    'sel',
    'sensorType=0x07',
    'sensorNumber=0x10',
    'eventType=0x6f',
    'data=1,0xff,0xff',
    'asserted=false',
  );
  expect(bench.bmc.sel.entries.length - before).toBe(1);
  expect(bench.bmc.sel.entries.at(-1)?.content).toMatchObject({
    sensorType: 7,
    sensorNumber: 0x10,
    eventType: 0x6f,
    asserted: false,
    data: [1, 0xff, 0xff],
  });
});

test('a command is refused by its name with any code, until that is ended', async () => {
  await tell('completion-code', 'command=get chassis status', 'code=0xc0');
  expect(bench.guest.command(chassis, 0x01)).toEqual([0xc0]);
  expect(bench.guest.command(app, 0x04)[0]).toBe(0);
  expect((await list()).refusals).toEqual({ 'Get Chassis Status': 0xc0 });
  await tell('completion-code', 'command=Get Chassis Status', 'code=0');
  expect(bench.guest.command(chassis, 0x01)[0]).toBe(0);
  await expect(tell('completion-code', 'command=Get Lost', 'code=1')).rejects.toThrow('Get Lost');
});

test('stuck power is accepted, fails and is told; cleared it works', async () => {
  await tell('power-stuck');
  expect(bench.guest.command(chassis, 0x02, 0)).toEqual([0]);
  await bench.settle();
  expect(bench.machine.running).toBe(true);
  expect(bench.bmc.events.list().at(-1)).toMatchObject({ kind: 'power-failed' });
  await tell('clear');
  bench.guest.command(chassis, 0x02, 0);
  await bench.settle();
  expect(bench.machine.running).toBe(false);
});

test('a button is pressed, unless it is disabled', async () => {
  await tell('press', 'button=power');
  await bench.settle();
  expect(bench.machine.counts.powerButtonPresses).toBe(1);
  bench.guest.command(chassis, 0x0a, 0x01);
  await expect(tell('press', 'button=power')).rejects.toThrow('the power button is disabled');
});

test('clear ends everything', async () => {
  await tell('half-dead');
  await tell('reply-delay', 'ms=100');
  await tell('reply-drop', 'percent=50');
  await tell('sensor', 'key=fan1', 'reading=0');
  expect(await list()).toMatchObject({
    halfDead: true,
    replyDelayMs: 100,
    replyDropPercent: 50,
    sensors: { fan1: 0 },
  });
  await tell('clear');
  expect(await list()).toMatchObject({
    halfDead: false,
    replyDelayMs: 0,
    replyDropPercent: 0,
    sensors: { fan1: null },
  });
});

describe('what is asked wrongly is told', () => {
  test.each([
    ['an unknown kind', ['nonsense'], 'expected list, clear or one of'],
    ['an unknown name', ['reply-delay', 'percent=3'], 'one of ms'],
    ['no value', ['reply-delay'], 'ms'],
    ['a value out of range', ['reply-drop', 'percent=101'], '100'],
  ])('%s', async (_what, [kind = '', ...pairs], message) => {
    await expect(tell(kind, ...pairs)).rejects.toThrow(message);
  });

  test.each([
    ['GET', '/', '', 404],
    ['GET', '/inject/sensor', '', 405],
    ['POST', '/inject/toString', '{}', 404],
    ['POST', '/inject/power-stuck', '{', 400],
    ['POST', '/inject/power-stuck', '{"on":1}', 400],
    ['POST', '/inject/power-stuck', `{"x":"${'x'.repeat(20_000)}"}`, 413],
  ])('%s %s %s is %i', async (method, path, body, status) => {
    const got = await new Promise<number | undefined>((resolve, reject) => {
      const sent = request({ socketPath: runFiles(dir).admin, method, path }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject);
      sent.end(body);
    });
    expect(got).toBe(status);
    expect(bench.bmc.faults.current.powerStuck).toBe(false);
  });

  test('a BMC that does not run', async () => {
    await server.stop();
    await expect(tell('list')).rejects.toThrow('the BMC is not running');
  });

  test('the help names every kind with what it takes', () => {
    for (const kind of Object.keys(injections)) expect(injectionHelp()).toContain(`  ${kind} `);
    expect(injectionHelp()).toContain('reply-delay ms=…');
  });
});

describe('on the LAN', () => {
  const ping = Uint8Array.of(6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 1, 0, 0);

  test('a half-dead BMC answers pings and nothing else', () => {
    const lan = new LanBench();
    lan.bmc.faults.set({ halfDead: true });
    expect(lan.from()(ping)).toHaveLength(1);
    expect(lan.client().login()).toBe('open: silence');
    lan.bmc.faults.clear();
    expect(lan.client().login()).toBe('ok');
  });

  test('replies come later, or get lost, as often as asked', () => {
    const lan = new LanBench();
    lan.bmc.faults.set({ replyDelayMs: 700 });
    expect(lan.from()(ping)).toHaveLength(0);
    lan.clock.advance(699);
    expect(lan.sent).toHaveLength(0);
    lan.clock.advance(1);
    expect(lan.sent).toHaveLength(1);
    lan.bmc.faults.set({ replyDelayMs: 0, replyDropPercent: 100 });
    expect(lan.from()(ping)).toHaveLength(0);
    lan.bmc.faults.set({ replyDropPercent: 25 });
    const arrived = Array.from({ length: 1000 }, () => lan.from()(ping).length).filter(
      (count) => count === 1,
    );
    expect(arrived.length).toBeGreaterThan(650);
    expect(arrived.length).toBeLessThan(850);
  });
});
