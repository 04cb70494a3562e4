import { describe, expect, it } from 'vitest';
import { hasHost, originOf } from '../../../src/http/same-origin.ts';

describe('where a request comes from', () => {
  it.each([
    ['bmc.example:8443', 'https://bmc.example:8443'],
    ['BMC.example', 'https://bmc.example'],
    ['bmc.example:443', 'https://bmc.example'],
    ['bmc.example', 'https://bmc.example:443'],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443'],
    ['192.0.2.1', 'https://192.0.2.1'],
  ])('is our own page: host %s, origin %s', (host, origin) => {
    expect(originOf({ host, origin })).toBe('same');
    expect(originOf({ host, origin, 'sec-fetch-site': 'same-origin' })).toBe('same');
    expect(originOf({ host, origin, 'sec-fetch-site': 'cross-site' })).toBe('foreign');
    expect(originOf({ host, origin, 'sec-fetch-site': 'same-site' })).toBe('foreign');
  });

  it.each([
    'null',
    '',
    'http://bmc.example',
    'https://bmc.example:8443',
    'https://bmc.example.evil.example',
    'https://evilbmc.example',
    'https://bmc.example/',
    'https://bmc.example@evil.example',
    'https://evil.example',
    'file://',
  ])('is somebody else’s: %j', (origin) => {
    expect(originOf({ host: 'bmc.example', origin })).toBe('foreign');
  });

  it('is no browser without an origin', () => {
    expect(originOf({ host: 'bmc.example' })).toBe('none');
  });

  it.each([undefined, '', 'a b', 'bmc.example/x', 'user@bmc.example', 'bmc.example:port', '-x', '[::1'])(
    'is nowhere with the host %j',
    (host) => {
      expect(hasHost(host === undefined ? {} : { host })).toBe(false);
      expect(originOf({ ...(host !== undefined && { host }), origin: `https://${host}` })).toBe('foreign');
    },
  );
});
