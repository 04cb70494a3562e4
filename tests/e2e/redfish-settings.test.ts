/** Settings that Redfish and IPMI share, set by curl and read by ipmitool, and the other way round. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../src/http/certificate.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { run } from '../support/processes.ts';

let server: BmcOnLan;
beforeEach(async () => {
  server = await BmcOnLan.start({ redfish: true });
});
afterEach(() => server.stop());

const json = (method: string, body: unknown) => [
  '-X',
  method,
  '--json',
  JSON.stringify(body),
  '-u',
  'admin:password',
];
const patch = (path: string, body: unknown) => server.curl(path, ...json('PATCH', body));
const lines = (output: string) => output.trim().split(/\s+/).join(' ');

describe('what Redfish and ipmitool both know', () => {
  it('the lock-out of accounts is LAN parameter 26, to the byte', async () => {
    const set = await patch('AccountService', {
      AccountLockoutThreshold: 3,
      AccountLockoutDuration: 600,
      AccountLockoutCounterResetAfter: 300,
    });
    expect(set.status).toBe(200);
    // Revision, no event, 3 tries, 30 tens of seconds, 60 tens of seconds.
    const read = await server.ipmitool('raw', '0x0c', '0x02', '1', '26', '0', '0');
    expect(lines(read.output)).toBe('11 00 03 1e 00 3c 00');
    const write = await server.ipmitool(
      ...['raw', '0x0c', '0x01', '1', '26', '0x00', '0x05', '0x06', '0x00', '0x0c', '0x00'],
    );
    expect(write.code, write.output).toBe(0);
    expect((await server.curl('AccountService')).body).toMatchObject({
      AccountLockoutThreshold: 5,
      AccountLockoutDuration: 120,
      AccountLockoutCounterResetAfter: 60,
      AccountLockoutCounterResetEnabled: true,
    });
  });

  it('the manager’s clock is the SEL’s', async () => {
    expect((await patch('Managers/1', { DateTime: '2030-01-02T03:04:05Z' })).status).toBe(200);
    const { output } = await server.ipmitool('raw', '0x0a', '0x48');
    const seconds = Buffer.from(lines(output).split(' ').join(''), 'hex').readUInt32LE();
    expect(seconds - Date.UTC(2030, 0, 2, 3, 4, 5) / 1000).toBeGreaterThanOrEqual(0);
    expect(seconds - Date.UTC(2030, 0, 2, 3, 4, 5) / 1000).toBeLessThan(60);
    await server.ipmitool('raw', '0x0a', '0x49', '0x00', '0x00', '0x00', '0x7f');
    const { DateTime: shown } = (await server.curl('Managers/1')).body;
    expect(Date.parse(shown) / 1000 - 0x7f000000).toBeLessThan(60);
  });

  it('IPMI over LAN is closed and opened again by NetworkProtocol', async () => {
    expect((await server.ipmitool('mc', 'info')).code).toBe(0);
    await patch('Managers/1/NetworkProtocol', { IPMI: { ProtocolEnabled: false } });
    expect((await server.ipmitool('-R', '1', '-N', '1', 'mc', 'info')).code).not.toBe(0);
    await patch('Managers/1/NetworkProtocol', { IPMI: { ProtocolEnabled: true } });
    expect((await server.ipmitool('mc', 'info')).code).toBe(0);
  });

  it('the serial console is switched off for sol info as well', async () => {
    const enabled = async () =>
      /Enabled\s*:\s*(\w+)/.exec((await server.ipmitool('sol', 'info', '1')).output)?.[1];
    expect(await enabled()).toBe('true');
    await patch('Managers/1/SerialInterfaces/1', { InterfaceEnabled: false });
    expect(await enabled()).toBe('false');
  });

  it('JSON is taken from curl as it sends it when nobody tells it a type', async () => {
    const options = ['-X', 'PATCH', '-d', '{"AssetTag":"rack 7"}', '-u', 'admin:password'];
    expect((await server.curl('Systems/1', ...options)).status).toBe(200);
    expect((await server.ipmitool('dcmi', 'asset_tag')).output).toContain('rack 7');
  });

  it('a certificate that is replaced is shown to the next client, and IPMI goes on', async () => {
    const fingerprint = async () => {
      const { body } = await server.curl('Managers/1/NetworkProtocol/HTTPS/Certificates/1');
      return body.Fingerprint;
    };
    const before = await fingerprint();
    const { certificate, key } = await makeSelfSigned({
      subject: { commonName: 'localhost' },
      names: ['localhost', '127.0.0.1'],
      now: Date.now(),
      random: systemRandom(),
    });
    const replaced = await server.curl(
      'CertificateService/Actions/CertificateService.ReplaceCertificate',
      ...json('POST', {
        CertificateString: `${certificate}${key}`,
        CertificateType: 'PEM',
        CertificateUri: { '@odata.id': '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates/1' },
      }),
    );
    expect(replaced.status).toBe(204);
    // Without -k: curl itself checks the new certificate, as the authority that it is.
    const authority = server.file('ca.pem');
    writeFileSync(authority, certificate);
    const { port } = server.http?.address ?? {};
    const seen = await run('curl', ['-s', '--cacert', authority, `https://127.0.0.1:${port}/redfish`]);
    expect(seen.stdout).toContain('/redfish/v1/');
    expect(await fingerprint()).not.toBe(before);
    expect((await server.ipmitool('mc', 'info')).code).toBe(0);
  });

  it('a reset to defaults takes a new user away from ipmitool, and leaves the machine alone', async () => {
    const made = await server.curl(
      'AccountService/Accounts',
      ...json('POST', { UserName: 'eve', Password: 'secret', RoleId: 'Operator' }),
    );
    expect(made.status).toBe(201);
    expect((await server.ipmitool('user', 'list', '1')).output).toContain('eve');
    const { state } = server.bmc.power;
    const reset = await server.curl(
      'Managers/1/Actions/Manager.ResetToDefaults',
      ...json('POST', { ResetType: 'PreserveNetwork' }),
    );
    expect(reset.status).toBe(204);
    expect((await server.ipmitool('user', 'list', '1')).output).not.toContain('eve');
    expect(server.bmc.power.state).toBe(state);
  });
});
