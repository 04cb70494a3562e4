import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ConsoleHub } from '../../../../src/bmc/console.ts';
import type { ScreenHub } from '../../../../src/bmc/screen.ts';
import { ConsoleSockets } from '../../../../src/http/sockets/console-sockets.ts';
import { type SocketGrant, SocketTickets } from '../../../../src/http/sockets/tickets.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

const right = {
  host: 'bmc.example',
  origin: 'https://bmc.example',
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'qemu-bmc.serial.v1',
};
type Headers = Partial<Record<keyof typeof right, string | undefined>>;

function bench() {
  const clock = new ScriptedClock();
  const tickets = new SocketTickets({ clock, random: systemRandom() });
  const sockets = new ConsoleSockets({
    ...{ tickets, clock, log: silentLogger, opened: () => () => undefined },
    console: {} as ConsoleHub,
    screen: {} as ScreenHub,
  });
  const grant: SocketGrant = {
    ...{ purpose: 'serial', mayWrite: true, wantsToWrite: true, userName: 'admin', name: 'admin' },
    revoked: () => undefined,
    onChange: () => () => undefined,
    hold: () => () => undefined,
  };
  /** @returns the status of the refusal; undefined when the library took over */
  const ask = (url: string | undefined, headers: Headers = {}, method = 'GET') => {
    let status: number | undefined;
    const all = Object.fromEntries(
      Object.entries({ ...right, ...headers }).filter(([, value]) => value !== undefined),
    );
    // The library is given a request that it answers by itself, through a socket that only notes it.
    const raw = { readable: false, writable: false, on: () => raw, destroy: () => raw } as unknown as Socket;
    const request = { method, headers: all, socket: raw, ...(url !== undefined && { url }) };
    sockets.upgrade(request as unknown as IncomingMessage, raw, new Uint8Array(), (refused) => {
      status = refused;
    });
    return status;
  };
  return { sockets, ask, ticket: () => tickets.issue(grant) };
}

describe('who asks for a console’s WebSocket', () => {
  it.each<[string, string, Headers, string, number]>([
    ['at another path', '/console/other', {}, 'GET', 404],
    ['at a path that only begins like one', '/console/serial/', {}, 'GET', 404],
    ['without a host', '/console/serial', { host: undefined }, 'GET', 400],
    ['from a page of another origin', '/console/serial', { origin: 'https://evil.example' }, 'GET', 403],
    ['from a page of no origin', '/console/serial', { origin: 'null' }, 'GET', 403],
    ['by another method', '/console/serial', {}, 'POST', 426],
    ['for another protocol than WebSocket', '/console/serial', { upgrade: 'h2c' }, 'GET', 426],
    ['for none at all', '/console/serial', { upgrade: undefined }, 'GET', 426],
    ['in another version', '/console/serial', { 'sec-websocket-version': '8' }, 'GET', 426],
    ['without a subprotocol', '/console/serial', { 'sec-websocket-protocol': undefined }, 'GET', 400],
    ['in that of the other console', '/console/screen', {}, 'GET', 400],
    ['without a ticket', '/console/serial', {}, 'GET', 401],
    ['with a ticket that nobody gave out', '/console/serial?ticket=x', {}, 'GET', 401],
  ])('%s is refused', (_, url, headers, method, status) => {
    expect(bench().ask(url, headers, method)).toBe(status);
  });

  it('nowhere is refused', () => {
    expect(bench().ask(undefined)).toBe(404);
  });

  it('with a ticket is let on to the library, once, and loses the ticket at no earlier door', () => {
    const { ask, ticket } = bench();
    const mine = `/console/serial?ticket=${ticket()}`;
    expect(ask(mine, { origin: 'https://evil.example' })).toBe(403);
    expect(ask(mine, { 'sec-websocket-protocol': 'chat' })).toBe(400);
    expect(
      ask(mine, { 'sec-websocket-protocol': 'chat, qemu-bmc.serial.v1', upgrade: 'WebSocket' }),
    ).toBeUndefined();
    expect(ask(mine)).toBe(401);
    // What is no browser names no origin.
    expect(ask(`/console/serial?ticket=${ticket()}`, { origin: undefined })).toBeUndefined();
  });

  it('with a ticket for the other console is refused', () => {
    const { ask, ticket } = bench();
    const screen = { 'sec-websocket-protocol': 'qemu-bmc.screen.v1' };
    expect(ask(`/console/screen?ticket=${ticket()}`, screen)).toBe(401);
  });

  it('when the appliance stops is told to come later', () => {
    const { ask, ticket, sockets } = bench();
    sockets.stop();
    expect(ask(`/console/serial?ticket=${ticket()}`)).toBe(503);
  });
});
