/** Redfish as a client uses it, over TLS and a real socket, side by side with ipmitool. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { run, until } from '../support/processes.ts';

const json = (body: unknown) => ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)];
const basic = (name: string, password: string) => [
  '-H',
  `Authorization: Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
];
const admin = basic('admin', 'password');

describe('Redfish and IPMI of one BMC', () => {
  let server: BmcOnLan;
  beforeAll(async () => {
    server = await BmcOnLan.start({ redfish: true });
  });
  afterAll(() => server?.stop());

  const powerState = async () => (await server.curl('Systems/1')).body.PowerState;
  const reset = (type: string) =>
    server.curl('Systems/1/Actions/ComputerSystem.Reset', ...admin, ...json({ ResetType: type }));

  it('the root needs no login, everything else does', async () => {
    const root = await server.curl('', '-H', 'Accept: application/json');
    expect(root).toMatchObject({ status: 200, body: { Id: 'RootService', UUID: server.bmc.identity.uuid } });
    const refused = await server.curl('Systems/1', '-H', 'Accept: application/json');
    expect(refused.status).toBe(401);
    expect(refused.body.error['@Message.ExtendedInfo'][0].MessageId).toMatch(/^Base\..*NoValidSession$/);
  });

  it('what is no Redfish at all gets a message, too', async () => {
    const { body } = await server.curl('../../elsewhere', '--path-as-is', ...admin);
    expect(body.error['@Message.ExtendedInfo'][0].MessageId).toMatch(/^Base\./);
  });

  it('a machine powered on by Redfish is on for ipmitool, and the other way round', async () => {
    expect(await powerState()).toBe('Off');
    expect((await reset('On')).status).toBe(204);
    await until(
      'ipmitool sees it on',
      async () => (await server.ipmitool('power', 'status')).output.trim() === 'Chassis Power is on',
      5000,
    );
    expect((await server.ipmitool('power', 'off')).code).toBe(0);
    await until('Redfish sees it off', async () => (await powerState()) === 'Off', 5000);
  });

  it('a session of Redfish works by its token until it is deleted', async () => {
    const login = await server.curl(
      'SessionService/Sessions',
      '-i',
      ...json({ UserName: 'admin', Password: 'password' }),
    );
    expect(login.status).toBe(201);
    const token = /^x-auth-token: (\S+)/im.exec(login.text)?.[1] ?? '';
    const location = /^location: (\S+)/im.exec(login.text)?.[1] ?? '';
    expect(token).toMatch(/^[\w-]{43}$/);
    const withToken = ['-H', `X-Auth-Token: ${token}`];
    expect((await server.curl('Systems/1', ...withToken)).status).toBe(200);
    expect(
      (await server.curl(location.slice('/redfish/v1/'.length), ...withToken, '-X', 'DELETE')).status,
    ).toBe(204);
    expect((await server.curl('Systems/1', ...withToken)).status).toBe(401);
  });

  it('a user made by Redfish logs in by ipmitool; a new password counts on both faces within a second', async () => {
    const made = await server.curl(
      'AccountService/Accounts',
      ...admin,
      ...json({ UserName: 'guest', Password: 'first-secret', RoleId: 'Administrator' }),
    );
    expect(made.status).toBe(201);
    const byIpmi = (password: string) =>
      server.ipmitool('-U', 'guest', '-P', password, '-N', '1', '-R', '1', 'mc', 'info');
    const byRedfish = (password: string) => server.curl('Systems/1', ...basic('guest', password));
    expect((await byIpmi('first-secret')).code).toBe(0);
    expect((await byRedfish('first-secret')).status).toBe(200);

    const uri = String(made.body['@odata.id']).slice('/redfish/v1/'.length);
    const changed = await server.curl(uri, ...admin, '-X', 'PATCH', ...json({ Password: 'second-secret' }));
    expect(changed.status).toBe(200);
    // Asked as soon as the answer is here, well within the second that a change may take.
    const [ipmi, redfish] = await Promise.all([byIpmi('first-secret'), byRedfish('first-secret')]);
    expect(ipmi.code).not.toBe(0);
    expect(redfish.status).toBe(401);
    expect((await byIpmi('second-secret')).code).toBe(0);
    expect((await byRedfish('second-secret')).status).toBe(200);

    // And a password that IPMI sets counts for Redfish.
    const id = uri.slice(uri.lastIndexOf('/') + 1);
    expect((await server.ipmitool('user', 'set', 'password', id, 'third-secret', '16')).code).toBe(0);
    expect((await byRedfish('second-secret')).status).toBe(401);
    expect((await byRedfish('third-secret')).status).toBe(200);
  });

  it('the SEL is one log for both faces, and who cleared it stands in the audit log', async () => {
    expect((await server.ipmitool('event', '1')).code).toBe(0);
    const sel = await server.curl('Managers/1/LogServices/SEL/Entries');
    expect(sel.body.Members.at(-1)).toMatchObject({
      SensorType: 'Temperature',
      EntryCode: 'Upper Critical - going high',
    });
    const shown = await server.ipmitool('sel', 'elist');
    expect(shown.output).toContain('Upper Critical going high');
    expect(shown.output.trim().split('\n')).toHaveLength(sel.body['Members@odata.count']);
    const clear = await server.curl(
      'Systems/1/LogServices/SEL/Actions/LogService.ClearLog',
      ...admin,
      '-X',
      'POST',
    );
    expect(clear.status).toBe(204);
    // The clearing itself is the first record of the new log, as IPMI wants it.
    expect((await server.ipmitool('sel', 'info')).output).toMatch(/Entries +: [01]\n/);
    const audit = await server.curl('Managers/1/LogServices/AuditLog/Entries');
    const last = audit.body.Members.filter(({ Message }: { Message: string }) =>
      Message.includes('SEL cleared'),
    ).at(-1);
    expect(last).toMatchObject({ Username: 'admin', OriginatorType: 'Client' });
    expect(last.OriginAddress).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  });

  it('shows its own certificate, the same one to everybody', async () => {
    const port = server.http?.address.port;
    const prints = await Promise.all(
      [0, 1].map(async () => {
        const { stdout } = await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-showcerts']);
        const certificate = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0];
        expect(certificate).toBeDefined();
        return createHash('sha256').update(String(certificate)).digest('hex');
      }),
    );
    expect(prints[0]).toBe(prints[1]);
  });

  it('the stream of a reader that does not read is cut off', async () => {
    const url = `https://127.0.0.1:${server.http?.address.port}/redfish/v1/EventService/SSE`;
    const state = server.http?.redfish.state;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpsRequest(url, { rejectUnauthorized: false, auth: 'admin:password', agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    expect(state?.streams.count).toBe(1);
    await until(
      'it is given up',
      () => {
        for (let i = 0; i < 500; i++)
          state?.happenings.resource('changed', '/redfish/v1/Systems/1', 'ComputerSystem');
        return state?.streams.count === 0;
      },
      20_000,
      5,
    );
    const closed = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => undefined).resume();
    await closed;
    expect(response.complete).toBe(false);
  });

  it('a stream says what ipmitool does, goes on where it broke off, and ends with the server', async () => {
    const port = server.http?.address.port ?? 0;
    const open = (lastEventId?: string) => {
      const stream = { text: '', over: false, abort: () => undefined as unknown };
      const request = httpsRequest(`https://127.0.0.1:${port}/redfish/v1/EventService/SSE`, {
        rejectUnauthorized: false,
        auth: 'admin:password',
        headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
      });
      request.on('response', (response) => {
        response.setEncoding('utf8').on('data', (text: string) => {
          stream.text += text;
        });
        response.on('close', () => {
          stream.over = true;
        });
      });
      request.on('error', () => undefined).end();
      stream.abort = () => request.destroy();
      return stream;
    };
    const first = open();
    await until('the stream is open', () => first.text.includes(': connected'), 5000);
    await server.ipmitool('power', 'on');
    await until('it is told', () => first.text.includes('QemuBmc.1.0.PowerOn'), 5000);
    const id = [...first.text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1];
    first.abort();
    await until('the server knows', () => server.http?.redfish.state.streams.count === 0, 5000);
    await server.ipmitool('power', 'off');
    const again = open(id);
    await until('what came meanwhile is told', () => again.text.includes('QemuBmc.1.0.PowerOff'), 5000);
    expect(again.text).not.toContain('QemuBmc.1.0.PowerOn');
    await server.http?.stop();
    await until('it has ended', () => again.over, 5000);
  });
});

describe('the whole appliance', () => {
  let appliance: Appliance;
  beforeAll(async () => {
    appliance = await Appliance.start({ POWER_ON_AT_START: 'false' });
  });
  afterAll(async () => {
    await appliance?.stop();
    appliance?.clean();
  });

  const curl = async (path: string, ...options: string[]) => {
    const url = `https://127.0.0.1:${appliance.redfishPort}/redfish/v1/${path}`;
    const { code, stdout } = await run('curl', ['-sk', '-u', 'admin:password', ...options, url]);
    expect(code).toBe(0);
    return stdout === '' ? undefined : JSON.parse(stdout);
  };

  it('says where Redfish is, and QEMU is powered by it', async () => {
    await until('it has said it is ready', () => appliance.output.includes('qemu-bmc is ready'), 30_000);
    const url = `https://127.0.0.1:${appliance.redfishPort}/redfish/v1/`;
    expect(appliance.output).toContain(`curl -k -u admin:password ${url}Systems/1`);
    expect(await curl('Systems/1')).toMatchObject({ PowerState: 'Off' });
    await curl('Systems/1/Actions/ComputerSystem.Reset', ...json({ ResetType: 'On' }));
    await until('the machine is on', () => appliance.isOn(), 60_000);
    expect(await curl('Systems/1')).toMatchObject({ PowerState: 'On' });
    await appliance.ipmi('power', 'off');
    await until('Redfish sees it off', async () => (await curl('Systems/1')).PowerState === 'Off', 30_000);
  });
});
