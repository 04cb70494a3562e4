import { describe, expect, it } from 'vitest';
import { Client } from '../../../../src/web/api/client.ts';
import { ApiError } from '../../../../src/web/api/errors.ts';

interface Sent {
  readonly uri: string;
  readonly init: RequestInit;
  readonly headers: Headers;
}

/** A client whose requests are answered by `answer`, with what was sent. */
function bench(answer: (sent: Sent) => Response | Promise<Response>, token: string | undefined = 't0k') {
  const sent: Sent[] = [];
  const ended: string[] = [];
  const client = new Client({
    fetch: async (input, init = {}) => {
      const one = { uri: String(input), init, headers: new Headers(init.headers) };
      sent.push(one);
      return answer(one);
    },
    token: () => token,
    unauthorized: (which) => ended.push(which),
  });
  return { client, sent, ended };
}

const refusal = (status: number, entry: object, headers: HeadersInit = {}) =>
  Response.json({ error: { code: 'Base.1.22.X', '@Message.ExtendedInfo': [entry] } }, { status, headers });

async function errorOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return error;
  throw error;
}

describe('client', () => {
  it('sends the token, and the version that a change was made from', async () => {
    const { client, sent } = bench(() => new Response(null, { status: 204 }));
    await client.patch('/redfish/v1/Systems/1', { AssetTag: 'a' }, { etag: '"v1"' });
    expect(sent[0]?.headers.get('x-auth-token')).toBe('t0k');
    expect(sent[0]?.headers.get('if-match')).toBe('"v1"');
    expect(sent[0]?.init.body).toBe('{"AssetTag":"a"}');
  });

  it('gives body, version and location of what was made', async () => {
    const { client } = bench(() =>
      Response.json({ Id: '7' }, { status: 201, headers: { etag: '"e"', location: '/redfish/v1/X/7' } }),
    );
    const answer = await client.post<{ Id: string }>('/redfish/v1/X', {});
    expect(answer).toMatchObject({
      status: 201,
      body: { Id: '7' },
      etag: '"e"',
      location: '/redfish/v1/X/7',
    });
  });

  it('turns extended information into cause, remedy and the property it is about', async () => {
    const { client } = bench(() =>
      refusal(400, {
        MessageId: 'Base.1.22.PropertyValueNotInList',
        Message: "The value 'x' is not in the list.",
        MessageArgs: ['x', 'PowerRestorePolicy'],
        RelatedProperties: ['#/PowerRestorePolicy'],
        Resolution: 'Choose a value.',
      }),
    );
    const error = await errorOf(client.patch('/redfish/v1/Systems/1', {}));
    expect(error.kind).toBe('refused');
    expect(error.has('PropertyValueNotInList')).toBe(true);
    expect(error.about('PowerRestorePolicy')).toBe("The value 'x' is not in the list.");
    expect(error.messages[0]?.resolution).toBe('Choose a value.');
  });

  it('takes the advice “None.” for no advice', async () => {
    const { client } = bench(() =>
      refusal(400, { MessageId: 'Base.1.22.X', Message: 'No.', Resolution: 'None.' }),
    );
    expect((await errorOf(client.get('/x'))).messages[0]?.resolution).toBeUndefined();
  });

  it.each([
    [403, 'forbidden'],
    [404, 'missing'],
    [412, 'changed'],
    [503, 'busy'],
    [409, 'refused'],
    [500, 'failed'],
  ] as const)('names status %i as %s, though the answer may be no JSON', async (status, kind) => {
    const { client } = bench(() => new Response('<html>proxy</html>', { status }));
    expect(await errorOf(client.get('/x'))).toMatchObject({ kind, status, messages: [] });
  });

  it('tells how long to wait', async () => {
    const { client } = bench(() => refusal(401, { MessageId: 'Base.1.22.X' }, { 'retry-after': '9' }));
    expect((await errorOf(client.get('/x'))).retryAfterS).toBe(9);
  });

  it('tells that the session has ended, and with which token', async () => {
    const { client, ended } = bench(() => refusal(401, { MessageId: 'Base.1.22.NoValidSession' }));
    expect((await errorOf(client.get('/x'))).kind).toBe('unauthorized');
    expect(ended).toEqual(['t0k']);
  });

  it('ends no session for a login that was refused', async () => {
    const ended: string[] = [];
    const client = new Client({
      fetch: async () => refusal(401, { MessageId: 'Base.1.22.AccessUnauthorized' }),
      token: () => undefined,
      unauthorized: (token) => ended.push(token),
    });
    await errorOf(client.post('/redfish/v1/SessionService/Sessions', {}));
    expect(ended).toEqual([]);
  });

  it('calls a lost connection unreachable, and an answer that is no Redfish a failure', async () => {
    const lost = bench(() => Promise.reject(new TypeError('Failed to fetch')));
    expect((await errorOf(lost.client.get('/x'))).kind).toBe('unreachable');
    const odd = bench(() => new Response('<html>', { status: 200 }));
    expect((await errorOf(odd.client.get('/x'))).kind).toBe('failed');
  });

  it('leaves an abort what it is', async () => {
    const controller = new AbortController();
    const { client } = bench(({ init }) => {
      controller.abort();
      return Promise.reject(init.signal?.reason);
    });
    await expect(client.get('/x', { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
