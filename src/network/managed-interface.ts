/**
 * Changes the interface that the configuration hands to the BMC, as IPMI clients want it: IPv4 address, gateway, VLAN,
 * IPv6 addresses and router, by iproute2 and a DHCP client.
 *
 * There is one way to any state, {@link ManagedInterface.apply}: it compares what is wanted with what is there. Going
 * back after a failure is the same with the earlier settings. What others have put on the interface stays.
 */
import {
  type NetworkControl,
  type NetworkSettings,
  prefixLengthOf,
  staticIpv6Places,
  type Vlan,
} from '../bmc/management-network.ts';
import type { DhcpClient } from './dhcp-client.ts';
import { NetworkError, type NetworkHost } from './host-commands.ts';
import type { Carrier } from './host-network.ts';
import { type LinkDetails, linkDetails, presentIpv6Addresses, vlanOf } from './link-details.ts';

export interface ManagedInterfaceOptions {
  /** Name of the interface, without a VLAN. */
  readonly name: string;
  /** Whether the BMC is reached by IPv6, too. */
  readonly ipv6: boolean;
  readonly host: NetworkHost;
  /** Absent where there is none. */
  readonly dhcp?: DhcpClient;
}

/** Tells the VLAN interfaces that we made from others. */
const mark = 'qemu-bmc management VLAN';
const noAddress = '0.0.0.0';
const noAddress6 = '::';
/** How long the kernel may look for duplicates of a new IPv6 address. RFC 4862: a second as a rule. */
const duplicatesLimitMs = 5000;

interface Route {
  readonly gateway?: string;
  readonly protocol?: string;
}

export class ManagedInterface implements NetworkControl {
  readonly #options: ManagedInterfaceOptions;
  readonly #host: NetworkHost;
  readonly #name: string;
  #carrierName: string;
  /** The BMC's own among several addresses, once it has been set. */
  #address: string | undefined;

  /** @throws {NetworkError} saying what is missing to change the interface */
  static async open(options: ManagedInterfaceOptions): Promise<ManagedInterface> {
    const { host, name } = options;
    const status = await host.read('/proc/self/status');
    const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
    if (((effective >> netAdmin) & 1n) === 0n) {
      throw new NetworkError(
        `bmc.managedInterface ${name}: changing an interface needs the capability CAP_NET_ADMIN ` +
          '(in a container: --cap-add NET_ADMIN); without it leave BMC_MANAGED_INTERFACE empty',
      );
    }
    const links = await linkDetails(host);
    if (!links.some(({ ifname }) => ifname === name)) {
      const others = links.map(({ ifname }) => ifname).join(', ');
      throw new NetworkError(`bmc.managedInterface: there is no interface ${name}; there are ${others}`);
    }
    const managed = new ManagedInterface(options);
    await managed.settings();
    return managed;
  }

  private constructor(options: ManagedInterfaceOptions) {
    this.#options = options;
    this.#host = options.host;
    this.#name = options.name;
    this.#carrierName = options.name;
  }

  get dhcp(): boolean {
    return this.#options.dhcp !== undefined;
  }

  get ipv6(): boolean {
    return this.#options.ipv6;
  }

  /** The interface that carries the address now. */
  get carrier(): Carrier {
    const dhcp = this.#options.dhcp?.running ?? false;
    return { name: this.#carrierName, dhcp, ...(this.#address !== undefined && { address: this.#address }) };
  }

  async settings(): Promise<NetworkSettings> {
    const links = await linkDetails(this.#host);
    const vlanLink = links.find((link) => this.#isOurVlan(link));
    const carrier = vlanLink ?? links.find(({ ifname }) => ifname === this.#name);
    if (!carrier) throw new NetworkError(`interface ${this.#name} is gone`);
    this.#carrierName = carrier.ifname;
    const all4 = carrier.addr_info?.filter(({ family }) => family === 'inet') ?? [];
    const v4 = all4.find(({ local }) => local === this.#address) ?? all4[0];
    const [route4] = await this.#defaultRoutes(4, carrier.ifname);
    const route6 = (await this.#defaultRoutes(6, carrier.ifname)).find(isByHand);
    const static6 = presentIpv6Addresses(carrier).filter(
      ({ source, address }) => source === 'static' && !address.startsWith('fe80:'),
    );
    return {
      source: this.#options.dhcp?.running ? 'dhcp' : 'static',
      address: v4?.local ?? noAddress,
      mask: v4 ? maskOf(v4.prefixlen) : noAddress,
      gateway: route4?.gateway ?? noAddress,
      vlan: (vlanLink && vlanOf(vlanLink)) ?? noVlan,
      static6: Array.from({ length: staticIpv6Places }, (_, index) => {
        const found = static6[index];
        return found ? { address: found.address, prefixLength: found.prefixLength } : null;
      }),
      router6: route6?.gateway ?? noAddress6,
    };
  }

  async apply(wanted: NetworkSettings): Promise<void> {
    const before = await this.settings();
    try {
      await this.#make(wanted, before);
    } catch (error) {
      try {
        await this.#make(before, wanted);
      } catch (second) {
        const messages = [error, second].map((cause) =>
          cause instanceof Error ? cause.message : `${cause}`,
        );
        throw new NetworkError(`${messages[0]}; going back failed, too: ${messages[1]}`, { cause: error });
      }
      throw error;
    }
  }

  /** Ends the DHCP client; the addresses stay. */
  async stop(): Promise<void> {
    await this.#options.dhcp?.stop();
  }

  async #make(wanted: NetworkSettings, before: NetworkSettings): Promise<void> {
    await this.#ip('link', 'set', 'dev', this.#name, 'up');
    const carrier = await this.#makeCarrier(wanted.vlan, before);
    this.#carrierName = carrier;
    if (wanted.source === 'dhcp') await this.#lease(carrier, before);
    else {
      await this.#options.dhcp?.stop();
      await this.#makeAddress4(carrier, wanted, before);
      await this.#makeGateway(carrier, wanted);
    }
    if (this.#options.ipv6) {
      await this.#makeAddresses6(carrier, wanted, before);
      await this.#makeRouter6(carrier, wanted);
    }
  }

  /** @returns the interface that is to have the addresses; on others of ours there is none left */
  async #makeCarrier({ id, enabled, priority }: Vlan, before: NetworkSettings): Promise<string> {
    const carrier = enabled ? `${this.#name}.${id}` : this.#name;
    const links = await linkDetails(this.#host);
    if (this.#carrierName !== carrier) await this.#options.dhcp?.stop();
    for (const link of links) {
      if (this.#isOurVlan(link) && link.ifname !== carrier)
        await this.#ip('link', 'delete', 'dev', link.ifname);
    }
    if (!enabled) return carrier;
    const present = links.find(({ ifname }) => ifname === carrier);
    if (present && !this.#isOurVlan(present)) {
      throw new NetworkError(`there is an interface ${carrier} already that is not the BMC's`);
    }
    if (!present) {
      await this.#ip('link', 'add', 'link', this.#name, 'name', carrier, 'type', 'vlan', 'id', `${id}`);
      await this.#ip('link', 'set', 'dev', carrier, 'alias', mark);
    }
    await this.#ip('link', 'set', 'dev', carrier, 'type', 'vlan', 'egress-qos-map', `0:${priority}`);
    await this.#ip('link', 'set', 'dev', carrier, 'up');
    const below = links.find(({ ifname }) => ifname === this.#name);
    for (const { local, prefixlen } of below?.addr_info ?? []) {
      const one = `${local}/${prefixlen}`;
      if (local === before.address) await this.#replaceAddress4(this.#name, one);
      else if (before.static6.some((place) => place?.address === local)) {
        await this.#ip('address', 'delete', one, 'dev', this.#name);
      }
    }
    return carrier;
  }

  async #lease(carrier: string, before: NetworkSettings): Promise<void> {
    const { dhcp } = this.#options;
    if (!dhcp) throw new NetworkError('there is no DHCP client');
    if (dhcp.running) return;
    const leased = await dhcp.start(carrier);
    this.#address = leased;
    const old = (await this.#addresses(carrier, 'inet')).find(({ local }) => local === before.address);
    if (!old || leased === before.address) return;
    const routes = await this.#defaultRoutes(4, carrier);
    await this.#replaceAddress4(carrier, `${old.local}/${old.prefixlen}`);
    // With an address the kernel takes the routes away that depend on it.
    const left = await this.#defaultRoutes(4, carrier);
    for (const route of routes) {
      if (left.some(({ gateway }) => gateway === route.gateway)) continue;
      await this.#ip('route', 'add', 'default', ...via(route), 'dev', carrier, 'onlink');
    }
  }

  async #makeAddress4(carrier: string, wanted: NetworkSettings, before: NetworkSettings): Promise<void> {
    const present = await this.#addresses(carrier, 'inet');
    const texts = present.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
    const next =
      wanted.address === noAddress ? undefined : `${wanted.address}/${prefixLengthOf(wanted.mask) ?? 32}`;
    // The one with the wanted address and another mask is as much in the way as the old address.
    const old = present.filter(({ local }) => local === before.address || local === wanted.address);
    const leaving = old.map(({ local, prefixlen }) => `${local}/${prefixlen}`).filter((one) => one !== next);
    for (const one of leaving) await this.#replaceAddress4(carrier, one);
    if (next !== undefined && !texts.includes(next)) {
      await this.#ip('address', 'add', next, 'broadcast', '+', 'dev', carrier);
    }
    this.#address = next && wanted.address;
  }

  /** Removes one; with the first address of a subnet the kernel takes the others away, too, which are to stay. */
  async #replaceAddress4(carrier: string, leaving: string): Promise<void> {
    const before = await this.#addresses(carrier, 'inet');
    await this.#ip('address', 'delete', leaving, 'dev', carrier);
    const after = await this.#addresses(carrier, 'inet');
    for (const { local, prefixlen } of before) {
      const one = `${local}/${prefixlen}`;
      if (one === leaving || after.some((entry) => entry.local === local)) continue;
      await this.#ip('address', 'add', one, 'broadcast', '+', 'dev', carrier);
    }
  }

  /**
   * A gateway outside the subnet, as there is one for a moment when a client sets one thing after the other, is taken
   * to be on the link.
   */
  async #makeGateway(carrier: string, { gateway }: NetworkSettings): Promise<void> {
    const present = await this.#defaultRoutes(4, carrier);
    for (const route of present) {
      if (route.gateway !== gateway)
        await this.#ip('route', 'delete', 'default', ...via(route), 'dev', carrier);
    }
    if (gateway === noAddress || present.some((route) => route.gateway === gateway)) return;
    await this.#ip('route', 'add', 'default', 'via', gateway, 'dev', carrier, 'onlink');
  }

  async #makeAddresses6(carrier: string, wanted: NetworkSettings, before: NetworkSettings): Promise<void> {
    const present = await this.#addresses(carrier, 'inet6');
    const texts = present.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
    const next = wanted.static6.flatMap((place) => (place ? [`${place.address}/${place.prefixLength}`] : []));
    for (const place of before.static6) {
      const one = place && `${place.address}/${place.prefixLength}`;
      if (one && texts.includes(one) && !next.includes(one)) {
        await this.#ip('address', 'delete', one, 'dev', carrier);
      }
    }
    for (const one of next) {
      if (texts.includes(one)) continue;
      await this.#ip('address', 'add', one, 'dev', carrier);
      await this.#isUnique(carrier, one);
    }
  }

  /** @throws {NetworkError} when another host has the address; then it is gone here */
  async #isUnique(carrier: string, one: string): Promise<void> {
    const deadline = performance.now() + duplicatesLimitMs;
    for (;;) {
      const [found] = (await this.#addresses(carrier, 'inet6')).filter(
        ({ local, prefixlen }) => `${local}/${prefixlen}` === one,
      );
      if (found && !found.tentative && !found.dadfailed) return;
      if (!found || found.dadfailed || performance.now() > deadline) {
        if (found) await this.#ip('address', 'delete', one, 'dev', carrier);
        throw new NetworkError(
          `${one} on ${carrier}: ${found?.dadfailed ? 'another host has it' : 'it is not usable'}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #makeRouter6(carrier: string, { router6 }: NetworkSettings): Promise<void> {
    const present = (await this.#defaultRoutes(6, carrier)).filter(isByHand);
    for (const route of present) {
      if (route.gateway === router6) continue;
      await this.#ip('-6', 'route', 'delete', 'default', ...via(route), 'dev', carrier);
    }
    if (router6 === noAddress6 || present.some((route) => route.gateway === router6)) return;
    await this.#ip('-6', 'route', 'add', 'default', 'via', router6, 'dev', carrier);
  }

  #isOurVlan({ link, ifalias }: LinkDetails): boolean {
    return link === this.#name && ifalias === mark;
  }

  async #addresses(name: string, family: 'inet' | 'inet6') {
    const [link] = await linkDetails(this.#host, name);
    return link?.addr_info?.filter((entry) => entry.family === family) ?? [];
  }

  async #defaultRoutes(family: 4 | 6, name: string): Promise<readonly Route[]> {
    const told = await this.#ip(`-${family}`, '-j', 'route', 'show', 'default', 'dev', name);
    return told.trim() === '' ? [] : JSON.parse(told);
  }

  #ip(...args: readonly string[]): Promise<string> {
    return this.#host.run('ip', args);
  }
}

/** linux/capability.h. */
const netAdmin = 12n;
const noVlan: Vlan = { id: 0, enabled: false, priority: 0 };

/** As opposed to a route that a router has advertised. */
function isByHand({ protocol }: Route): boolean {
  return protocol !== 'ra';
}

function via({ gateway }: Route): string[] {
  return gateway === undefined ? [] : ['via', gateway];
}

function maskOf(prefixLength: number): string {
  const bits = '1'.repeat(prefixLength).padEnd(32, '0');
  return [0, 8, 16, 24].map((start) => Number.parseInt(bits.slice(start, start + 8), 2)).join('.');
}
