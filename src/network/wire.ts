/**
 * A wire that belongs to the machine: the host's own network stack leaves it alone. No addresses, no IPv6, so that
 * nobody but the guest answers on it; and what it was before can be given back.
 */
import { aliasMark, type KnownWire } from './card-plan.ts';
import { NetworkError, type NetworkHost } from './host-commands.ts';
import type { Link } from './links.ts';

/** What a wire was when we found it. Plain data: it is kept in a file. */
export interface WireBefore extends KnownWire {
  /** Of the very link that these settings belong to. */
  readonly index: number;
  /** The value of its `disable_ipv6`; undefined where the kernel has no IPv6. */
  readonly ipv6Disabled: string | undefined;
}

export async function wireBefore(host: NetworkHost, link: Link): Promise<WireBefore> {
  const { index, name, mac, addresses } = link;
  const ipv6Disabled = await host.read(ipv6Switch(name)).then(
    (text) => text.trim(),
    () => undefined,
  );
  return { index, name, mac, addresses, ipv6Disabled };
}

/** Takes it from the host's stack, and switches it on. @throws {NetworkError} */
export async function takeWire(host: NetworkHost, { name }: Link): Promise<void> {
  await withoutIpv6(host, name);
  await host.run('ip', ['address', 'flush', 'dev', name]);
  await host.run('ip', ['link', 'set', 'dev', name, 'up']);
}

/** As it was before; nothing to do when it has gone. @throws {NetworkError} */
export async function giveWireBack(
  host: NetworkHost,
  before: WireBefore,
  links: readonly Link[],
): Promise<void> {
  const link = links.find(({ index, name }) => index === before.index && name === before.name);
  if (!link) return;
  const { name } = before;
  if (link.mac !== before.mac) await host.run('ip', ['link', 'set', 'dev', name, 'address', before.mac]);
  if (before.ipv6Disabled !== undefined) {
    await host.write(ipv6Switch(name), before.ipv6Disabled).catch(() => setAddressing(host, name, 'eui64'));
  }
  for (const { family, address, prefixLength, broadcast, scope } of before.addresses) {
    if (family === 'inet6' && scope === 'link') continue;
    const more = broadcast === undefined ? [] : ['broadcast', broadcast];
    const flags = family === 'inet6' ? ['nodad'] : [];
    await host.run('ip', [
      'address',
      'replace',
      `${address}/${prefixLength}`,
      ...more,
      'dev',
      name,
      ...flags,
    ]);
  }
}

/**
 * No link of ours, or of the machine's, speaks IPv6 by itself. Where /proc is read-only, as in a container without
 * privileges, the kernel is at least told to give it no address.
 * @throws {NetworkError} when neither can be had
 */
export async function withoutIpv6(host: NetworkHost, name: string): Promise<void> {
  try {
    await host.write(ipv6Switch(name), '1');
  } catch (error) {
    // A kernel without IPv6 has no such file.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    const now = await host.read(ipv6Switch(name)).catch(() => '');
    if (now.trim() !== '1') await setAddressing(host, name, 'none');
  }
}

async function setAddressing(host: NetworkHost, name: string, mode: 'none' | 'eui64'): Promise<void> {
  await host.run('ip', ['link', 'set', 'dev', name, 'addrgenmode', mode]);
}

function ipv6Switch(name: string): string {
  return `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
}

// --- Links of our own ---

/** The kernel's limit for an interface's name. */
const maxNameLength = 15;

/** `PREFIX-WIRE`, told apart by the wire's index where that would be too long. */
export function ownName(prefix: 'qbm' | 'qbt' | 'qbb', wire: string): string {
  const name = `${prefix}-${wire}`;
  return name.length <= maxNameLength ? name : `${prefix}-${hash(wire)}`;
}

/** FNV-1a, 32 bits. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value.toString(16).padStart(8, '0');
}

/** Marks a link as made by the appliance that runs in `owner`. */
export async function markOwn(host: NetworkHost, name: string, owner: string): Promise<void> {
  await host.run('ip', ['link', 'set', 'dev', name, 'alias', ownAlias(owner)]);
}

/** Of the alias the kernel keeps 255 bytes. */
export function ownAlias(owner: string): string {
  return `${aliasMark}${owner}`.slice(0, 255);
}

/**
 * Removes what an earlier life of ours has left on a wire.
 * @throws {NetworkError} when it belongs to another appliance
 */
export async function removeLeftOvers(
  host: NetworkHost,
  wire: string,
  owner: string,
  links: readonly Link[],
): Promise<void> {
  const names = (['qbm', 'qbt', 'qbb'] as const).map((prefix) => ownName(prefix, wire));
  for (const { name, alias } of links.filter((link) => names.includes(link.name))) {
    if (alias !== '' && alias !== ownAlias(owner)) {
      throw new NetworkError(
        `${wire} is used by ${alias}, which made ${name} (if that is gone: ip link delete ${name})`,
      );
    }
    await host.run('ip', ['link', 'delete', 'dev', name]);
  }
  const other = links.find(
    ({ parent, kind, name }) =>
      parent === wire && /^mac(vtap|vlan)$/.test(kind ?? '') && !names.includes(name),
  );
  if (other) throw new NetworkError(`${wire} already carries ${other.name}, which is not ours`);
}

/** Deletes a link of ours; one that has gone is fine. */
export async function deleteLink(host: NetworkHost, name: string): Promise<void> {
  await host.run('ip', ['link', 'delete', 'dev', name]).catch((error: Error) => {
    if (!/Cannot find device|No such device/.test(error.message)) throw error;
  });
}
