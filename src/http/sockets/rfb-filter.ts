/**
 * What a viewer says to the machine's screen, message by message: lets pass what a viewer may say and leaves out what
 * acts on the machine unless keyboard and mouse are this viewer's. Decided here, since a viewer's own word that it only
 * looks on is worth nothing. RFC 6143 §7.1–7.5; the extensions are those that QEMU knows (rfbproto, §7.4–7.5).
 *
 * A message is held until it is whole, which the longest ones are with a few hundred bytes; of a clipboard's text the
 * head alone.
 */

/** Encodings a viewer may name. */
const maxEncodings = 128;
/** Text of the clipboard. */
const maxClipboardBytes = 256 * 1024;
const versionBytes = 12;
const securityTypeNone = 1;

const ClientMessage = {
  setPixelFormat: 0,
  setEncodings: 2,
  updateRequest: 3,
  key: 4,
  pointer: 5,
  clipboard: 6,
  continuousUpdates: 150,
  fence: 248,
  xvp: 250,
  setDesktopSize: 251,
  qemu: 255,
} as const;
const QemuMessage = { key: 0, audio: 1 } as const;

/** A viewer that speaks something else: the conversation cannot go on. */
export class RfbError extends Error {
  override readonly name = 'RfbError';
}

/** How long the message is, and whether it acts on the machine; undefined until more of it is known. */
interface Shape {
  readonly length: number;
  readonly effect: 'none' | 'input' | 'refused';
  /** Of the length, what need not be held. */
  readonly tail?: number;
}

export class RfbFilter {
  readonly #mayAct: () => boolean;
  #phase: 'version' | 'security' | 'init' | 'messages' = 'version';
  #held: Uint8Array = new Uint8Array(0);
  /** Bytes of the message under way that pass, or do not, as they come. */
  #tail = 0;
  #tailPasses = false;

  /** @param mayAct whether keyboard, mouse and clipboard pass now */
  constructor(mayAct: () => boolean) {
    this.#mayAct = mayAct;
  }

  /**
   * @returns what passes, in its order
   * @throws {RfbError}
   */
  pass(bytes: Uint8Array): Uint8Array {
    const out: Uint8Array[] = [];
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (;;) {
      if (this.#tail > 0 && rest.length > 0) {
        const part = rest.subarray(0, this.#tail);
        if (this.#tailPasses) out.push(part);
        this.#tail -= part.length;
        rest = rest.subarray(part.length);
        continue;
      }
      const shape =
        rest.length === 0 ? undefined : this.#shape(Buffer.from(rest.buffer, rest.byteOffset, rest.length));
      if (!shape) break;
      const head = shape.length - (shape.tail ?? 0);
      if (rest.length < head) break;
      const passes = shape.effect === 'none' || (shape.effect === 'input' && this.#mayAct());
      if (passes) out.push(this.#phase === 'init' ? Uint8Array.of(1) : rest.subarray(0, head));
      this.#tail = shape.tail ?? 0;
      this.#tailPasses = passes;
      rest = rest.subarray(head);
      this.#next();
    }
    this.#held = rest.slice();
    return out.length === 1 ? (out[0] as Uint8Array) : Buffer.concat(out);
  }

  /** Bytes that wait for the rest of their message. */
  get heldBytes(): number {
    return this.#held.length;
  }

  #next(): void {
    if (this.#phase === 'version') this.#phase = 'security';
    else if (this.#phase === 'security') this.#phase = 'init';
    else this.#phase = 'messages';
  }

  #shape(message: Buffer): Shape | undefined {
    switch (this.#phase) {
      case 'version':
        if (message.length < versionBytes) return undefined;
        // Earlier ones choose their security otherwise.
        if (!/^RFB 003\.00[78]\n/.test(message.toString('latin1', 0, versionBytes))) {
          throw new RfbError('RFB 3.7 or 3.8 is spoken here');
        }
        return { length: versionBytes, effect: 'none' };
      case 'security':
        if (message.readUInt8(0) !== securityTypeNone) {
          throw new RfbError('the conversation begins without a password: security type 1');
        }
        return { length: 1, effect: 'none' };
      // Whether it is shared: it always is.
      case 'init':
        return { length: 1, effect: 'none' };
      case 'messages':
        return messageShape(message);
    }
  }
}

function messageShape(message: Buffer): Shape | undefined {
  const type = message.readUInt8(0);
  switch (type) {
    case ClientMessage.setPixelFormat:
      return { length: 20, effect: 'none' };
    case ClientMessage.setEncodings: {
      if (message.length < 4) return undefined;
      const count = message.readUInt16BE(2);
      if (count > maxEncodings) throw new RfbError(`${count} encodings`);
      return { length: 4 + 4 * count, effect: 'none' };
    }
    case ClientMessage.updateRequest:
    case ClientMessage.continuousUpdates:
      return { length: 10, effect: 'none' };
    case ClientMessage.key:
      return { length: 8, effect: 'input' };
    case ClientMessage.pointer:
      return { length: 6, effect: 'input' };
    case ClientMessage.clipboard: {
      if (message.length < 8) return undefined;
      // Negative in the extended form.
      const length = Math.abs(message.readInt32BE(4));
      if (length > maxClipboardBytes) throw new RfbError(`${length} bytes for the clipboard`);
      return { length: 8 + length, tail: length, effect: 'input' };
    }
    case ClientMessage.fence: {
      if (message.length < 9) return undefined;
      const length = message.readUInt8(8);
      if (length > 64) throw new RfbError(`a fence of ${length} bytes`);
      return { length: 9 + length, effect: 'none' };
    }
    // Power is not switched this way.
    case ClientMessage.xvp:
      return { length: 4, effect: 'refused' };
    case ClientMessage.setDesktopSize:
      if (message.length < 7) return undefined;
      return { length: 8 + 16 * message.readUInt8(6), effect: 'input' };
    case ClientMessage.qemu:
      return qemuShape(message);
    default:
      throw new RfbError(`message ${type}`);
  }
}

function qemuShape(message: Buffer): Shape | undefined {
  if (message.length < 2) return undefined;
  switch (message.readUInt8(1)) {
    case QemuMessage.key:
      return { length: 12, effect: 'input' };
    case QemuMessage.audio:
      if (message.length < 4) return undefined;
      // Only the third of its operations says more than its name.
      return { length: message.readUInt16BE(2) === 2 ? 10 : 4, effect: 'refused' };
    default:
      throw new RfbError(`message 255.${message.readUInt8(1)}`);
  }
}
