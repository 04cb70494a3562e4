/** What an IPMI LAN face counts: all that comes in is either served or counted as dropped under its reason. */
export const lanCounterNames = [
  'received',
  'sent',
  'pings',
  /** RMCP acknowledges, which nobody here waits for. */
  'acks',
  'malformed',
  'unknownClass',
  'unknownPayload',
  /** Session-less messages that are none of the commands allowed there. */
  'sessionRequired',
  'unknownSession',
  'notProtected',
  'badAuthCode',
  'foreignSource',
  'undecryptable',
  'replayed',
  /** Requests that came again and were not executed again. */
  'retransmittedRequests',
  'retransmittedHandshakes',
  'requests',
  'halfOpenEvicted',
  /** Handshakes that were not begun: their sender began too many at once. */
  'halfOpenRefused',
  /** RAKP 1 that were answered late or not at all: too many challenges of their source were not met. */
  'challengesDelayed',
  'loginsRefused',
  'loginsThrottled',
  'loginsWrong',
  'sessionsOpened',
  'sessionsClosed',
] as const;
export type LanCounterName = (typeof lanCounterNames)[number];
export type LanCounters = Record<LanCounterName, number>;

export function newLanCounters(): LanCounters {
  return Object.fromEntries(lanCounterNames.map((name) => [name, 0])) as LanCounters;
}

/** What Get IP/UDP/RMCP Statistics tells, as far as a UDP socket knows it. IPMI 2.0 §23.4 */
export interface LanStatistics {
  /** Datagrams that reached us; each is one packet or more. */
  readonly received: number;
  readonly sent: number;
  /** Datagrams with a valid RMCP message. */
  readonly validRmcp: number;
}

export function lanStatistics(counters: LanCounters): LanStatistics {
  const { received, sent, malformed, unknownClass } = counters;
  return { received, sent, validRmcp: received - malformed - unknownClass };
}
