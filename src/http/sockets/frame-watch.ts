/**
 * Watches a client's WebSocket frames go by, without keeping them: what their headers alone tell of a client that
 * wastes our time. The frames themselves are read by the library. RFC 6455 §5.2
 *
 * - A message that has begun and does not end: fragment after fragment, or a frame whose bytes do not come.
 * - More control frames than any client has reason to send.
 */
export interface FrameLimits {
  /** From a message's first byte to its last. */
  readonly messageMs: number;
  /** Control frames at once, and how many more each second allows. */
  readonly controlFrames: number;
  readonly controlFramesPerSecond: number;
  /** Frames of one message. */
  readonly fragments: number;
}

export const defaultFrameLimits: FrameLimits = {
  messageMs: 4000,
  controlFrames: 40,
  controlFramesPerSecond: 10,
  fragments: 64,
};

export class FrameWatch {
  readonly #limits: FrameLimits;
  /** Of the header under way. */
  readonly #header = Buffer.alloc(14);
  #headerLength = 0;
  /** Of the frame's payload, still to come. */
  #left = 0;
  /** The frame under way ends a message. */
  #ends = true;
  #fragments = 0;
  #begunAt: number | undefined;
  /** Control frames that may still come. */
  #allowance: number;
  #refilledAt: number;

  /** @param now monotonic, milliseconds */
  constructor(now: number, limits: FrameLimits = defaultFrameLimits) {
    this.#limits = limits;
    this.#allowance = limits.controlFrames;
    this.#refilledAt = now;
  }

  /** @returns what is wrong with the client; undefined for nothing */
  see(bytes: Uint8Array, now: number): string | undefined {
    let at = 0;
    while (at < bytes.length) {
      this.#begunAt ??= now;
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#frameEnds();
        continue;
      }
      this.#header[this.#headerLength++] = bytes[at++] as number;
      if (this.#headerLength < headerLength(this.#header, this.#headerLength)) continue;
      const wrong = this.#frameBegins(now);
      if (wrong) return wrong;
    }
    return this.overdue(now);
  }

  /** @returns what is wrong with a client that has not ended its message; undefined for nothing */
  overdue(now: number): string | undefined {
    if (this.#begunAt === undefined || now - this.#begunAt <= this.#limits.messageMs) return undefined;
    return 'a message that does not end';
  }

  /** The time until now does not count: nothing of the client was read. */
  forgive(now: number): void {
    if (this.#begunAt !== undefined) this.#begunAt = now;
  }

  #frameBegins(now: number): string | undefined {
    const header = this.#header;
    const opcode = header.readUInt8(0) & 0x0f;
    const isControl = opcode >= 8;
    const isLast = (header.readUInt8(0) & 0x80) !== 0;
    const length = header.readUInt8(1) & 0x7f;
    if (length < 126) this.#left = length;
    else if (length === 126) this.#left = header.readUInt16BE(2);
    // More than any message may have: what exactly does not matter.
    else this.#left = header.readUInt32BE(2) > 0 ? 0xffff_ffff : header.readUInt32BE(6);
    this.#headerLength = 0;
    if (isControl) {
      if (!this.#takeAllowance(now)) return 'too many control frames';
      // Between the fragments of a message it ends none of them.
      this.#ends = this.#fragments === 0;
    } else {
      this.#fragments++;
      if (this.#fragments > this.#limits.fragments) return 'a message in too many pieces';
      this.#ends = isLast;
      if (isLast) this.#fragments = 0;
    }
    if (this.#left === 0) this.#frameEnds();
    return undefined;
  }

  #frameEnds(): void {
    if (this.#ends) this.#begunAt = undefined;
  }

  #takeAllowance(now: number): boolean {
    const { controlFrames, controlFramesPerSecond } = this.#limits;
    const gained = ((now - this.#refilledAt) / 1000) * controlFramesPerSecond;
    this.#allowance = Math.min(controlFrames, this.#allowance + gained) - 1;
    this.#refilledAt = now;
    return this.#allowance >= 0;
  }
}

/** How long the header is, as far as its first bytes tell. */
function headerLength(header: Uint8Array, known: number): number {
  if (known < 2) return 2;
  const second = header[1] as number;
  const length = second & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((second & 0x80) !== 0 ? 4 : 0);
}
