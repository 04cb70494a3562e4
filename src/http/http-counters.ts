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
  readonly #answers = new Map<string, { -readonly [Key in keyof AnswerCount]: AnswerCount[Key] }>();

  answered(face: string, method: string, status: number): void {
    const known = methods.has(method) ? method : 'other';
    const key = `${face} ${known} ${status}`;
    const entry = this.#answers.get(key);
    if (entry) entry.count++;
    else this.#answers.set(key, { face, method: known, status, count: 1 });
  }

  get answers(): readonly AnswerCount[] {
    return [...this.#answers.values()];
  }
}
