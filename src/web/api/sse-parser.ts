/** Server-Sent Events from a stream of text, in pieces of any size. HTML Standard §9.2.6, without `event` and `retry`. */

export interface SseMessage {
  readonly id: string | undefined;
  readonly data: string;
}

export class SseParser {
  #rest = '';
  #id: string | undefined;
  #data: string[] = [];

  /** @returns the messages that are whole with this piece */
  push(text: string): readonly SseMessage[] {
    const messages: SseMessage[] = [];
    // A CR at the end may be half of a CRLF: it waits for what follows.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) messages.push({ id: this.#id, data: this.#data.join('\n') });
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') this.#data.push(value);
      else if (field === 'id' && !value.includes('\0')) this.#id = value;
    }
    return messages;
  }
}
