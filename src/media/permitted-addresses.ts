/** Names as addresses that may be connected to. */
import type { LookupAddress } from 'node:dns';
import { isIP, isIPv6 } from 'node:net';
import { BmcError } from '../bmc/errors.ts';
import type { AddressPolicy } from './address-policy.ts';

export class PermittedAddresses {
  readonly #policy: AddressPolicy;
  readonly #resolve: (host: string) => Promise<readonly LookupAddress[]>;

  constructor(policy: AddressPolicy, resolve: (host: string) => Promise<readonly LookupAddress[]>) {
    this.#policy = policy;
    this.#resolve = resolve;
  }

  /**
   * One address that is permitted; the name is asked for once.
   * @param shown what people are told that it is about
   * @throws {BmcError} `not-permitted`, or `bad-argument` when there is none
   */
  async of(host: string, shown = host): Promise<LookupAddress> {
    if (isIP(host) !== 0) {
      this.require(host, shown);
      return { address: host, family: isIPv6(host) ? 6 : 4 };
    }
    let found: readonly LookupAddress[];
    try {
      found = await this.#resolve(host);
    } catch (cause) {
      throw new BmcError('bad-argument', `${host}: no address found`, { cause });
    }
    const permitted = found.find(({ address }) => this.#policy.refusal(address) === undefined);
    if (permitted) return permitted;
    const [first] = found;
    if (!first) throw new BmcError('bad-argument', `${host}: no address found`);
    this.require(first.address, shown);
    return first;
  }

  /** @throws {BmcError} `not-permitted` */
  require(address: string, shown: string): void {
    const reason = this.#policy.refusal(address);
    if (reason === undefined) return;
    throw new BmcError(
      'not-permitted',
      `${shown}: images are not fetched from this address: ${reason} (redfish.media.allow)`,
    );
  }
}
