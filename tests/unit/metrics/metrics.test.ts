/** `/metrics` and `/health` of the whole appliance over HTTPS, with a machine in memory. */
import { Agent, request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printHealth } from '../../../src/health.ts';
import { HealthFace } from '../../../src/health-face.ts';
import type { HttpRequest } from '../../../src/http/exchange.ts';
import { askForMetrics } from '../../../src/inject.ts';
import { metricDefinitions } from '../../../src/metrics/definitions.ts';
import { EventLoopLag } from '../../../src/metrics/event-loop-lag.ts';
import { exposition } from '../../../src/metrics/exposition.ts';
import { IpmiServer } from '../../support/ipmi-server.ts';
import { freeTcpPort, until } from '../../support/processes.ts';

let server: IpmiServer;
let port: number;
const agent = new Agent({ rejectUnauthorized: false, keepAlive: true });

beforeAll(async () => {
  port = await freeTcpPort();
  server = await IpmiServer.start({ REDFISH_PORT: String(port) });
});
afterAll(async () => {
  agent.destroy();
  await server.stop();
});

interface Reply {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

function ask(
  path: string,
  { as, method = 'GET', token }: { as?: string; method?: string; token?: string } = {},
) {
  return new Promise<Reply>((resolve, reject) => {
    const headers = {
      ...(as !== undefined && { authorization: `Basic ${Buffer.from(as).toString('base64')}` }),
      ...(token !== undefined && { 'x-auth-token': token }),
    };
    request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          type: response.headers['content-type'],
          headers: response.headers,
          text,
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

const admin = { as: 'admin:password' };

interface Parsed {
  readonly families: ReadonlyMap<string, string>;
  /** By name and labels as they stand. */
  readonly samples: ReadonlyMap<string, number>;
}

/** By the grammar of the format and by nothing of ours. @throws {Error} for a line that is none */
function parse(text: string): Parsed {
  const families = new Map<string, string>();
  const samples = new Map<string, number>();
  let current = '';
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\]|\\\\|\\n)*$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)$/.exec(line);
    if (help) {
      current = help[1] ?? '';
      if (families.has(current)) throw new Error(`${current} twice`);
      families.set(current, '');
    } else if (type) {
      if (type[1] !== current) throw new Error(`TYPE of ${type[1]} after HELP of ${current}`);
      families.set(current, type[2] ?? '');
    } else {
      const found =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*",?)+\})? (NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$/.exec(
          line,
        );
      if (found?.[1] !== current) throw new Error(`no sample of ${current}: ${line}`);
      const key = `${found[1]}${found[2] ?? ''}`;
      if (samples.has(key)) throw new Error(`${key} twice`);
      samples.set(key, Number(found[3]));
    }
  }
  return { families, samples };
}

const read = async () => parse((await ask('/metrics', admin)).text).samples;

describe('/metrics', () => {
  test('follows the grammar of the text format, each family once with its type', async () => {
    const { status, type, text } = await ask('/metrics', admin);
    expect({ status, type }).toEqual({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
    const { families } = parse(text);
    expect([...families]).toEqual(metricDefinitions.map(({ name, type: kind }) => [name, kind]));
  });

  test('names end in _total for counters alone, and labels are those that are documented', async () => {
    for (const { name, type } of metricDefinitions)
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    for (const key of (await read()).keys()) {
      const name = key.split('{')[0];
      const told = Object.keys(metricDefinitions.find((each) => each.name === name)?.labels ?? {});
      expect([key, [...key.matchAll(/([a-z_]+)="/g)].map(([, label]) => label)]).toEqual([key, told]);
    }
  });

  test('shows what clients do: commands, logins, refusals, answers, sessions', async () => {
    const before = await read();
    expect(
      (await server.ipmitool('lanplus', '-U', 'admin', '-P', 'password', 'raw', '0x06', '0x01')).code,
    ).toBe(0);
    await server.ipmitool('lanplus', '-U', 'nosuch', '-P', 'wrong', '-N', '1', '-R', '1', 'mc', 'info');
    expect((await ask('/redfish/v1/Systems')).status).toBe(401);
    const after = await read();
    const grown = (key: string) => (after.get(key) ?? 0) - (before.get(key) ?? 0);
    expect(grown('qemu_bmc_ipmi_lan_total{event="sessions_opened"}')).toBe(1);
    expect(grown('qemu_bmc_ipmi_lan_total{event="logins_refused"}')).toBeGreaterThan(0);
    expect(grown('qemu_bmc_ipmi_commands_total{face="lan",completion_code="0x00"}')).toBeGreaterThan(0);
    expect(grown('qemu_bmc_http_requests_total{face="/redfish",method="GET",code="401"}')).toBe(1);
    expect(grown('qemu_bmc_http_requests_total{face="/metrics",method="GET",code="200"}')).toBe(1);
    expect(after.get('qemu_bmc_sessions{face="ipmi"}')).toBe(0);
  });

  test('shows power, starts and sensors as they are', async () => {
    const { bmc } = server.appliance;
    const starts = 'qemu_bmc_machine_starts_total{cause="command"}';
    const before = (await read()).get(starts) ?? 0;
    bmc.power.request('off', { name: 'test', face: 'bmc' });
    await until('off', () => bmc.power.state === 'off');
    expect((await read()).get('qemu_bmc_power_state{state="off"}')).toBe(1);
    bmc.power.request('on', { name: 'test', face: 'bmc' });
    await until('on', () => bmc.power.state === 'on');
    bmc.sensors.override('cpuTemp', 91);
    const after = await read();
    expect(after.get('qemu_bmc_power_state{state="on"}')).toBe(1);
    expect(after.get(starts)).toBe(before + 1);
    expect(after.get('qemu_bmc_events_total{kind="power-on"}')).toBeGreaterThan(0);
    expect(after.get('qemu_bmc_sensor_temperature_celsius{sensor="CPU Temp"}')).toBe(91);
    expect(after.get('qemu_bmc_sensor_severity{sensor="CPU Temp"}')).toBeGreaterThan(0);
    expect(after.get('qemu_bmc_sel_entries')).toBe(bmc.sel.entries.length);
    bmc.sensors.release('cpuTemp');
  });

  test('is for users alone, by password or token, and only to be read', async () => {
    const nobody = await ask('/metrics');
    expect(nobody.status).toBe(401);
    expect(nobody.headers['www-authenticate']).toContain('Basic');
    expect(nobody.text).not.toContain('qemu_bmc');
    expect((await ask('/metrics', { as: 'admin:wrong' })).status).toBe(401);
    expect((await ask('/metrics', { token: 'x'.repeat(43) })).status).toBe(401);
    expect((await ask('/metrics', { ...admin, method: 'POST' })).status).toBe(405);
    expect((await ask('/metrics/more', admin)).status).toBe(404);
    expect((await ask('/metrics', { ...admin, method: 'HEAD' })).text).toBe('');
    const { users } = server.appliance.bmc;
    const { http } = server.appliance;
    const user = users.findByName('admin');
    if (!user || !http) throw new Error('no admin, no HTTP');
    const { token } = http.redfish.state.sessions.open(user, '127.0.0.1');
    expect((await ask('/metrics', { token })).status).toBe(200);
    users.update(user.id, { passwordChangeRequired: true }, { name: 'test', face: 'bmc' });
    expect((await ask('/metrics', admin)).status).toBe(403);
    users.update(user.id, { passwordChangeRequired: false }, { name: 'test', face: 'bmc' });
  });

  test('is also behind the admin socket, for the support bundle', async () => {
    const { families } = parse(await askForMetrics(server.loaded.config));
    expect(families.size).toBe(metricDefinitions.length);
  });
});

describe('health', () => {
  test('strangers learn one word', async () => {
    expect(await ask('/health/live')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await ask('/health/ready')).toMatchObject({ status: 200, text: 'ok\n' });
    expect((await ask('/health/ready', { method: 'POST' })).status).toBe(405);
    expect((await ask('/health')).status).toBe(404);
  });

  test('a BMC that starts or stops is live and not ready', async () => {
    let ready = false;
    const face = new HealthFace(() => ready);
    const statusOf = async (url: string) => (await face.handle({ method: 'GET', url } as HttpRequest)).status;
    expect([await statusOf('/health/live'), await statusOf('/health/ready')]).toEqual([200, 503]);
    ready = true;
    expect([await statusOf('/health/live'), await statusOf('/health/ready')]).toEqual([200, 200]);
  });

  test('the command asks IPMI and HTTPS, and says which of them does not answer', async () => {
    const { config } = server.loaded;
    expect(await printHealth(config)).toBe(0);
    const elsewhere = await freeTcpPort();
    expect(await printHealth({ ...config, redfish: { ...config.redfish, port: elsewhere } })).toBe(1);
    server.appliance.bmc.faults.set({ halfDead: true });
    expect(await printHealth(config)).toBe(1);
    server.appliance.bmc.faults.set({ halfDead: false });
  }, 20_000);
});

test('texts of any kind stay one line and within their quotes', () => {
  const nasty = 'a "b" \\ c\nd';
  const text = exposition([
    { name: 'x', type: 'gauge', help: 'first\nsecond \\', samples: [{ value: 1, labels: { l: nasty } }] },
    { name: 'y', type: 'gauge', help: 'limits', samples: [{ value: Number.POSITIVE_INFINITY }] },
  ]);
  expect(text).toBe(
    '# HELP x first\\nsecond \\\\\n# TYPE x gauge\nx{l="a \\"b\\" \\\\ c\\nd"} 1\n# HELP y limits\n# TYPE y gauge\ny +Inf\n',
  );
  expect(parse(text).samples.size).toBe(2);
});

test('a stall of the event loop is seen by its length', async () => {
  const lag = new EventLoopLag();
  try {
    await until('the timer runs', () => lag.read().max > 0 || lag.read().p50 >= 0, 1000);
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stall = performance.now();
    while (performance.now() - stall < 150);
    await until('it is seen', () => lag.read().max >= 0.12, 2000, 20);
    expect(lag.read().max).toBeLessThan((performance.now() - from) / 1000);
    expect(lag.read().p50).toBeLessThan(lag.read().max);
  } finally {
    lag.stop();
  }
});
