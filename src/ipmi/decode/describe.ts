/**
 * Says in words what an IPMI datagram is, by the tables and codecs that the BMC itself runs on. Follows sessions
 * through a capture, so that it can open encrypted packets when it is given the password.
 */
import { DecodeError, toHex } from '../../lib/bytes.ts';
import { decode } from '../../lib/codec.ts';
import { systemRandom } from '../../lib/random.ts';
import { sameSecret } from '../../lib/same-secret.ts';
import { ipmiCommands } from '../commands/commands.ts';
import {
  AuthAlgorithm,
  type CipherSuite,
  ConfidentialityAlgorithm,
  cipherSuites,
  IntegrityAlgorithm,
} from '../crypto/cipher-suites.ts';
import { type Confidentiality, confidentialityOf } from '../crypto/confidentiality.ts';
import {
  authDetails,
  LoginKey,
  type RakpTranscript,
  rakp2Code,
  sessionIntegrityKey,
  sessionKeys,
} from '../crypto/keys.ts';
import { CompletionCode } from '../message/completion-code.ts';
import { decodeMessage } from '../message/message.ts';
import { NetFn } from '../message/net-fn.ts';
import { PayloadType } from '../payload.ts';
import { AsfType, decodeAsf } from '../rmcp/asf-presence.ts';
import { decodeRmcpHeader, RmcpClass, rmcpHeaderLength } from '../rmcp/header.ts';
import { decodePacket, type RmcpPlusPacket } from '../session/packet.ts';
import { decodeOpenSessionRequest, decodeRakp1, decodeRakp3, RmcpStatus } from '../session/rakp.ts';
import { AuthType, decodeV15Packet } from '../session/v15-packet.ts';
import { BmcPacket, ConsolePacket } from '../sol/packet.ts';

export interface Secrets {
  readonly password?: Uint8Array;
  /** K_G, for two-key logins. */
  readonly kg?: Uint8Array;
}

/** What a capture has told of one session so far. */
interface KnownSession {
  readonly remoteConsoleSessionId: number;
  readonly managedSystemSessionId: number;
  readonly suite: CipherSuite | undefined;
  rakp1?: { readonly rm: Uint8Array; readonly role: number; readonly userName: Uint8Array };
  /** One for each direction: each runs through its own packets. */
  confidentiality?: Confidentiality | undefined;
  note?: string;
}

export class Describer {
  readonly #secrets: Secrets;
  /** By either party's session ID; consoles reuse theirs, so the latest counts. */
  readonly #byConsole = new Map<number, KnownSession>();
  readonly #bySystem = new Map<number, KnownSession>();

  constructor(secrets: Secrets = {}) {
    this.#secrets = secrets;
  }

  /** @param toBmc the direction, from which the meaning of some fields follows. Never throws. */
  describe(datagram: Uint8Array, toBmc: boolean): string {
    try {
      const { messageClass, ack } = decodeRmcpHeader(datagram);
      const body = datagram.subarray(rmcpHeaderLength);
      if (ack) return `RMCP acknowledge, class ${messageClass}`;
      if (messageClass === RmcpClass.asf) return describeAsf(body);
      if (messageClass !== RmcpClass.ipmi) return `RMCP class ${hex(messageClass)}`;
      return body[0] === AuthType.rmcpPlus ? this.#rmcpPlus(body, toBmc) : describeV15(body);
    } catch (error) {
      if (error instanceof DecodeError) return `not understood: ${error.message}`;
      throw error;
    }
  }

  #rmcpPlus(body: Uint8Array, toBmc: boolean): string {
    const packet = decodePacket(body);
    const { payloadType, payloadStart, payloadEnd, sessionId, sequence, encrypted, authenticated } = packet;
    const marks = `${encrypted ? ', encrypted' : ''}${authenticated ? ', authenticated' : ''}`;
    const head = sessionId === 0 ? 'RMCP+' : `RMCP+ ${hex(sessionId, 8)} #${sequence}${marks}`;
    let { payload } = packet;
    if (encrypted) {
      const session = (toBmc ? this.#bySystem : this.#byConsole).get(sessionId);
      const opened = session?.confidentiality?.open(body, payloadStart, payloadEnd);
      if (!opened) {
        const why = session?.note ?? (session ? 'no password given' : 'its login is not in the capture');
        return `${head}: ${nameIn(PayloadType, payloadType)}, ${payload.length} bytes (${why})`;
      }
      payload = opened;
    }
    return `${head}: ${this.#payload(packet, payload, toBmc)}`;
  }

  #payload({ payloadType }: RmcpPlusPacket, payload: Uint8Array, toBmc: boolean): string {
    switch (payloadType) {
      case PayloadType.ipmi:
        return describeMessage(payload);
      case PayloadType.sol:
        return describeSol(payload, toBmc);
      case PayloadType.openSessionRequest: {
        const { tag, privilegeLevel, remoteConsoleSessionId, algorithms } = decodeOpenSessionRequest(payload);
        const { auth, integrity, confidentiality } = algorithms;
        return `Open Session Request ${fields({ tag, privilegeLevel, remoteConsoleSessionId: hex(remoteConsoleSessionId, 8), auth: auth ?? 'any', integrity: integrity ?? 'any', confidentiality: confidentiality ?? 'any' })}`;
      }
      case PayloadType.openSessionResponse:
        return this.#openSessionResponse(payload);
      case PayloadType.rakp1: {
        const { tag, managedSystemSessionId, rm, role, userName } = decodeRakp1(payload);
        const session = this.#bySystem.get(managedSystemSessionId);
        if (session) session.rakp1 = { rm, role, userName };
        const name = Buffer.from(userName).toString('latin1');
        return `RAKP 1 ${fields({ tag, managedSystemSessionId: hex(managedSystemSessionId, 8), role: hex(role), userName: name, rm: toHex(rm) })}`;
      }
      case PayloadType.rakp2:
        return this.#rakp2(payload);
      case PayloadType.rakp3: {
        const { tag, status, managedSystemSessionId, code } = decodeRakp3(payload);
        return `RAKP 3 ${fields({ tag, status: nameIn(RmcpStatus, status), managedSystemSessionId: hex(managedSystemSessionId, 8), code: toHex(code) })}`;
      }
      case PayloadType.rakp4:
        return `RAKP 4 ${fields({ ...statusHead(payload), check: toHex(payload.subarray(8)) })}`;
      default:
        return `payload type ${hex(payloadType)}, ${payload.length} bytes: ${toHex(payload)}`;
    }
  }

  #openSessionResponse(payload: Uint8Array): string {
    const head = statusHead(payload);
    if (payload.length < 36) return `Open Session Response ${fields(head)}`;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const remoteConsoleSessionId = view.getUint32(4, true);
    const managedSystemSessionId = view.getUint32(8, true);
    const [auth, integrity, confidentiality] = [16, 24, 32].map((at) => (payload[at] as number) & 0x3f);
    const suite = cipherSuites.find(
      (candidate) =>
        AuthAlgorithm[candidate.auth] === auth &&
        IntegrityAlgorithm[candidate.integrity] === integrity &&
        ConfidentialityAlgorithm[candidate.confidentiality] === confidentiality,
    );
    const session: KnownSession = { remoteConsoleSessionId, managedSystemSessionId, suite };
    this.#byConsole.set(remoteConsoleSessionId, session);
    this.#bySystem.set(managedSystemSessionId, session);
    return `Open Session Response ${fields({ ...head, managedSystemSessionId: hex(managedSystemSessionId, 8), auth, integrity, confidentiality, cipherSuite: suite?.id ?? 'unknown' })}`;
  }

  #rakp2(payload: Uint8Array): string {
    const head = statusHead(payload);
    if (payload.length < 40) return `RAKP 2 ${fields(head)}`;
    const [rc, guid, code] = [payload.subarray(8, 24), payload.subarray(24, 40), payload.subarray(40)];
    const session = this.#byConsole.get(new DataView(payload.buffer, payload.byteOffset).getUint32(4, true));
    const { password, kg } = this.#secrets;
    let proof = '';
    if (session?.suite && session.rakp1 && password) {
      const { remoteConsoleSessionId, managedSystemSessionId, suite } = session;
      const transcript: RakpTranscript = {
        remoteConsoleSessionId,
        managedSystemSessionId,
        rc: rc.slice(),
        guid: guid.slice(),
        ...session.rakp1,
      };
      const kuid = new LoginKey(suite.auth, password);
      const right = sameSecret(rakp2Code(kuid, transcript), code);
      proof = right ? ' (the password fits)' : ' (the password does not fit)';
      session.note = right ? 'K_G does not fit, or is needed' : 'the password does not fit';
      const kgKey = kg ? new LoginKey(suite.auth, kg) : kuid;
      const sik = sessionIntegrityKey(kgKey, transcript);
      const keys = sessionKeys(new LoginKey(suite.auth, sik));
      session.confidentiality = confidentialityOf(suite, keys.k2, systemRandom());
    }
    const expected = session?.suite ? authDetails[session.suite.auth].codeLength : code.length;
    const length = expected === code.length ? '' : ` (${code.length} bytes, ${expected} expected)`;
    return `RAKP 2 ${fields({ ...head, rc: toHex(rc), guid: toHex(guid), code: toHex(code) })}${length}${proof}`;
  }
}

function describeAsf(body: Uint8Array): string {
  const { type, tag, data } = decodeAsf(body);
  const names: Readonly<Record<number, string>> = {
    [AsfType.presencePing]: 'ASF presence ping',
    [AsfType.presencePong]: 'ASF presence pong',
  };
  return `${names[type] ?? `ASF type ${hex(type)}`} ${fields({ tag, ...(data.length > 0 ? { data: toHex(data) } : {}) })}`;
}

function describeV15(body: Uint8Array): string {
  const { authType, sequence, sessionId, payload } = decodeV15Packet(body);
  const session = sessionId === 0 ? '' : ` ${hex(sessionId, 8)} #${sequence}`;
  return `v1.5${session}${authType === AuthType.none ? '' : ` ${nameIn(AuthType, authType)}`}: ${describeMessage(payload)}`;
}

function describeMessage(bytes: Uint8Array): string {
  const { netFn, rsLun, rqSeq, cmd, data } = decodeMessage(bytes);
  const response = (netFn & 1) === 1;
  const request = netFn & 0xfe;
  // The group's number stands in front of a request's data, and behind a response's completion code.
  const definition = ipmiCommands.find({
    netFn: request,
    rsLun,
    cmd,
    data: response ? data.subarray(1) : data,
  });
  const name = definition?.name ?? `${nameIn(NetFn, request)} command ${hex(cmd)}`;
  const lead = `${name} ${response ? 'response' : 'request'}, sequence ${rqSeq}`;
  if (!response) return `${lead}${content(definition?.request, withoutGroup(data), name)}`;
  const [code] = data;
  if (code === undefined) return `${lead}, no completion code`;
  const rest = content(
    code === CompletionCode.ok ? definition?.response : undefined,
    withoutGroup(data.subarray(1)),
    name,
  );
  return `${lead}: ${nameIn(CompletionCode, code)}${rest}`;

  function withoutGroup(body: Uint8Array): Uint8Array {
    return definition?.group === undefined ? body : body.subarray(1);
  }
}

function content(codec: Parameters<typeof decode>[0] | undefined, data: Uint8Array, name: string): string {
  if (data.length === 0) return '';
  if (!codec) return `, data ${toHex(data)}`;
  try {
    const value = decode(codec, data, name);
    return typeof value === 'object' && value !== null ? ` ${fields(value)}` : ` ${JSON.stringify(value)}`;
  } catch (error) {
    if (error instanceof DecodeError) return `, data ${toHex(data)} (${error.message})`;
    throw error;
  }
}

function describeSol(payload: Uint8Array, toBmc: boolean): string {
  const { sequence, acknowledged, acceptedCount, status, data } = toBmc
    ? decode(ConsolePacket, payload, 'SOL packet')
    : decode(BmcPacket, payload, 'SOL packet');
  const bits = Object.entries(status).flatMap(([name, set]) => (set === true ? [name] : []));
  const parts = [
    sequence === 0 ? 'no sequence' : `sequence ${sequence}`,
    ...(acknowledged === 0
      ? []
      : [`${bits.includes('nack') ? 'refuses' : 'acknowledges'} ${acknowledged} (${acceptedCount} taken)`]),
    ...bits,
    ...(data.length === 0
      ? []
      : [`${data.length} characters ${JSON.stringify(Buffer.from(data).toString('latin1'))}`]),
  ];
  return `SOL ${parts.join(', ')}`;
}

/** What replies to session set-up have in common. */
function statusHead(payload: Uint8Array): { tag: number; status: string; remoteConsoleSessionId: string } {
  if (payload.length < 8)
    throw new DecodeError(`session set-up reply: need 8 bytes, ${payload.length} given`);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return {
    tag: view.getUint8(0),
    status: nameIn(RmcpStatus, view.getUint8(1)),
    remoteConsoleSessionId: hex(view.getUint32(4, true), 8),
  };
}

function nameIn(table: Readonly<Record<string, number>>, value: number): string {
  const name = Object.keys(table).find((key) => table[key] === value);
  return name === undefined ? hex(value) : `${name} (${hex(value)})`;
}

function fields(value: object): string {
  const text = JSON.stringify(readable(value));
  return text.replace(/"([A-Za-z_][A-Za-z0-9_]*)":/g, '$1: ').replaceAll(',', ', ');
}

/** Bytes as hexadecimal digits. Beforehand, since a Buffer would turn itself into something else. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readable(item)]));
}

function hex(value: number, digits = 2): string {
  return `${value.toString(16).toUpperCase().padStart(digits, '0')}h`;
}
