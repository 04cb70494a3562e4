/** Decides on what is secret: the users' passwords, the BMC key, and the TLS certificate with its key. */
import { readFileSync } from 'node:fs';
import { checkKeyPair } from '../http/certificate-check.ts';
import type { ConfigUser } from './config.ts';
import { attempt, codeOf, type Problems, show } from './problems.ts';
import type { Settings } from './schema.ts';

const defaultPassword = 'password';
/** In profile `strict`, whether the configuration sets a password or a client. */
export const strictPasswordLength = 12;

export function decideUser(
  user: Settings['ipmi']['users'][number],
  index: number,
  profile: string,
  problems: Problems,
): ConfigUser {
  const path = `ipmi.users.${index}`;
  let password = user.password;
  let at = `${path}.password`;
  if (user.passwordFile !== undefined) {
    if (password !== undefined) problems.say(at, 'passwordFile is given, too: give one of them');
    at = `${path}.passwordFile`;
    password = undefined;
    try {
      password = readFileSync(user.passwordFile, 'utf8').split(/\r?\n/, 1)[0] ?? '';
    } catch (error) {
      problems.add(at, 'a file that can be read', `${show(user.passwordFile)} (${codeOf(error)})`);
    }
  } else if (password === undefined) problems.say(at, 'a password or a passwordFile is needed');
  if (password !== undefined) {
    const length = Buffer.byteLength(password);
    if (length < 1 || length > 20)
      problems.add(at, 'a password of 1 to 20 bytes', `${length} bytes (hidden)`);
    else if (password.includes('\0')) problems.add(at, 'a password without NUL', 'one with it (hidden)');
    else if (profile === 'strict' && (password === defaultPassword || length < strictPasswordLength)) {
      problems.say(
        at,
        `profile strict wants a password of at least ${strictPasswordLength} characters: set IPMI_PASS or IPMI_PASS_FILE`,
      );
    }
  }
  return {
    name: user.name,
    password: password ?? '',
    wellKnownPassword: password === defaultPassword,
    limit: user.privilege,
    enabled: user.enabled,
    sol: user.sol,
  };
}

export function decideKg(kg: string, problems: Problems): string | undefined {
  const hex = kg.startsWith('0x') ? kg.slice(2) : Buffer.from(kg).toString('hex');
  if (/^([0-9a-fA-F]{2}){1,20}$/.test(hex)) return hex.toLowerCase();
  problems.add(
    'ipmi.kg',
    'text of up to 20 bytes, or 0x and up to 40 hexadecimal digits in pairs',
    `${Buffer.byteLength(kg)} bytes (hidden)`,
  );
  return undefined;
}

export function checkTls({ tlsCert, tlsKey }: Settings['redfish'], problems: Problems): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const [have, lack] = tlsCert === undefined ? ['tlsKey', 'TLS_CERT'] : ['tlsCert', 'TLS_KEY'];
    problems.say(`redfish.${have}`, `${lack} is needed, too`);
    return;
  }
  if (tlsCert === undefined || tlsKey === undefined) return;
  const read = (at: string, path: string) => {
    const text = attempt(() => readFileSync(path, 'utf8'));
    if (!(text instanceof Error)) return text;
    problems.add(at, 'a file that can be read', `${show(path)} (${codeOf(text)})`);
    return undefined;
  };
  const certificate = read('redfish.tlsCert', tlsCert);
  const key = read('redfish.tlsKey', tlsKey);
  if (certificate === undefined || key === undefined) return;
  const wrong = attempt(() => checkKeyPair({ certificate, key }));
  if (wrong instanceof Error)
    problems.say('redfish.tlsCert', `${wrong.message} (redfish.tlsKey: ${show(tlsKey)})`);
}
