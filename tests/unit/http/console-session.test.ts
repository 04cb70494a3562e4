import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../../src/bmc/store.ts';
import { ConsoleSession } from '../../../src/http/console-session.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { httpErrorReply } from '../../../src/redfish/redfish.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';

const own = { host: 'bmc.example:8443', origin: 'https://bmc.example:8443', 'sec-fetch-site': 'same-origin' };
const login = {
  session: '/redfish/v1/SessionService/Sessions/1',
  user: 'admin',
  role: 'Administrator',
  passwordChangeRequired: false,
};

describe('the cookie of the browser console', () => {
  let living = new Set(['the-token']);
  const make = (store = memoryStore()) => {
    living = new Set(['the-token']);
    return new ConsoleSession({
      random: systemRandom(),
      store,
      applianceId: '12345678',
      login: (token) => (living.has(token) ? login : undefined),
      errorReply: httpErrorReply,
    });
  };
  const ask = (
    session: ConsoleSession,
    method: string,
    url: string,
    headers: Readonly<Record<string, string>>,
  ) =>
    session.handle({
      method,
      url,
      headers,
      body: new Uint8Array(),
      from: '',
      address: '',
      gone: new AbortController().signal,
    });
  const cookieFrom = (reply: { readonly headers: Readonly<Record<string, string>> }) =>
    reply.headers['set-cookie']?.split(';')[0] ?? '';

  it('is not given to who names no host', async () => {
    const { host: _, ...rest } = own;
    for (const path of ['/console/session', '/console/resume']) {
      const reply = await ask(make(), 'POST', path, { ...rest, 'x-auth-token': 'the-token' });
      expect([reply.status, reply.headers['set-cookie']]).toEqual([400, undefined]);
    }
  });

  it('gives a tab its token back, and shows it to nobody', async () => {
    const session = make();
    const kept = await ask(session, 'POST', '/console/session', { ...own, 'x-auth-token': 'the-token' });
    expect(kept.status).toBe(204);
    expect(kept.headers['set-cookie']).toMatch(
      /^__Secure-qemu-bmc-12345678=[\w-]+; Path=\/console\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    expect(kept.headers['set-cookie']).not.toContain('the-token');
    const back = await ask(session, 'POST', '/console/resume', {
      ...own,
      cookie: `other=1; ${cookieFrom(kept)}`,
    });
    expect(back.status).toBe(200);
    expect(JSON.parse(String(back.body))).toEqual({ token: 'the-token', ...login });
    living.clear();
    const over = await ask(session, 'POST', '/console/resume', { ...own, cookie: cookieFrom(kept) });
    expect(over.status).toBe(401);
    expect(over.headers['set-cookie']).toMatch(/=; Max-Age=0; Path=\/console\/; /);
  });

  it('is refused to other sites, to what is no browser, and when it was made up or is another appliance’s', async () => {
    const session = make();
    const cookie = cookieFrom(
      await ask(session, 'POST', '/console/session', { ...own, 'x-auth-token': 'the-token' }),
    );
    for (const headers of [
      { ...own, origin: 'https://evil.example' },
      { ...own, origin: 'null' },
      { ...own, 'sec-fetch-site': 'same-site' },
      { host: own.host },
    ]) {
      expect((await ask(session, 'POST', '/console/resume', { ...headers, cookie })).status).toBe(403);
      expect((await ask(session, 'DELETE', '/console/session', { ...headers, cookie })).status).toBe(403);
    }
    const flipped = `${cookie.slice(0, -2)}${cookie.endsWith('A') ? 'BB' : 'AA'}`;
    for (const wrong of [flipped, 'x', `${cookie}${'A'.repeat(300)}`, '']) {
      expect((await ask(session, 'POST', '/console/resume', { ...own, cookie: wrong })).status).toBe(401);
    }
    expect((await ask(make(), 'POST', '/console/resume', { ...own, cookie })).status).toBe(401);
    expect(
      (await ask(session, 'POST', '/console/session', { ...own, 'x-auth-token': 'no-token' })).status,
    ).toBe(401);
  });

  it('is good after a restart as well, as the sessions are', async () => {
    const store = memoryStore();
    const before = make(store);
    const cookie = cookieFrom(
      await ask(before, 'POST', '/console/session', { ...own, 'x-auth-token': 'the-token' }),
    );
    const back = await ask(make(store), 'POST', '/console/resume', { ...own, cookie });
    expect(JSON.parse(String(back.body))).toEqual({ token: 'the-token', ...login });
  });

  it('is taken away on request; other methods and paths are refused', async () => {
    const session = make();
    const gone = await ask(session, 'DELETE', '/console/session', own);
    expect(gone.status).toBe(204);
    expect(gone.headers['set-cookie']).toContain('Max-Age=0');
    expect(await ask(session, 'GET', '/console/resume', own)).toMatchObject({
      status: 405,
      headers: { allow: 'POST' },
    });
    expect((await ask(session, 'POST', '/console/else', own)).status).toBe(404);
  });

  it('means nothing to Redfish, neither as a cookie nor as a token', async () => {
    const bench = new RedfishBench();
    await bench.start();
    try {
      const user = bench.bmc.users.get(2);
      if (!user) throw new Error('no administrator');
      const { token } = bench.sessions.open(user, '192.0.2.9');
      const session = new ConsoleSession({
        random: systemRandom(),
        store: memoryStore(),
        applianceId: '12345678',
        login: (each) => (bench.sessions.use(each) ? login : undefined),
        errorReply: httpErrorReply,
      });
      const cookie = cookieFrom(
        await ask(session, 'POST', '/console/session', { ...own, 'x-auth-token': token }),
      );
      const as = { as: undefined };
      const path = '/redfish/v1/Systems/1';
      expect((await bench.ask('GET', path, { ...as, headers: { cookie } })).status).toBe(401);
      expect(
        (await bench.ask('GET', path, { ...as, headers: { 'x-auth-token': cookie.split('=')[1] ?? '' } }))
          .status,
      ).toBe(401);
      expect(
        (await bench.ask('GET', path, { ...as, headers: { cookie: `X-Auth-Token=${token}` } })).status,
      ).toBe(401);
      expect((await bench.ask('GET', path, { ...as, headers: { 'x-auth-token': token } })).status).toBe(200);
    } finally {
      await bench.stop();
    }
  });
});
