import { beforeEach, describe, expect, it } from 'vitest';
import {
  maxTicketsOfUser,
  type SocketGrant,
  SocketTickets,
  ticketLifeMs,
} from '../../../../src/http/sockets/tickets.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

describe('tickets for consoles', () => {
  let clock: ScriptedClock;
  let tickets: SocketTickets;
  let revoked: string | undefined;
  beforeEach(() => {
    clock = new ScriptedClock();
    tickets = new SocketTickets({ clock, random: systemRandom() });
    revoked = undefined;
  });

  const grant = (userName = 'admin'): SocketGrant => ({
    purpose: 'serial',
    mayWrite: true,
    wantsToWrite: true,
    userName,
    name: userName,
    revoked: () => revoked,
    onChange: () => () => undefined,
    hold: () => () => undefined,
  });

  it('are good once, for their purpose, and nobody guesses them', () => {
    const given = grant();
    const ticket = tickets.issue(given);
    expect(ticket).toMatch(/^[\w-]{43}$/);
    expect(tickets.redeem(`${ticket.slice(0, -1)}!`, 'serial')).toBeUndefined();
    expect(tickets.redeem(ticket, 'serial')).toBe(given);
    expect(tickets.redeem(ticket, 'serial')).toBeUndefined();
    const other = tickets.issue(grant());
    expect(tickets.redeem(other, 'screen')).toBeUndefined();
    expect(tickets.redeem(other, 'serial'), 'used up by the attempt').toBeUndefined();
  });

  it('are good for thirty seconds', async () => {
    expect(ticketLifeMs).toBe(30_000);
    const [early, late] = [tickets.issue(grant()), tickets.issue(grant())];
    await clock.advance(29_999);
    expect(tickets.redeem(early, 'serial')).toBeDefined();
    await clock.advance(1);
    expect(tickets.redeem(late, 'serial')).toBeUndefined();
  });

  it('are worth nothing once the right they rest on has ended', () => {
    const ticket = tickets.issue(grant());
    revoked = 'the session has ended';
    expect(tickets.redeem(ticket, 'serial')).toBeUndefined();
  });

  it('of one user push out that user’s oldest, and nobody else’s', () => {
    expect(maxTicketsOfUser).toBe(16);
    const other = tickets.issue(grant('operator'));
    const own = Array.from({ length: maxTicketsOfUser + 1 }, () => tickets.issue(grant()));
    expect(tickets.redeem(own[0] ?? '', 'serial')).toBeUndefined();
    for (const ticket of own.slice(1)) expect(tickets.redeem(ticket, 'serial')).toBeDefined();
    expect(tickets.redeem(other, 'serial')).toBeDefined();
  });
});
