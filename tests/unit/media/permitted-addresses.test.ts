import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { AddressPolicy } from '../../../src/media/address-policy.ts';
import { PermittedAddresses } from '../../../src/media/permitted-addresses.ts';

const policy = new AddressPolicy({ allow: [], deny: [], ownAddresses: () => [] });
const v4 = (address: string): LookupAddress => ({ address, family: 4 });

function resolving(...found: readonly LookupAddress[]) {
  const asked: string[] = [];
  const permitted = new PermittedAddresses(policy, async (host) => {
    asked.push(host);
    return found;
  });
  return { permitted, asked };
}

describe('the address that is connected to', () => {
  it('is the one that was written, if it is one, and nobody is asked', async () => {
    const { permitted, asked } = resolving();
    expect(await permitted.of('192.0.2.1')).toEqual({ address: '192.0.2.1', family: 4 });
    expect(await permitted.of('2001:db8::1')).toEqual({ address: '2001:db8::1', family: 6 });
    expect(asked).toEqual([]);
  });

  it('is the first permitted one of a name, which is asked for once', async () => {
    const { permitted, asked } = resolving(v4('127.0.0.1'), v4('192.0.2.1'), v4('192.0.2.2'));
    expect(await permitted.of('images.example')).toEqual(v4('192.0.2.1'));
    expect(asked).toEqual(['images.example']);
  });

  it('is none where none is permitted, and the reason names what people were told that it is about', async () => {
    const refusal = {
      kind: 'not-permitted',
      message: expect.stringContaining('from this address: loopback'),
    };
    await expect(resolving().permitted.of('127.0.0.1')).rejects.toMatchObject(refusal);
    await expect(
      resolving(v4('127.0.0.1'), v4('169.254.0.1')).permitted.of('x.example'),
    ).rejects.toMatchObject(refusal);
    const { permitted } = resolving(v4('127.0.0.1'));
    await expect(permitted.of('x.example', 'the proxy')).rejects.toThrow('the proxy: images are not fetched');
    await expect(permitted.of('127.0.0.1', 'the proxy')).rejects.toThrow('the proxy: images are not fetched');
  });

  it('is none where a name has none, or nobody can say', async () => {
    const none = { kind: 'bad-argument', message: 'x.example: no address found' };
    await expect(resolving().permitted.of('x.example')).rejects.toMatchObject(none);
    const silent = new PermittedAddresses(policy, () => Promise.reject(new Error('ENOTFOUND')));
    await expect(silent.of('x.example')).rejects.toMatchObject(none);
  });
});
