/**
 * Secrets are planted wherever the appliance takes one, and where a careless user puts one. Then everything that leaves
 * it is searched: the support bundle, the log at its most talkative, what is served and what is refused.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askForMetrics } from '../../../src/inject.ts';
import { writeBundle } from '../../../src/support/bundle.ts';
import { Redaction } from '../../../src/support/redaction.ts';
import { IpmiServer } from '../../support/ipmi-server.ts';
import { freeTcpPort, run } from '../../support/processes.ts';

/** What must never be seen again, by where it is put. At most 16 bytes where IPMI 1.5 is to take it. */
const secrets = {
  configured: 'Planted-Cfg-0001',
  kg: 'Planted-Kg-00002',
  account: 'Planted-Acc-0003',
  changed: 'Planted-Chg-0004',
  ipmi: 'Planted-Ipmi-005',
  community: 'PlantedCommty006',
  media: 'Planted-Media-07',
  mediaUrl: 'Planted-Url-0008',
  header: 'Planted-Hdr-0009',
  subscription: 'Planted-Sub-0010',
  wrong: 'Planted-Bad-0011',
  extra: 'Planted-Arg-0012',
} as const;

const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-bundle-'));
const agent = new Agent({ rejectUnauthorized: false });
let server: IpmiServer;
let port: number;
let said = '';
/** Tokens that were given out. */
const tokens: string[] = [];
/** All answers, with their headers. */
let answers = '';

function ask(
  method: string,
  path: string,
  { body, as = `admin:${secrets.configured}` }: { body?: unknown; as?: string } = {},
) {
  return new Promise<{ status: number | undefined; token: string | undefined }>((resolve, reject) => {
    const headers = {
      ...(as !== '' && { authorization: `Basic ${Buffer.from(as).toString('base64')}` }),
      'content-type': 'application/json',
    };
    request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      const { 'x-auth-token': token, ...others } = response.headers;
      answers += `${JSON.stringify(others)}\n`;
      response.setEncoding('utf8').on('data', (part: string) => {
        answers += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, token: token as string | undefined }));
    })
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}

beforeAll(async () => {
  port = await freeTcpPort();
  const log = pino({ level: 'trace', base: null }, { write: (line: string) => (said += line) });
  server = await IpmiServer.start(
    {
      REDFISH_PORT: String(port),
      IPMI_PASS: secrets.configured,
      IPMI_KG: secrets.kg,
      BMC_PROFILE: 'lab',
    },
    undefined,
    log,
  );
  const v1 = '/redfish/v1';
  const made = async (expected: number, ...rest: Parameters<typeof ask>) => {
    const { status, token } = await ask(...rest);
    expect([rest[1], status]).toEqual([rest[1], expected]);
    if (token !== undefined) tokens.push(token);
  };
  await made(201, 'POST', `${v1}/AccountService/Accounts`, {
    body: { UserName: 'second', Password: secrets.account, RoleId: 'Operator' },
  });
  await made(201, 'POST', `${v1}/SessionService/Sessions`, {
    as: '',
    body: { UserName: 'second', Password: secrets.account },
  });
  await made(200, 'PATCH', `${v1}/AccountService/Accounts/3`, { body: { Password: secrets.changed } });
  await made(201, 'POST', `${v1}/SessionService/Sessions`, {
    as: '',
    body: { UserName: 'second', Password: secrets.changed },
  });
  await made(401, 'GET', `${v1}/Systems`, { as: `second:${secrets.wrong}` });
  await made(400, 'POST', `${v1}/AccountService/Accounts`, {
    body: { UserName: 'third', Password: secrets.wrong.repeat(8), RoleId: 'None' },
  });
  await made(201, 'POST', `${v1}/EventService/Subscriptions`, {
    body: {
      Destination: `https://192.0.2.7:9/${secrets.subscription}?key=${secrets.subscription}`,
      Protocol: 'Redfish',
      HttpHeaders: [{ Authorization: `Bearer ${secrets.header}` }],
    },
  });
  const insert = (Image: string, more: object) =>
    ask('POST', `${v1}/Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia`, {
      body: { Image, ...more },
    });
  await insert('https://127.0.0.1:9/a.iso', { UserName: 'someone', Password: secrets.media });
  await insert(`https://someone:${secrets.mediaUrl}@127.0.0.1:9/a.iso?token=${secrets.mediaUrl}`, {});
  const admin = ['-U', 'admin', '-P', secrets.configured, '-y', Buffer.from(secrets.kg).toString('hex')];
  const tool = async (...args: string[]) => {
    const { code, output } = await server.ipmitool('lanplus', ...admin, ...args);
    expect([args[0], code, output]).toEqual([args[0], 0, expect.anything()]);
  };
  await tool('user', 'set', 'name', '5', 'third');
  await tool('user', 'set', 'password', '5', secrets.ipmi, '16');
  await tool('lan', 'set', '1', 'snmp', secrets.community);
  // As a run would leave them.
  const { stateDir, runDir } = server.loaded.config.bmc;
  mkdirSync(join(stateDir, 'log'), { recursive: true });
  writeFileSync(join(stateDir, 'log/appliance.log'), `${said}careless: ${secrets.changed} ${secrets.ipmi}\n`);
  writeFileSync(
    join(runDir, 'qemu.args'),
    [
      '-object',
      `secret,id=s,data=${secrets.configured}`,
      '-drive',
      `file=https://u:${secrets.extra}@h/x`,
      '-m',
      '512',
    ].join('\0'),
  );
  writeFileSync(join(runDir, 'config.json'), JSON.stringify(server.loaded.config));
}, 60_000);

afterAll(async () => {
  agent.destroy();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** In clear, and as state and wire write them. */
function secretsSeenIn(text: string): string[] {
  const { value } = JSON.parse(readFileSync(server.file('state/tls.json'), 'utf8')) as {
    value: { key: string };
  };
  const key = value.key.split('\n').filter((line) => line.length > 30 && !line.includes('KEY'));
  expect(key.length).toBeGreaterThan(0);
  const forms = [...Object.values(secrets), ...tokens].flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(`admin:${secret}`).toString('base64').replace(/=+$/, ''),
  ]);
  return [...forms, ...key].filter((form) => text.includes(form));
}

test('the search finds what is there', () => {
  expect(secretsSeenIn(`x ${secrets.kg} y`)).toEqual([secrets.kg]);
  expect(tokens.length).toBe(2);
  expect(secretsSeenIn(tokens.join())).toEqual(tokens);
});

describe('the support bundle', () => {
  test('holds what is needed and no secret, in a file that only its owner can read', async () => {
    const file = join(folder, 'bundle.tar.gz');
    await writeBundle(server.loaded, file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { stdout: list } = await run('tar', ['-tzf', file]);
    const names = list
      .trim()
      .split('\n')
      .filter((name) => !name.endsWith('/'))
      .map((name) => name.replace(/^[^/]*\//, ''));
    expect(names).toEqual(
      expect.arrayContaining([
        'README.txt',
        'versions.txt',
        'configuration.yaml',
        'status.txt',
        'metrics.txt',
        'state/files.txt',
        'state/events.jsonl',
        'state/power.json',
        'run/status.json',
        'run/qemu.args',
        'log/appliance.log',
      ]),
    );
    expect(names).not.toContain('state/users.json');
    expect(names).not.toContain('run/config.json');
    const { stdout: all } = await run('tar', ['-xzOf', file]);
    expect(secretsSeenIn(all)).toEqual([]);
    // It is still of use.
    expect(all).toContain('-m\n512');
    expect(all).toContain('qemu_bmc_power_state{state="on"} 1');
    expect(all).toContain('careless: (secret) (secret)');
    expect(all).toMatch(/^node {5}v/m);
    expect(all).toContain('users.json');
  });

  test('never takes the place of a file, and leaves nothing behind when it cannot be written', async () => {
    const file = join(folder, 'there');
    writeFileSync(file, 'mine');
    await expect(writeBundle(server.loaded, file)).rejects.toThrow('is there already');
    expect(readFileSync(file, 'utf8')).toBe('mine');
    await expect(writeBundle(server.loaded, join(folder, 'no/such/folder'))).rejects.toThrow('ENOENT');
  });
});

describe('no secret is in', () => {
  test('the log at level trace', () => {
    expect(said.length).toBeGreaterThan(1000);
    expect(secretsSeenIn(said)).toEqual([]);
  });

  test('the event log, its changes included', () => {
    const text = JSON.stringify(server.appliance.bmc.events.list());
    expect(text).toContain('community');
    expect(secretsSeenIn(text)).toEqual([]);
  });

  test('any answer of Redfish, refusals included', async () => {
    const seen = new Set<string>();
    const queue = ['/redfish/v1/'];
    for (let uri = queue.shift(); uri !== undefined; uri = queue.shift()) {
      if (seen.has(uri) || /JsonSchemas|Registries|SSE|\/SEL\/Entries\/|\$metadata/.test(uri)) continue;
      seen.add(uri);
      const before = answers.length;
      await ask('GET', uri);
      for (const [, next] of answers.slice(before).matchAll(/"@odata\.id":"([^"#]+)"/g))
        if (next) queue.push(next);
    }
    expect(seen.size).toBeGreaterThan(60);
    // A destination is what its owner has to see again.
    const shown = answers.replaceAll(/https:\/\/192\.0\.2\.7[^"]*/g, '');
    expect(secretsSeenIn(shown)).toEqual([]);
  }, 60_000);

  test('the exported configuration, the metrics and the status', async () => {
    const { bmc } = server.appliance;
    const texts = [
      JSON.stringify(bmc.configuration.export()),
      await askForMetrics(server.loaded.config),
      readFileSync(join(server.loaded.config.bmc.runDir, 'status.json'), 'utf8'),
    ];
    expect(secretsSeenIn(texts.join('\n'))).toEqual([]);
  });
});

test('secrets nobody knows of are found by where they stand', () => {
  const redaction = new Redaction([]);
  const told = redaction.text(
    [
      'https://u:pw-in-url@host/path?sig=query-part',
      'Authorization: Basic Zm9vOmJhcg==',
      '{"password":"in-json","other":1}',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
      'community=priv-community,x=1',
    ].join('\n'),
  );
  for (const secret of ['pw-in-url', 'query-part', 'Zm9v', 'in-json', 'AAAA', 'priv-community']) {
    expect(told).not.toContain(secret);
  }
  expect(told).toContain('https://(secret)@host/path?(secret)');
  expect(told).toContain('"other":1');
  expect(told).toContain(',x=1');
});
