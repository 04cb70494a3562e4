/**
 * Asks whether a BMC is there, as any client does and without a login: the RMCP presence ping (IPMI 2.0 §13.2.3), and
 * an RMCP+ Open Session that leaves every algorithm to the managed system (§13.17). One attempt is two datagrams;
 * the BMC forgets a session that is opened and not used.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ByteReader, ByteWriter, DecodeError } from '../lib/bytes.ts';
import { PayloadType } from './payload.ts';
import { AsfType, decodeAsf, encodeAsf } from './rmcp/asf-presence.ts';
import { decodeRmcpHeader, RmcpClass, rmcpHeaderLength } from './rmcp/header.ts';
import { decodePacket, encodePacket } from './session/packet.ts';
import { RmcpStatus } from './session/rakp.ts';

export interface ProbeTarget {
  /** `0.0.0.0` and `::` stand for all addresses: the probe then asks the loopback address. */
  readonly address: string;
  readonly port: number;
}

export interface ProbeResult {
  /** The presence ping was answered. */
  readonly present: boolean;
  /** The answer to Open Session: 0 when it would let us go on, see {@link RmcpStatus}; undefined without one. */
  readonly openSession: number | undefined;
}

/** How long one attempt waits for its answers before it sends both datagrams again. */
const attemptMs = 100;
const pollMs = 10;

/**
 * Asks until both questions are answered, or `timeoutMs` is over.
 * @param until ends the waiting early
 */
export async function probeLan(
  target: ProbeTarget,
  timeoutMs: number,
  until: () => boolean = () => false,
): Promise<ProbeResult> {
  const address = { '0.0.0.0': '127.0.0.1', '::': '127.0.0.1' }[target.address] ?? target.address;
  const remoteConsoleSessionId = randomBytes(4).readUInt32LE() || 1;
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let present = false;
  let openSession: number | undefined;
  socket.on('message', (datagram) => {
    try {
      const answer = read(datagram, remoteConsoleSessionId);
      present ||= answer === 'pong';
      if (typeof answer === 'number') openSession = answer;
    } catch (error) {
      // Whoever sent this speaks another language: not the answer that is waited for.
      if (!(error instanceof DecodeError)) throw error;
    }
  });
  // A port where nobody listens yet comes back as an error; the next attempt may find somebody.
  socket.on('error', () => undefined);
  const answered = () => present && openSession !== undefined;
  const deadline = performance.now() + timeoutMs;
  let sendAt = performance.now();
  while (!answered() && !until() && performance.now() < deadline) {
    if (performance.now() >= sendAt) {
      sendAt += attemptMs;
      for (const datagram of [presencePing(), openSessionRequest(remoteConsoleSessionId)]) {
        socket.send(datagram, target.port, address, () => undefined);
      }
    }
    await sleep(pollMs);
  }
  socket.close();
  return { present, openSession };
}

function presencePing(): Uint8Array {
  return encodeAsf({ type: AsfType.presencePing, tag: 0, data: new Uint8Array(0) });
}

/** IPMI 2.0 §13.17, Table 13-9; a record without an algorithm has the length 0. */
function openSessionRequest(remoteConsoleSessionId: number): Uint8Array {
  const payload = new ByteWriter(32);
  payload.u8(0).u8(0).u16le(0).u32le(remoteConsoleSessionId);
  for (const record of [0, 1, 2]) payload.u8(record).u16le(0).u8(0).u8(0).u24le(0);
  return encodePacket({
    payloadType: PayloadType.openSessionRequest,
    sessionId: 0,
    sequence: 0,
    payload: payload.finish(),
  });
}

/**
 * @returns `pong`, the status of an Open Session Response to us, or undefined for anything else
 * @throws {DecodeError}
 */
function read(datagram: Uint8Array, remoteConsoleSessionId: number): 'pong' | number | undefined {
  const { messageClass } = decodeRmcpHeader(datagram);
  const body = datagram.subarray(rmcpHeaderLength);
  if (messageClass === RmcpClass.asf) {
    return decodeAsf(body).type === AsfType.presencePong ? 'pong' : undefined;
  }
  if (messageClass !== RmcpClass.ipmi) return undefined;
  const { payloadType, payload } = decodePacket(body);
  if (payloadType !== PayloadType.openSessionResponse) return undefined;
  const reader = new ByteReader(payload, 'Open Session Response');
  reader.u8();
  const status = reader.u8();
  reader.u16le();
  return reader.u32le() === remoteConsoleSessionId ? status : undefined;
}
