import type { Socket } from 'node:dgram';
import { setImmediate as turnEnd } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Outbox } from '../../../../src/ipmi/lan/outbox.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

/** A socket that keeps what it is to send; datagrams of no bytes it refuses. */
function recordingSocket() {
  const sent: [datagram: string, port: number, address: string][] = [];
  const send = (datagram: Uint8Array, port: number, address: string) => {
    if (datagram.length === 0) throw new Error('refused');
    sent.push([Buffer.from(datagram).toString(), port, address]);
  };
  return { sent, socket: { send } as unknown as Socket };
}

const near = { address: '127.0.0.1', port: 1 };
const far = { address: '192.0.2.1', port: 2 };

describe('what is to be sent', () => {
  it('leaves at the end of the turn, in order, each once', async () => {
    const outbox = new Outbox({ clock: new ScriptedClock(), log: silentLogger });
    const { sent, socket } = recordingSocket();
    outbox.send(socket, Buffer.from('one'), near);
    outbox.send(socket, Buffer.from('two'), far);
    expect(sent).toEqual([]);
    await turnEnd();
    expect(sent).toEqual([
      ['one', 1, '127.0.0.1'],
      ['two', 2, '192.0.2.1'],
    ]);
    outbox.send(socket, Buffer.from('three'), near);
    await turnEnd();
    expect(sent.map(([datagram]) => datagram)).toEqual(['one', 'two', 'three']);
  });

  it('leaves at once before a socket is closed, and not again later', async () => {
    const outbox = new Outbox({ clock: new ScriptedClock(), log: silentLogger });
    const { sent, socket } = recordingSocket();
    outbox.send(socket, Buffer.from('farewell'), near);
    outbox.flush();
    expect(sent).toHaveLength(1);
    await turnEnd();
    expect(sent).toHaveLength(1);
  });

  it('is not held up by one that cannot be sent', async () => {
    const outbox = new Outbox({ clock: new ScriptedClock(), log: silentLogger });
    const { sent, socket } = recordingSocket();
    outbox.send(socket, new Uint8Array(), near);
    outbox.send(socket, Buffer.from('next'), near);
    await turnEnd();
    expect(sent.map(([datagram]) => datagram)).toEqual(['next']);
  });

  it('leaves at once for a while when a turn was long', async () => {
    const clock = new ScriptedClock();
    const outbox = new Outbox({ clock, log: silentLogger });
    const { sent, socket } = recordingSocket();
    outbox.send(socket, Buffer.from('held up'), near);
    clock.advance(1);
    expect(sent).toEqual([]);
    await turnEnd();
    expect(sent).toHaveLength(1);
    outbox.send(socket, Buffer.from('in a hurry'), near);
    expect(sent).toHaveLength(2);
    clock.advance(100);
    outbox.send(socket, Buffer.from('as before'), near);
    expect(sent).toHaveLength(2);
    await turnEnd();
    expect(sent).toHaveLength(3);
  });
});
