/** The consoles that browsers use: serial line and screen over WebSockets, with a guest of QEMU's behind them. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { until } from '../support/processes.ts';
import { ask, frame, logIn, opening, RawConsole, ticketFor, WebConsole } from '../support/web-console.ts';

const actions = '/redfish/v1/Systems/1/Actions/Oem/QemuBmcComputerSystem';

describe('the consoles over WebSockets', () => {
  let appliance: Appliance;
  let port: number;
  let admin: Record<string, string>;
  const open: WebConsole[] = [];
  /** The one that types, from the second test on. */
  let serial: WebConsole;
  beforeAll(async () => {
    appliance = await Appliance.start();
    port = appliance.redfishPort;
    admin = { 'x-auth-token': (await logIn(port)).token };
    await appliance.ipmi('user', 'set', 'name', '5', 'reader');
    await appliance.ipmi('user', 'set', 'password', '5', 'readers-own');
    await appliance.ipmi('channel', 'setaccess', '1', '5', 'link=off', 'ipmi=on', 'callin=on', 'privilege=2');
    await appliance.ipmi('user', 'enable', '5');
    await appliance.ipmi('sol', 'payload', 'enable', '1', '5');
  });
  afterAll(async () => {
    for (const each of open) each.close();
    await appliance?.stop();
    appliance?.clean();
  });

  const opened = async (...args: Parameters<typeof WebConsole.open>) => {
    const console = await WebConsole.open(...args);
    open.push(console);
    return console;
  };
  /** A shell on the serial line. */
  const shell = async (timeoutMs = 90_000) => {
    const serial = await opened(port, 'serial', admin);
    await until(
      'the login prompt',
      () => {
        if (/demo login: $|root@demo:~# $/.test(serial.text)) return true;
        serial.send('\r');
        return undefined;
      },
      timeoutMs,
    );
    if (serial.text.endsWith('demo login: ')) serial.send('root\r');
    await serial.expectText('root@demo:~# ');
    return serial;
  };
  const reader = async () => ({ 'x-auth-token': (await logIn(port, 'reader', 'readers-own')).token });

  it('show a machine that is off as off, and its screen as soon as it is on', async () => {
    await ask(port, 'POST', '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset', {
      headers: admin,
      body: { ResetType: 'ForceOff' },
    });
    const screen = await opened(port, 'screen', admin, { origin: `https://127.0.0.1:${port}` });
    expect(await screen.expectControl('hello')).toMatchObject({ mode: 'write', mayWrite: true });
    await appliance.ipmi('power', 'on');
    await screen.expectControl('stream', () => true, 20_000);
    await screen.expectText('RFB 003.008\n');
    expect(screen.last('machine')).toMatchObject({ connected: true });
    screen.close();
  });

  it('carry the guest’s serial line both ways, with its past at first, and keys come back at once', async () => {
    serial = await shell();
    const again = await opened(port, 'serial', admin);
    await again.expectControl('history-end');
    expect(again.text).toContain('demo login: ');
    expect(again.last('hello')).toMatchObject({ mode: 'read', mayWrite: true, connected: true });
    again.close();

    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      const before = serial.received;
      const at = performance.now();
      serial.send(String.fromCharCode(97 + (i % 26)));
      await until('the echo', () => serial.received > before || undefined, 5000, 0);
      times.push(performance.now() - at);
      if (i % 40 === 39) serial.send('\x15');
    }
    serial.send('\x15\r');
    times.sort((a, b) => a - b);
    const [p50 = 0, p95 = 0] = [times[100], times[190]];
    console.log(`keystroke to echo: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
  });

  it('lose no byte of a megabyte that the guest says at once', async () => {
    serial.clear();
    const [first, last] = [1_000_000, 1_115_000];
    const at = performance.now();
    serial.send(`seq ${first} ${last}; echo end of $((1+1))\r`);
    await until(
      'the end of the burst',
      () => serial.received > 1_000_000 && serial.bytes.subarray(-4096).includes('end of 2'),
      110_000,
      500,
    );
    const seconds = (performance.now() - at) / 1000;
    console.log(`${(serial.received / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s`);
    const numbers = [...serial.text.matchAll(/^(\d{7})\r$/gm)].map(([, number]) => Number(number));
    expect(numbers.length).toBe(last - first + 1);
    expect(numbers.every((number, index) => number === first + index)).toBe(true);
    expect(serial.controls.filter(({ type }) => type === 'dropped')).toEqual([]);
    serial.clear();
  });

  it('let one type and the others look on; who takes over is told to all, ipmitool’s user too', async () => {
    const viewer = await opened(port, 'serial', await reader());
    await viewer.expectControl('history-end');
    viewer.send('not for the host');
    expect(await viewer.expectControl('refused')).toMatchObject({ reason: 'this user may only look on' });
    viewer.tell({ type: 'take-over' });
    await until(
      'a second refusal',
      () => viewer.controls.filter(({ type }) => type === 'refused').length === 2,
    );

    const other = await opened(port, 'serial', admin);
    other.tell({ type: 'take-over' });
    await other.expectControl('mode', ({ mode }) => mode === 'write');
    expect(await serial.expectControl('mode', ({ mode }) => mode === 'read')).toMatchObject({
      by: expect.stringContaining('admin'),
    });
    serial.send('lost');
    await serial.expectControl('refused');
    const { body } = await ask(port, 'GET', '/redfish/v1/Systems/1', { headers: admin });
    expect(
      body.Oem.QemuBmc.SerialConsole.Attached.map((each: { Interactive: boolean }) => each.Interactive),
    ).toEqual([false, false, true]);

    // ipmitool finds the line in use, frees it the way it frees other sessions of SOL, and has it.
    expect((await appliance.ipmitool('sol', 'activate', 'instance=1')).stderr).toContain('already active');
    expect((await appliance.ipmitool('sol', 'deactivate')).code).toBe(0);
    await other.expectControl('mode', ({ mode }) => mode === 'read');
    const sol = appliance.sol();
    await sol.expect('SOL Session operational');
    await other.expectControl('attached', ({ attached }) => JSON.stringify(attached).includes('"write"'));
    serial.tell({ type: 'take-over' });
    await sol.exited();
    await serial.expectControl('mode', ({ mode }) => mode === 'write');
    for (const each of [viewer, other]) each.close();
  });

  it('take pictures of the screen and type on its keyboard for those without a browser', async () => {
    const picture = await ask(port, 'GET', '/redfish/v1/Systems/1/Oem/QemuBmc/Screenshot', {
      headers: admin,
    });
    expect(picture.headers['content-type']).toBe('image/png');
    expect(picture.bytes.subarray(0, 8)).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
    expect(picture.bytes.readUInt32BE(16)).toBeGreaterThanOrEqual(640);
    serial.clear();
    const press = (Keys: readonly string[]) =>
      ask(port, 'POST', `${actions}.SendKeys`, { headers: admin, body: { Keys } });
    // The guest's kernel itself answers this one, on all its consoles.
    expect((await press(['AltLeft', 'PrintScreen', 'KeyH'])).status).toBe(204);
    await serial.expectText('sysrq: HELP');
    expect((await press(['AltLeft', 'NoSuchKey'])).status).toBe(400);
    const typed = await ask(port, 'POST', `${actions}.TypeText`, {
      headers: admin,
      body: { Text: 'Hello, World!\n' },
    });
    expect(typed.status).toBe(204);
    const wrong = await ask(port, 'POST', `${actions}.TypeText`, { headers: admin, body: { Text: 'grün' } });
    expect(wrong.status).toBe(400);
    expect(wrong.body.error['@Message.ExtendedInfo'][0].Message).toContain('U+00FC');
  });

  it('end within a second when the right to them does', async () => {
    const session = await logIn(port, 'reader', 'readers-own');
    const headers = { 'x-auth-token': session.token };
    const first = await opened(port, 'serial', headers);
    const unused = await ticketFor(port, 'screen', headers);
    const at = performance.now();
    await ask(port, 'DELETE', session.uri, { headers });
    expect(await first.ended(1000)).toMatchObject({ code: 1008, reason: 'the session has ended' });
    console.log(`closed ${(performance.now() - at).toFixed(0)} ms after the end of its session`);
    const { raw, status } = await RawConsole.open(port, { path: unused, headers: opening(port, 'screen') });
    expect(status).toBe(401);
    raw.destroy();

    const changes: [string, () => Promise<unknown>, RegExp][] = [
      ['role', () => appliance.ipmi('user', 'priv', '5', '3', '1'), /role/],
      ['password', () => appliance.ipmi('user', 'set', 'password', '5', 'another-one'), /session/],
      ['lock', () => appliance.ipmi('user', 'disable', '5'), /session|log in/],
    ];
    let password = 'readers-own';
    for (const [what, change, why] of changes) {
      const { token } = await logIn(port, 'reader', password);
      const each = await opened(port, 'screen', { 'x-auth-token': token });
      await each.expectControl('hello');
      const begun = performance.now();
      await change();
      const end = await each.ended(3000);
      expect(end.reason, what).toMatch(why);
      console.log(`${what}: closed ${(performance.now() - begun).toFixed(0)} ms after ipmitool began`);
      if (what === 'password') password = 'another-one';
    }
    await appliance.ipmi('user', 'enable', '5');
  });

  it('are refused to strangers before the protocol is switched', async () => {
    const host = `127.0.0.1:${port}`;
    const attempts: [string, number, () => Promise<{ path: string; headers: Record<string, string> }>][] = [
      ['no ticket', 401, async () => ({ path: '/console/serial', headers: opening(port, 'serial') })],
      [
        'a made-up ticket',
        401,
        async () => ({ path: '/console/serial?ticket=AAAA', headers: opening(port, 'serial') }),
      ],
      [
        'a ticket for the other console',
        401,
        async () => ({
          path: (await ticketFor(port, 'screen', admin)).replace('screen', 'serial'),
          headers: opening(port, 'serial'),
        }),
      ],
      ...[
        'https://evil.example',
        'null',
        `https://${host}.evil.example`,
        `http://${host}`,
        `https://127.0.0.1:${port + 1}`,
        '',
      ].map((origin): (typeof attempts)[number] => [
        `the origin '${origin}'`,
        403,
        async () => ({
          path: await ticketFor(port, 'serial', admin),
          headers: opening(port, 'serial', { origin }),
        }),
      ]),
      [
        'another site by Sec-Fetch-Site',
        403,
        async () => ({
          path: await ticketFor(port, 'serial', admin),
          headers: opening(port, 'serial', { 'sec-fetch-site': 'cross-site' }),
        }),
      ],
      [
        'version 8',
        426,
        async () => ({
          path: await ticketFor(port, 'serial', admin),
          headers: opening(port, 'serial', { 'sec-websocket-version': '8' }),
        }),
      ],
      [
        'no subprotocol',
        400,
        async () => ({
          path: await ticketFor(port, 'serial', admin),
          headers: opening(port, 'serial', { 'sec-websocket-protocol': 'chat' }),
        }),
      ],
      [
        'no host',
        400,
        async () => ({
          path: await ticketFor(port, 'serial', admin),
          headers: opening(port, 'serial', { host: 'a b' }),
        }),
      ],
    ];
    for (const [what, status, make] of attempts) {
      const answer = await RawConsole.open(port, await make());
      expect(answer.status, what).toBe(status);
      await until('the connection has ended', () => answer.raw.ended, 5000);
    }
    const path = await ticketFor(port, 'serial', admin);
    const first = await RawConsole.open(port, {
      path,
      headers: opening(port, 'serial', { origin: `https://${host}` }),
    });
    expect(first.status).toBe(101);
    const second = await RawConsole.open(port, { path, headers: opening(port, 'serial') });
    expect(second.status, 'the same ticket again').toBe(401);
    first.raw.destroy();
  });

  it('are cut off within about five seconds for those who misuse them, and hold no more than 8 MB for each', async () => {
    const memory = () => {
      const [, kb] =
        /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${appliance.status().bmc}/status`, 'utf8')) ?? [];
      return Number(kb) / 1024;
    };
    const before = memory();
    const raw = async () => {
      const made = await RawConsole.open(port, {
        path: await ticketFor(port, 'serial', admin),
        headers: opening(port, 'serial'),
      });
      expect(made.status).toBe(101);
      return made.raw;
    };
    const mischief: [string, (raw: RawConsole) => undefined | (() => void)][] = [
      [
        'a frame of 1 GiB',
        ({ socket }) => void socket.write(frame(2, Buffer.alloc(1000), { length: 2 ** 30 })),
      ],
      ['an unmasked frame', ({ socket }) => void socket.write(frame(2, Buffer.from('x'), { masked: false }))],
      ['a reserved opcode', ({ socket }) => void socket.write(frame(3, Buffer.from('x')))],
      [
        'a frame that does not end',
        ({ socket }) => void socket.write(frame(2, Buffer.from('x'), { length: 1000 })),
      ],
      [
        'fragments without end',
        ({ socket }) => {
          socket.write(frame(2, Buffer.from('x'), { last: false }));
          const timer = setInterval(() => socket.write(frame(0, Buffer.from('x'), { last: false })), 20);
          return () => clearInterval(timer);
        },
      ],
      [
        'slow fragments without end',
        ({ socket }) => {
          socket.write(frame(2, Buffer.from('x'), { last: false }));
          const timer = setInterval(
            () => socket.write(Buffer.concat([frame(9), frame(0, undefined, { last: false })])),
            500,
          );
          return () => clearInterval(timer);
        },
      ],
      [
        'a flood of pings',
        ({ socket }) => {
          const timer = setInterval(
            () => socket.write(Buffer.concat(Array.from({ length: 100 }, () => frame(9, Buffer.alloc(125))))),
            10,
          );
          return () => clearInterval(timer);
        },
      ],
      ['text that is no JSON', ({ socket }) => void socket.write(frame(1, Buffer.from('hello')))],
    ];
    for (const [what, act] of mischief) {
      const each = await raw();
      const at = performance.now();
      const stop = act(each);
      await until(`${what} is over`, () => each.ended, 7000);
      if (stop) stop();
      const seconds = (performance.now() - at) / 1000;
      console.log(`${what}: ${seconds.toFixed(1)} s`);
      expect(seconds, what).toBeLessThan(5.5);
    }

    expect(memory() - before).toBeLessThan(mischief.length * 8);
  });
});
