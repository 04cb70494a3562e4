/** What the servers over HTTP count: every answer by who gave it, its method and its status, and handshakes that failed. */
export interface AnswerCount {
  /** Where the face is that answered, such as `/redfish`; empty where none did. */
  readonly face: string;
  /** One of the methods that faces know, or `other`; empty for what was no request. */
  readonly method: string;
  readonly status: number;
  readonly count: number;
}

/** All others count as one: clients invent methods, and each would be kept for ever. */
const methods: ReadonlySet<string> = new Set([
  '',
  'GET',
  'HEAD',
  'POST',
  'PATCH',
  'PUT',
  'DELETE',
  'OPTIONS',
]);

export class HttpCounters {
  /** TLS handshakes that came to no connection. */
  handshakesFailed = 0;
  /** By face, method and status. */
  readonly #answers = new Map<string, Map<string, Map<number, number>>>();

  answered(face: string, method: string, status: number): void {
    const known = methods.has(method) ? method : 'other';
    const byMethod = getOrAdd(this.#answers, face, () => new Map<string, Map<number, number>>());
    const byStatus = getOrAdd(byMethod, known, () => new Map<number, number>());
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  }

  get answers(): readonly AnswerCount[] {
    return [...this.#answers].flatMap(([face, byMethod]) =>
      [...byMethod].flatMap(([method, byStatus]) =>
        [...byStatus].map(([status, count]) => ({ face, method, status, count })),
      ),
    );
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
