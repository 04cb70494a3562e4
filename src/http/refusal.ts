/** A request that the server refuses by itself, before any face sees it. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  readonly status: number;

  constructor(status: number) {
    super(`refused with status ${status}`);
    this.status = status;
  }
}
