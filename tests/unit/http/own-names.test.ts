import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { describeCertificates } from '../../../src/http/certificate-check.ts';
import { ownNames } from '../../../src/http/own-names.ts';
import { systemRandom } from '../../../src/lib/random.ts';

const host = {
  hostname: 'bmc1',
  addresses: ['127.0.0.1', '192.0.2.7', '::1', '2001:db8::7', 'fe80::1', 'fe80::2%eth0'],
};

describe('the names of a server', () => {
  it.each([
    [['192.0.2.7'], ['bmc1', 'localhost', '192.0.2.7']],
    [['0.0.0.0'], ['bmc1', 'localhost', '127.0.0.1', '192.0.2.7']],
    [['::'], ['bmc1', 'localhost', '127.0.0.1', '192.0.2.7', '::1', '2001:db8::7']],
    [
      ['127.0.0.1', '::1', '127.0.0.1'],
      ['bmc1', 'localhost', '127.0.0.1', '::1'],
    ],
  ])('that listens on %j are those it can be reached by, each once', (listening, names) => {
    expect(ownNames(listening, host)).toEqual(names);
  });

  it('leave out a host name that no certificate can name', () => {
    for (const odd of ['', 'a b', 'ü', 'localhost', 'x'.repeat(65)]) {
      expect(ownNames(['192.0.2.7'], { ...host, hostname: odd })).toEqual(['localhost', '192.0.2.7']);
    }
  });

  it('of this machine make a certificate', async () => {
    const names = ownNames(['::']);
    const subject = { commonName: names[0] ?? '' };
    const { certificate } = await makeSelfSigned({ subject, names, now: Date.now(), random: systemRandom() });
    expect(describeCertificates(certificate)[0]?.alternativeNames).toEqual(names);
    expect([hostname(), 'localhost']).toContain(names[0]);
  });
});
