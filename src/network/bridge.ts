/**
 * A tap device and the wire as the two ports of a bridge that has no address. The last resort among those that need
 * rights: pause frames end here.
 *
 * A bridge keeps two kinds of frames to itself that a wire must carry: link-local ones (LLDP, LACP, 802.1X), which a
 * mask for each port lets through, and those for a port's own MAC address. Hence the wire gets another address while
 * the guest bears the wire's.
 */
import type { Attachment, Backend } from './attachment.ts';
import type { NetworkHost } from './host-commands.ts';
import type { Link } from './links.ts';
import { makeTap } from './tap.ts';
import { deleteLink, markOwn, ownName, removeLeftOvers, withoutIpv6 } from './wire.ts';

/** All groups of 01:80:C2:00:00:0X but pause (1), which the kernel never lets pass. */
const forwardedGroups = '0xfffd';

export function bridgeBackend(host: NetworkHost): Backend {
  return {
    kind: 'bridge',
    async attach(card, link, links) {
      await removeLeftOvers(host, card.wire, card.owner, links);
      const bridge = ownName('qbb', card.wire);
      await host.run('ip', [
        ...['link', 'add', 'name', bridge, 'type', 'bridge', 'stp_state', '0', 'mcast_snooping', '0'],
      ]);
      let device: string | undefined;
      try {
        await markOwn(host, bridge, card.owner);
        await withoutIpv6(host, bridge);
        device = await makeTap(host, card);
        const attachment: Attachment = { backend: 'bridge', wire: card.wire, device, mac: card.mac };
        await join(bridge, device);
        if (link) await stitch(attachment, link);
        await host.run('ip', ['link', 'set', 'dev', bridge, 'mtu', String(card.mtu), 'up']);
        return attachment;
      } catch (error) {
        if (device !== undefined) await deleteLink(host, device);
        await deleteLink(host, bridge);
        throw error;
      }
    },
    stitch,
    async detach({ device, wire }) {
      await deleteLink(host, device);
      await deleteLink(host, ownName('qbb', wire));
    },
  };

  async function stitch({ wire, mac }: Attachment, link: Link): Promise<void> {
    if (link.mac === mac) {
      await host.run('ip', ['link', 'set', 'dev', link.name, 'address', anotherMac(mac)]);
    }
    await join(ownName('qbb', wire), link.name);
  }

  async function join(bridge: string, port: string): Promise<void> {
    await host.run('ip', ['link', 'set', 'dev', port, 'master', bridge]);
    await host.run('ip', [
      ...['link', 'set', 'dev', port, 'type', 'bridge_slave', 'group_fwd_mask', forwardedGroups],
    ]);
  }
}

/** A locally administered address that is not `mac`. */
export function anotherMac(mac: string): string {
  const [first = '02', ...rest] = mac.split(':');
  const other = (Number.parseInt(first, 16) ^ 0x04) | 0x02;
  return [other.toString(16).padStart(2, '0'), ...rest].join(':');
}
