/**
 * A macvtap in passthru mode: the guest has the wire for itself, with the wire's own MAC address. QEMU gets it as a
 * descriptor of a device node that we make, since no udev does so in a container.
 *
 * `allmulticast` matters: QEMU does not tell macvtap which groups the guest has joined, and without it neighbour
 * discovery, LLDP and LACP would not arrive while IPv4 works.
 */
import { join } from 'node:path';
import type { Backend } from './attachment.ts';
import { NetworkError, type NetworkHost } from './host-commands.ts';
import { deleteLink, markOwn, ownName, removeLeftOvers, withoutIpv6 } from './wire.ts';

/** @param nodeFolders where device nodes may be made, tried in this order: some file systems have none (`nodev`) */
export function macvtapBackend(host: NetworkHost, nodeFolders: readonly string[]): Backend {
  return {
    kind: 'macvtap',
    async attach(card, link, links) {
      if (!link) throw new NetworkError(`${card.wire} is not there`);
      await removeLeftOvers(host, card.wire, card.owner, links);
      const device = ownName('qbm', card.wire);
      await host.run('ip', [
        ...['link', 'add', 'link', link.name, 'name', device, 'type', 'macvtap', 'mode', 'passthru'],
      ]);
      try {
        await markOwn(host, device, card.owner);
        await withoutIpv6(host, device);
        if (card.mac !== link.mac) {
          await host.run('ip', ['link', 'set', 'dev', device, 'address', card.mac]);
        }
        await host.run('ip', ['link', 'set', 'dev', device, 'up', 'allmulticast', 'on']);
        const node = await makeNode(device);
        return { backend: 'macvtap', wire: card.wire, device, node, mac: card.mac };
      } catch (error) {
        await deleteLink(host, device);
        throw error;
      }
    },
    async detach({ device, node }) {
      if (node !== undefined) await host.remove(node);
      await deleteLink(host, device);
    },
  };

  async function makeNode(device: string): Promise<string> {
    const [major, minor] = await deviceNumbers(device);
    const reasons: string[] = [];
    for (const folder of nodeFolders) {
      const node = join(folder, device);
      try {
        await host.remove(node);
        await host.run('mknod', ['-m', '600', node, 'c', major, minor]);
        await host.tryOpen(node);
        return node;
      } catch (error) {
        await host.remove(node).catch(() => undefined);
        const { code } = error as NodeJS.ErrnoException;
        reasons.push(refusalOf(error as NodeJS.ErrnoException, folder));
        // What the devices' control group forbids is forbidden everywhere.
        if (code === 'EPERM') break;
      }
    }
    throw new NetworkError(`device ${major}:${minor} cannot be used: ${[...new Set(reasons)].join('; ')}`);
  }

  async function deviceNumbers(device: string): Promise<[major: string, minor: string]> {
    const folder = `/sys/class/net/${device}/macvtap`;
    try {
      const [tap = ''] = await host.list(folder);
      const [, major, minor] = /^(\d+):(\d+)$/.exec((await host.read(`${folder}/${tap}/dev`)).trim()) ?? [];
      if (major !== undefined && minor !== undefined) return [major, minor];
    } catch (cause) {
      throw new NetworkError(`${folder}: ${(cause as Error).message}`, { cause });
    }
    throw new NetworkError(`${folder}: no device number`);
  }
}

function refusalOf(error: NodeJS.ErrnoException, folder: string): string {
  // The devices' control group says EPERM, a file system mounted with `nodev` EACCES.
  if (error.code === 'EPERM') return 'the container has no device rule for macvtap';
  if (error.code === 'EACCES') return `${folder} allows no device nodes`;
  return error.message;
}
