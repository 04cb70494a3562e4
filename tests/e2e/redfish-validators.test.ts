/**
 * DMTF's own validators against the appliance with QEMU. They are not ours to carry: REDFISH_VALIDATORS names a directory
 * with checkouts of Redfish-Service-Validator and Redfish-Protocol-Validator, in folders of these names, and `python`,
 * where the Python packages are that Debian lacks (redfish, redfish_utilities, sseclient, aenum). Debian's own:
 * python3-requests, python3-colorama, python3-openpyxl, python3-xlsxwriter, python3-pyasn1, python3-pyasn1-modules.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { run, until } from '../support/processes.ts';

const validators = process.env.REDFISH_VALIDATORS;
const csdl = fileURLToPath(new URL('../../../shared/redfish-schemas/csdl', import.meta.url));
const reason =
  validators === undefined
    ? ' (skipped: REDFISH_VALIDATORS names no directory)'
    : existsSync(csdl)
      ? ''
      : ' (skipped: the CSDL files of DMTF’s schemas are not here)';

describe.skipIf(reason !== '')(`DMTF’s validators find no failure${reason}`, () => {
  let appliance: Appliance;
  let url: string;
  beforeAll(async () => {
    appliance = await Appliance.start();
    url = `https://127.0.0.1:${appliance.redfishPort}`;
    await until('the machine is on', () => appliance.isOn());
  });
  afterAll(async () => {
    await appliance?.stop();
    appliance?.clean();
  });

  /** @returns all that it said; it ends with another code than 0 when something fails */
  async function validate(name: string, program: string, ...options: string[]): Promise<string> {
    const cwd = join(validators ?? '', name);
    // A bundle of authorities in the environment would come before what the validator is told.
    const { REQUESTS_CA_BUNDLE: _, CURL_CA_BUNDLE: __, ...outer } = process.env;
    const env = { ...outer, LC_ALL: 'C.UTF-8', PYTHONPATH: join(validators ?? '', 'python') };
    const login = ['-u', 'admin', '-p', 'password', '-r', url];
    const finished = await run('/usr/bin/python3', [program, ...login, ...options], {
      cwd,
      env,
      timeoutMs: 900_000,
    });
    const said = finished.stdout + finished.stderr;
    expect(finished.code, said.slice(-4000)).toBe(0);
    return said;
  }

  it('in the resources', async () => {
    const schemas = join(appliance.folder, 'schemas');
    mkdirSync(schemas);
    for (const file of readdirSync(csdl)) copyFileSync(join(csdl, file), join(schemas, file));
    // Ours, as $metadata leads to them.
    const { stdout: metadata } = await run('curl', ['-sk', `${url}/redfish/v1/$metadata`]);
    const own = [...metadata.matchAll(/Uri="(\/redfish\/v1\/Schemas\/(\w+\.xml))"/g)];
    expect(own.length).toBeGreaterThan(1);
    for (const [, path, file] of own)
      await run('curl', ['-sk', '-o', join(schemas, String(file)), url + path]);
    const said = await validate(
      'Redfish-Service-Validator',
      'RedfishServiceValidator.py',
      ...['--schema_directory', schemas, '--skipschema', '--logdir', join(appliance.folder, 'logs')],
    );
    const [, passed, warned, failed] = /\| +(\d+) +\| +(\d+) +\| +(\d+) +\| +\d+ +\|/.exec(said) ?? [];
    process.stdout.write(`${passed} passed, ${warned} warnings, ${failed} failed\n`);
    expect(Number(passed)).toBeGreaterThan(5000);
    expect(failed).toBe('0');
  }, 950_000);

  it('in the protocol', async () => {
    const { stdout } = await run('openssl', ['s_client', '-connect', new URL(url).host, '-showcerts']);
    const authority = join(appliance.folder, 'authority.pem');
    writeFileSync(authority, /-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n/.exec(stdout)?.[0] ?? '');
    expect(readFileSync(authority, 'utf8')).not.toBe('');
    const reports = join(appliance.folder, 'reports');
    const options = [
      '--ca-bundle',
      authority,
      '--avoid-http-redirect',
      '--report-dir',
      reports,
      '--report-type',
      'tsv',
    ];
    const said = await validate('Redfish-Protocol-Validator', 'rf_protocol_validator.py', ...options);
    expect(said).toMatch(/PASS: 3\d\d, WARN: 0, FAIL: 0/);
  }, 950_000);
});
