/**
 * Bytes through Serial-over-LAN on real sockets: a BMC, a bad network before it, and a remote console that follows the
 * specification to the letter (strict-client.ts), all in this process.
 */
import { createSocket } from 'node:dgram';
import { ConsoleHub } from '../../src/bmc/console.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ScriptedConsole } from '../unit/ipmi/sol/scripted-console.ts';
import { StrictClient } from '../unit/ipmi/sol/strict-client.ts';
import { BmcOnLan } from './bmc-on-lan.ts';
import { LossyProxy } from './lossy-proxy.ts';
import { until } from './processes.ts';
import { UdpConsole } from './udp-console.ts';

export interface SolTransferOptions {
  /** Bytes from the host to the console, and the other way. */
  readonly spoken: Uint8Array;
  readonly typed: Uint8Array;
  readonly seed: number;
  /** Percentages of all datagrams, each way. */
  readonly drop?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  /** How long a reordered datagram stays behind: 5 unless told. */
  readonly reorderMs?: number;
  /** After how long the console sends again: 15 unless told. */
  readonly resendMs?: number;
  readonly limitMs: number;
}

export interface SolTransferOutcome {
  /** As they arrived. */
  readonly shown: Uint8Array;
  readonly taken: Uint8Array;
  /** From the first byte until all had arrived. */
  readonly ms: number;
  readonly network: LossyProxy['counters'];
}

/** The host reads and writes as fast as a fast serial port: so much at once. */
const hostPieceBytes = 4096;

export async function solTransfer(options: SolTransferOptions): Promise<SolTransferOutcome> {
  const host = new ScriptedConsole();
  const hub = new ConsoleHub(host, systemClock);
  await hub.start();
  const bmc = await BmcOnLan.start({ console: hub });
  const { address, port } = bmc.lan.address;
  const { seed, drop, duplicate, reorder, reorderMs, resendMs = 15, limitMs } = options;
  const proxy = new LossyProxy({
    address: '127.0.0.2',
    target: { address, port },
    seed,
    ...(drop !== undefined && { drop }),
    ...(duplicate !== undefined && { duplicate }),
    ...(reorder !== undefined && { reorder }),
    ...(reorderMs !== undefined && { reorderMs }),
  });
  await proxy.start();
  const socket = createSocket('udp4');
  let spokenBytes = 0;
  const speaker = setInterval(() => speak(), 1);
  const failures: Error[] = [];
  let console: StrictClient | undefined;
  const speak = () => {
    // Never more than the ring of the console holds: what is lost there is no fault of the network.
    if (!console || spokenBytes - console.shown.length > hostPieceBytes * 4) return;
    const piece = options.spoken.subarray(spokenBytes, spokenBytes + hostPieceBytes);
    spokenBytes += piece.length;
    if (piece.length > 0) host.say(piece);
  };
  try {
    const remote = new UdpConsole(socket, { address: '127.0.0.2', port });
    await remote.login();
    await remote.command(0x06, 0x3b, [4]);
    const activated = await remote.command(0x06, 0x48, [1, 1, 0xc0, 0, 0, 0]);
    if (activated.completionCode !== 0) throw new Error(`Activate Payload: ${activated.completionCode}`);
    const strict = new StrictClient((packet) => remote.sendSol(packet), systemClock, { retryMs: resendMs });
    remote.onSol = (packet) => {
      try {
        strict.receive(packet);
      } catch (error) {
        failures.push(error as Error);
      }
    };
    console = strict;
    const start = performance.now();
    strict.type(options.typed);
    await until(
      'all bytes have arrived',
      () => {
        if (failures[0]) throw failures[0];
        return strict.shown.length >= options.spoken.length && host.taken.length >= options.typed.length;
      },
      limitMs,
    );
    return {
      shown: Uint8Array.from(strict.shown),
      taken: Uint8Array.from(host.taken),
      ms: performance.now() - start,
      network: { ...proxy.counters },
    };
  } finally {
    clearInterval(speaker);
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    await proxy.stop();
    hub.stop();
    await bmc.stop();
  }
}
