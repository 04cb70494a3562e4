/** What a terminal showed, as asciicast v2: a line of JSON for the head, and one for each piece of output. */
export class Recording {
  readonly #startedAt = performance.now();
  readonly #lines: string[];
  readonly #decoder = new TextDecoder();

  constructor({
    columns,
    rows,
    title,
  }: { readonly columns: number; readonly rows: number; readonly title: string }) {
    const timestamp = Math.floor(Date.now() / 1000);
    this.#lines = [JSON.stringify({ version: 2, width: columns, height: rows, timestamp, title })];
  }

  output(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text !== '') this.#add('o', text);
  }

  resize(columns: number, rows: number): void {
    this.#add('r', `${columns}x${rows}`);
  }

  /** The file, so far. */
  get file(): Blob {
    return new Blob([`${this.#lines.join('\n')}\n`], { type: 'application/x-asciicast' });
  }

  #add(code: 'o' | 'r', data: string): void {
    const seconds = Math.round(performance.now() - this.#startedAt) / 1000;
    this.#lines.push(JSON.stringify([seconds, code, data]));
  }
}

/** Has the browser keep a file. */
export function download(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
