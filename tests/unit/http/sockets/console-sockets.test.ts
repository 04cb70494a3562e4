import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeMachine } from '../../../../src/machine/fake/fake-machine.ts';
import { BmcOnLan } from '../../../support/bmc-on-lan.ts';
import { until } from '../../../support/processes.ts';
import { ask, logIn, opening, RawConsole, ticketFor, WebConsole } from '../../../support/web-console.ts';

const actor = { name: 'bench', face: 'bmc' } as const;

describe('consoles over real sockets, with a machine in memory', () => {
  let server: BmcOnLan;
  let machine: FakeMachine;
  let port: number;
  let admin: Record<string, string>;
  beforeEach(async () => {
    server = await BmcOnLan.start({ redfish: true });
    if (!(server.machine instanceof FakeMachine) || !server.http)
      throw new Error('not the bench that was asked for');
    machine = server.machine;
    port = server.http.address.port;
    admin = { 'x-auth-token': (await logIn(port)).token };
    server.bmc.power.request('on', actor);
    await until('the machine is on', () => server.bmc.power.isOn);
  });
  afterEach(() => server?.stop());

  /** What the guest says, in pieces as QEMU hands them over, at about 13 MB/s. */
  const say = async (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 65_536) {
      machine.print(bytes.subarray(at, at + 65_536));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const numbered = (count: number) =>
    Buffer.from(Array.from({ length: count }, (_, i) => `${String(i).padStart(9, '0')}\n`).join(''));

  it('lose no byte of 10 MB for a client that reads', async () => {
    const serial = await WebConsole.open(port, 'serial', admin);
    await serial.expectControl('history-end');
    serial.clear();
    const all = numbered(1_050_000);
    const at = performance.now();
    await say(all);
    await until('all has come', () => serial.received >= all.length, 30_000, 20);
    console.log(`${(all.length / 1e6).toFixed(1)} MB in ${((performance.now() - at) / 1000).toFixed(1)} s`);
    expect(serial.bytes.equals(all)).toBe(true);
    expect(serial.last('dropped')).toBeUndefined();
    serial.close();
  });

  it('are closed by a fault of ours, which costs nobody else anything', async () => {
    const [faulty, other] = [
      await WebConsole.open(port, 'serial', admin),
      await WebConsole.open(port, 'serial', admin, { mode: 'ReadOnly' }),
    ];
    await faulty.expectControl('hello');
    await other.expectControl('hello');
    const send = vi.spyOn(machine.console, 'send').mockImplementation(() => {
      throw new Error('a bug');
    });
    faulty.send('x');
    await until('it is closed', () => faulty.closed);
    expect(faulty.closed?.code).toBe(1011);
    expect(send).toHaveBeenCalled();
    send.mockRestore();
    expect(other.closed).toBeUndefined();
    other.close();
    const next = await WebConsole.open(port, 'serial', admin);
    expect(await next.expectControl('hello')).toMatchObject({ mayWrite: true });
    next.close();
  });

  it('cut off a client that reads nothing, and hold little for it until then', async () => {
    const open = async () => {
      const path = await ticketFor(port, 'serial', admin);
      const { raw, status } = await RawConsole.open(port, { path, headers: opening(port, 'serial') });
      expect(status).toBe(101);
      raw.socket.pause();
      return raw;
    };
    const raws = await Promise.all([open(), open(), open()]);
    const before = process.memoryUsage().rss;
    const piece = numbered(400_000);
    const at = performance.now();
    await Promise.race([
      (async () => {
        while (server.bmc.console.attendees.length > 0) await say(piece);
      })(),
      until('nobody is attached', () => server.bmc.console.attendees.length === 0, 25_000),
    ]);
    const held = (process.memoryUsage().rss - before) / 1e6;
    console.log(
      `cut off after ${((performance.now() - at) / 1000).toFixed(1)} s; ${held.toFixed(0)} MB more in this process`,
    );
    expect(held).toBeLessThan(3 * 8 + 60);
    for (const raw of raws) raw.destroy();
  });

  it('are 32 at most, and 16 of a user, whatever address they come from', async () => {
    const { users } = server.bmc;
    const third = { name: 'third', password: Buffer.from('third-password'), enabled: true } as const;
    users.update(4, { ...third, limit: 'operator' }, actor);
    const all: RawConsole[] = [];
    const open = async (headers: Record<string, string>) => {
      const path = await ticketFor(port, 'screen', headers);
      const from = `127.0.0.${2 + (all.length % 4)}`;
      const { raw, status } = await RawConsole.open(port, { path, headers: opening(port, 'screen'), from });
      all.push(raw);
      return status;
    };
    const token = async (name: string, password: string) => ({
      'x-auth-token': (await logIn(port, name, password)).token,
    });
    const operator = await token('operator', '20-byte-password-xyz');
    for (const headers of [admin, operator]) {
      for (let i = 0; i < 16; i++) expect(await open(headers)).toBe(101);
      expect(await open(headers)).toBe(503);
    }
    const others = await token('third', 'third-password');
    expect(await open(others)).toBe(503);
    all[0]?.destroy();
    await until('a place is free', async () => (await open(others)) === 101, 10_000, 100);
    for (const raw of all) raw.destroy();
  });

  it('tell a slow reader what it has lost, in its place in the stream', async () => {
    const serial = await WebConsole.open(port, 'serial', admin);
    await serial.expectControl('history-end');
    serial.clear();
    // At once: more than the ring holds, before a byte can go out.
    const said = numbered(60_000);
    machine.print(said);
    const dropped = await serial.expectControl('dropped');
    await serial.expectText('000059999\n');
    // In no words of ours: each client has its own.
    expect(serial.bytes.equals(said.subarray(dropped.bytes as number))).toBe(true);
    serial.close();
  });

  it('take no more of a screen that changes all the time than its reader does, and cut off one that does not read', async () => {
    const megabyte = 1024 * 1024;
    const path = await ticketFor(port, 'screen', admin);
    const { raw, status } = await RawConsole.open(port, { path, headers: opening(port, 'screen') });
    expect(status).toBe(101);
    await until('the conversation has begun', () => machine.screen.views.length === 1);
    const [idle] = machine.screen.views;
    raw.socket.pause();
    // 20 pictures of a screen of 1024 × 768, as a socket hands them over.
    const saidBytes = 60 * megabyte;
    const repaint = (view = idle) => {
      for (let i = 0; i < 960; i++) view?.push(Buffer.alloc(65_536, i));
    };
    repaint();
    await until('it is taken no further', () => idle?.isPaused() === true);
    expect(idle?.readableLength).toBeGreaterThan(saidBytes - 8 * megabyte);
    const asked = performance.now();
    expect((await ask(port, 'GET', '/redfish/v1/Systems/1', { headers: admin })).status).toBe(200);
    console.log(`a System meanwhile: ${(performance.now() - asked).toFixed(0)} ms`);
    await until('it is cut off', () => machine.screen.views.length === 0, 15_000);
    raw.destroy();

    const reader = await WebConsole.open(port, 'screen', admin);
    await reader.expectControl('stream');
    const [view] = machine.screen.views;
    repaint(view);
    await until('all has come', () => reader.received >= saidBytes, 30_000);
    expect(view?.readableLength).toBe(0);
    reader.close();
  });

  it('keep the screen’s line while the machine goes and comes', async () => {
    const screen = await WebConsole.open(port, 'screen', admin);
    const [first] = [await screen.expectControl('stream')];
    await screen.expectText('RFB 003.008\n');
    // What belongs to no conversation yet goes nowhere.
    screen.send('RFB 003.008\n');
    screen.tell({ type: 'ready', number: first.number as number });
    screen.send('RFB 003.008\n\x01\x00');
    const [view] = machine.screen.views;
    await until('the machine has heard it', () => view?.heard.length === 14);
    expect(view?.heard.toString('latin1')).toBe('RFB 003.008\n\x01\x01');
    screen.send(Buffer.of(4, 1, 0, 0, 0, 0, 0, 97));
    await until('the key', () => view?.heard.length === 22);

    await machine.forceOff();
    await screen.expectControl('machine', ({ connected }) => connected === false);
    server.bmc.power.request('on', actor);
    await screen.expectControl('stream', ({ number }) => number === 2);
    expect(screen.closed).toBeUndefined();
    screen.tell({ type: 'ready', number: 2 });
    screen.send('no such protocol at all');
    expect((await screen.ended()).code).toBe(1008);
    await until('nobody looks any more', () => server.bmc.screen.attendees.length === 0);
    await until('the conversation has ended', () => machine.screen.views.length === 0);
  });

  it('give keyboard and mouse to one at a time; the others’ keys stay here', async () => {
    const [one, two] = [
      await WebConsole.open(port, 'screen', admin),
      await WebConsole.open(port, 'screen', admin),
    ];
    for (const each of [one, two]) {
      const { number } = await each.expectControl('stream');
      each.tell({ type: 'ready', number: number as number });
      each.send('RFB 003.008\n\x01\x01');
    }
    await until('both are heard', () => machine.screen.views.every(({ heard }) => heard.length === 14));
    expect(one.last('hello')).toMatchObject({ mode: 'write' });
    expect(two.last('hello')).toMatchObject({ mode: 'read' });
    const key = Buffer.of(4, 1, 0, 0, 0, 0, 0, 97);
    const [a, b] = machine.screen.views;
    two.send(Buffer.concat([key, Buffer.of(3, 0, 0, 0, 0, 0, 0, 1, 0, 1)]));
    await until('the request', () => b?.heard.length === 24);
    two.tell({ type: 'take-over' });
    await one.expectControl('mode', ({ mode, by }) => mode === 'read' && String(by).startsWith('admin'));
    two.send(key);
    one.send(key);
    await until('the key', () => b?.heard.length === 32);
    expect(a?.heard.length).toBe(14);
    const events = server.bmc.events.list().filter(({ kind }) => kind === 'console-opened');
    expect(events).toHaveLength(2);
    for (const each of [one, two]) each.close();
  });

  it('are no event for whoever asks to look on alone, who cannot change to more', async () => {
    const opened = () => server.bmc.events.list().filter(({ kind }) => kind === 'console-opened').length;
    const before = opened();
    const viewer = await WebConsole.open(port, 'serial', admin, { mode: 'ReadOnly' });
    expect(await viewer.expectControl('hello')).toMatchObject({ mode: 'read', mayWrite: false });
    viewer.tell({ type: 'take-over' });
    await viewer.expectControl('refused');
    expect(opened()).toBe(before);
    const other = await WebConsole.open(port, 'serial', admin);
    await other.expectControl('hello');
    expect(opened()).toBe(before + 1);
    for (const each of [viewer, other]) each.close();
  });

  it('take a picture at most once a second, and none of a machine that is off', async () => {
    const shots = await Promise.all(
      Array.from({ length: 5 }, () =>
        ask(port, 'GET', '/redfish/v1/Systems/1/Oem/QemuBmc/Screenshot', { headers: admin }),
      ),
    );
    expect(shots.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(machine.screen.pictures).toBe(1);
    await machine.forceOff();
    const off = await ask(port, 'GET', '/redfish/v1/Systems/1/Oem/QemuBmc/Screenshot', { headers: admin });
    expect(off.status).toBe(409);
  });
});
