/**
 * What a payload other than IPMI messages (Serial-over-LAN) sees of the RMCP+ session that carries it.
 * IPMI 2.0 §13.27.3, Table 13-16.
 */
import type { Actor, PrivilegeLevel } from '../bmc/actor.ts';

export const PayloadType = {
  ipmi: 0x00,
  sol: 0x01,
  oemExplicit: 0x02,
  openSessionRequest: 0x10,
  openSessionResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;
export type PayloadType = (typeof PayloadType)[keyof typeof PayloadType];

export type PayloadHandler = (payload: Uint8Array, arrival: PayloadArrival) => void;

export interface PayloadSession {
  /** The managed system's session ID. */
  readonly id: number;
  readonly userId: number;
  readonly actor: Actor;
  /** The level in force now; it can change during the session. */
  readonly privilege: PrivilegeLevel;
  /** Whether the session has keys for confidentiality and for integrity. */
  readonly canEncrypt: boolean;
  readonly canAuthenticate: boolean;
  /** UDP port of ours that the session uses. */
  readonly localPort: number;
  readonly open: boolean;
  /** Seals and sends one payload. Does nothing when the session is closed. */
  sendPayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void;
  /** Seals what will likely be sent next, so that sending this very object then costs little. */
  preparePayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void;
  /**
   * Receives the payloads of one type that arrive in this session; undefined ends it. Unless `keepAlive` is false
   * the session lives on without other traffic for as long as a receiver is there.
   */
  onPayload(
    type: PayloadType,
    handler: PayloadHandler | undefined,
    options?: { readonly keepAlive?: boolean },
  ): void;
  /** Told once, when the session ends for whatever reason. */
  onClose(listener: () => void): void;
}

export interface PayloadProtection {
  readonly encrypted: boolean;
  readonly authenticated: boolean;
}

/** How a payload came. */
export interface PayloadArrival extends PayloadProtection {
  /** How many packets of the session, sent after this one, have come before it. */
  readonly overtakenBy: number;
}
