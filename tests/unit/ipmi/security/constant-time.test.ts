/** Secrets are compared by `sameSecret` alone, whose time does not depend on how much of them is right. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../../src/config/package-paths.ts';

const source = join(packageRoot, 'src');
/** What secrets are called here, alone or at the end of a name. */
const secret = String.raw`(?:\w*(?:[pP]assword|[pP]assword[hH]ash|[sS]ecret|[aA]uthCode|[cC]heckValue|[hH]mac|[tT]oken|[cC]ommunity|[mM]ac[kK]ey)|rakp[234]\w*|sik|k1|k2|kg)`;
/** What is known to everybody: that there is one, that it is empty, its length. */
const known = String.raw`(?:undefined|null|true|false|''|""|\d|'\w+')`;
const suspicious = [
  new RegExp(String.raw`\b${secret}(?:\([^()]*\))? [!=]==? (?!${known})`),
  new RegExp(String.raw`(?<!${known}) [!=]==? (?!${known})(?:[\w$?#]+\??\.)*#?${secret}\b(?![\w.]|\?\.)`),
  new RegExp(String.raw`(?:Buffer\.compare\(|\.equals\()[^;]*\b${secret}\b(?!\.length)`),
  new RegExp(String.raw`\b${secret}\.(?:equals|localeCompare)\(`),
  /\btimingSafeEqual\b/,
];

/** Lines that look like it and are not, with the reason. */
const allowed: Readonly<Record<string, string>> = {
  'lib/same-secret.ts': 'the one place that may call timingSafeEqual',
  'config/decide-credentials.ts': 'the owner’s own setting against the well-known default, at start',
  'redfish/sessions.ts':
    'a keyed hash of one’s own password with an earlier one: no outsider has a say in either',
};

function suspects(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
    .filter((line) => suspicious.some((pattern) => pattern.test(line)))
    .map((line) => line.trim());
}

test.each([
  'if (user.password === given) return;',
  'return token !== this.#token;',
  'if (Buffer.compare(expected, rakp3.authCode) === 0) {',
  'return user.password.equals(given);',
  'const right = expected.equals(checkValue);',
  'if (given == entry.sessionToken) {',
  'if (lan.kg === given) return;',
  'return timingSafeEqual(a, b);',
])('a comparison such as “%s” is found', (line) => {
  expect(suspects(line)).toEqual([line]);
});

test.each([
  'if (password === undefined) return;',
  "if (url.password !== '') refuse();",
  'if (password.length === 0) return;',
  'if (sameSecret(user.password, given)) return;',
])('“%s” gives nothing away', (line) => {
  expect(suspects(line)).toEqual([]);
});

test('no secret is compared in another way anywhere in the server', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('web/'),
  );
  expect(files.length).toBeGreaterThan(300);
  const found = files
    .map((file) => [file, suspects(readFileSync(join(source, file), 'utf8'))] as const)
    .filter(([, lines]) => lines.length > 0);
  const unexpected = found.filter(([file]) => !(file in allowed));
  expect(Object.fromEntries(unexpected)).toEqual({});
  // An exception that has become idle goes.
  expect(found.map(([file]) => file).sort()).toEqual(Object.keys(allowed).sort());
});
