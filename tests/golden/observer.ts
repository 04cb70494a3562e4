/**
 * Reads a recorded exchange as somebody who knows the keys and overhears both sides. It shares nothing with the
 * BMC's code: keys and codes are made here from the specification with node:crypto. Knows cipher suites 3 and 17.
 */
import { createDecipheriv, createHmac } from 'node:crypto';
import { plainPacket } from '../support/ipmi-client.ts';

export interface Overheard {
  readonly direction: 'in' | 'out';
  readonly peer: string;
  readonly hex: string;
}

export interface Secrets {
  readonly users: readonly { readonly name: string; readonly password: string }[];
  readonly kg?: string;
}

export interface Observation {
  /** What each login ended in, as `user suite`: status of RAKP 4, or of the message that refused. */
  readonly logins: string[];
  /** In-session replies in order: NetFn of the request, command, completion code, all in hex. */
  readonly replies: string[];
  /** Messages outside a session that were answered: `pong`, or as in `replies`. */
  readonly outside: string[];
  /** What Serial-over-LAN brought. */
  readonly console: string;
  /** Every packet without protection, as one outside a session, for readers that know no keys. */
  readonly clear: Uint8Array[];
}

const algorithms: Record<string, { suite: number; hash: string; codeLength: number }> = {
  '1 1 1': { suite: 3, hash: 'sha1', codeLength: 12 },
  '3 4 1': { suite: 17, hash: 'sha256', codeLength: 16 },
};

interface Login {
  readonly peer: string;
  readonly consoleSid: Buffer;
  readonly managedSid: Buffer;
  readonly suite: number;
  readonly hash: string;
  readonly codeLength: number;
  user: string;
  password: string;
  nameAndRole: Buffer;
  rm: Buffer;
  rc: Buffer;
  guid: Buffer;
  k1: Buffer;
  k2: Buffer;
}

const nothing = Buffer.alloc(0);

/** @throws {Error} at the first packet whose code, padding or checksum is wrong */
export function observe(packets: readonly Overheard[], secrets: Secrets): Observation {
  const seen = {
    logins: [] as string[],
    replies: [] as string[],
    outside: [] as string[],
    clear: [] as Uint8Array[],
  };
  let console = '';
  const logins: Login[] = [];
  const loginOf = (peer: string, side: 'consoleSid' | 'managedSid', sid: Buffer): Login => {
    const found = logins.findLast((login) => login.peer === peer && login[side].equals(sid));
    if (!found) throw new Error(`no login by ${peer} has session ${sid.toString('hex')}`);
    return found;
  };

  packets.forEach(({ direction, peer, hex }) => {
    const bytes = Buffer.from(hex, 'hex');
    const out = direction === 'out';
    const messageClass = (bytes[3] ?? 0) & 0x1f;
    if (messageClass !== 7 || bytes[4] !== 6) {
      seen.clear.push(bytes);
      if (!out) return;
      seen.outside.push(messageClass === 6 ? 'pong' : replyOf(bytes.subarray(14)));
      return;
    }
    const type = bytes[5] ?? 0;
    const sid = bytes.subarray(6, 10);
    const end = 16 + bytes.readUInt16LE(14);
    const payload = bytes.subarray(16, end);
    const kind = type & 0x3f;
    if (sid.readUInt32LE() !== 0) {
      const login = loginOf(peer, out ? 'consoleSid' : 'managedSid', sid);
      const clear = unseal(bytes, type, end, login);
      seen.clear.push(plainPacket(kind, clear));
      if (out && kind === 0) seen.replies.push(replyOf(clear));
      if (out && kind === 1) console += clear.subarray(4).toString('latin1');
      return;
    }
    seen.clear.push(bytes);
    const status = payload[1] ?? 0;
    if (kind === 0x00 && out) seen.outside.push(replyOf(payload));
    if (kind === 0x11) {
      if (status !== 0) seen.logins.push(`refused at Open Session: ${status}`);
      else logins.push(opened(peer, payload));
    } else if (kind === 0x12) {
      const login = loginOf(peer, 'managedSid', payload.subarray(4, 8));
      login.rm = payload.subarray(8, 24);
      login.nameAndRole = Buffer.concat([payload.subarray(24, 25), payload.subarray(27)]);
      login.user = payload.subarray(28).toString('latin1');
      login.password = secrets.users.find(({ name }) => name === login.user)?.password ?? '';
    } else if (kind === 0x13) {
      const login = loginOf(peer, 'consoleSid', payload.subarray(4, 8));
      if (status !== 0) {
        seen.logins.push(`${login.user} ${login.suite} refused at RAKP 2: ${status}`);
        return;
      }
      login.rc = payload.subarray(8, 24);
      login.guid = payload.subarray(24, 40);
      const { consoleSid, managedSid, rm, rc, guid, nameAndRole } = login;
      const code = hmac(login, login.password, consoleSid, managedSid, rm, rc, guid, nameAndRole);
      same('RAKP 2', payload.subarray(40), code);
    } else if (kind === 0x14 && status !== 0) {
      const login = loginOf(peer, 'managedSid', payload.subarray(4, 8));
      seen.logins.push(`${login.user} ${login.suite} given up at RAKP 3: ${status}`);
    } else if (kind === 0x14) {
      const login = loginOf(peer, 'managedSid', payload.subarray(4, 8));
      same(
        'RAKP 3',
        payload.subarray(8),
        hmac(login, login.password, login.rc, login.consoleSid, login.nameAndRole),
      );
    } else if (kind === 0x15) {
      const login = loginOf(peer, 'consoleSid', payload.subarray(4, 8));
      seen.logins.push(
        `${login.user} ${login.suite} ${status === 0 ? 'ok' : `refused at RAKP 4: ${status}`}`,
      );
      if (status !== 0) return;
      const sik = hmac(login, secrets.kg ?? login.password, login.rm, login.rc, login.nameAndRole);
      login.k1 = hmac(login, sik, Buffer.alloc(20, 1));
      login.k2 = hmac(login, sik, Buffer.alloc(20, 2));
      const code = hmac(login, sik, login.rm, login.managedSid, login.guid);
      same('RAKP 4', payload.subarray(8), code.subarray(0, login.codeLength));
    }
  });
  return { ...seen, console };
}

function opened(peer: string, response: Buffer): Login {
  const found = algorithms[[response[16], response[24], response[32]].join(' ')];
  if (!found) throw new Error('neither cipher suite 3 nor 17');
  const empty = { user: '', password: '', nameAndRole: nothing, rm: nothing, rc: nothing, guid: nothing };
  const sids = { consoleSid: response.subarray(4, 8), managedSid: response.subarray(8, 12) };
  return { peer, ...sids, ...found, ...empty, k1: nothing, k2: nothing };
}

function hmac({ hash }: Login, key: Uint8Array | string, ...parts: readonly Uint8Array[]): Buffer {
  return createHmac(hash, key).update(Buffer.concat(parts)).digest();
}

function same(what: string, given: Buffer, expected: Buffer): void {
  if (!expected.equals(given)) throw new Error(`${what}: the code is wrong`);
}

/** Verifies, decrypts. */
function unseal(bytes: Buffer, type: number, end: number, login: Login): Buffer {
  if ((type & 0xc0) !== 0xc0) throw new Error('in a session, but not protected');
  const trailer = bytes.length - login.codeLength;
  const covered = bytes.subarray(4, trailer);
  const padLength = bytes[trailer - 2] ?? 0;
  if (covered.length % 4 !== 0 || bytes[trailer - 1] !== 7 || end + padLength + 2 !== trailer) {
    throw new Error('wrong trailer');
  }
  same('trailer', bytes.subarray(trailer), hmac(login, login.k1, covered).subarray(0, login.codeLength));
  const decipher = createDecipheriv('aes-128-cbc', login.k2.subarray(0, 16), bytes.subarray(16, 32));
  const plain = decipher.setAutoPadding(false).update(bytes.subarray(32, end));
  const pad = plain[plain.length - 1] ?? 0;
  const length = plain.length - 1 - pad;
  for (let i = 0; i < pad; i++) if (plain[length + i] !== i + 1) throw new Error('wrong padding');
  return plain.subarray(0, length);
}

/** A response message as `NetFn of the request, command, completion code`. */
function replyOf(message: Buffer): string {
  const sum = (part: Buffer) => part.reduce((total, byte) => (total + byte) & 0xff, 0);
  if (sum(message.subarray(0, 3)) !== 0 || sum(message.subarray(3)) !== 0) throw new Error('wrong checksum');
  const netFn = ((message[1] ?? 0) >> 2) - 1;
  return [netFn, message[5] ?? 0, message[6] ?? 0].map((n) => n.toString(16).padStart(2, '0')).join(' ');
}
