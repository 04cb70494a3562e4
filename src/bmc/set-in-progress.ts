/** The announcement "I am changing settings": one client at a time, for as long as it is there. */
import { BmcError } from './errors.ts';

/** Who changes settings, for as long as it is there: a session. */
export interface Setter {
  readonly open: boolean;
}

export class SetInProgress {
  readonly #what: string;
  #setter: Setter | undefined;

  /** @param what is being set, such as `LAN settings` */
  constructor(what: string) {
    this.#what = what;
  }

  get active(): boolean {
    return this.#setter?.open ?? false;
  }

  /** @throws {BmcError} `busy` when another client has announced the same and is still there */
  begin(setter: Setter): void {
    if (this.#setter?.open && this.#setter !== setter) {
      throw new BmcError('busy', `${this.#what} are being changed by another client`);
    }
    this.#setter = setter;
  }

  complete(): void {
    this.#setter = undefined;
  }
}
