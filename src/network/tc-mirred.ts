/**
 * A tap device and the wire, stitched together by traffic control: every frame that comes in at one goes out at the
 * other, whatever it is. It loses nothing, not even pause frames, and a wire that returns is stitched again while the
 * guest runs.
 */
import type { Backend } from './attachment.ts';
import type { NetworkHost } from './host-commands.ts';
import { makeTap } from './tap.ts';
import { deleteLink, removeLeftOvers } from './wire.ts';

export function tcBackend(host: NetworkHost): Backend {
  return {
    kind: 'tc',
    async attach(card, link, links) {
      await removeLeftOvers(host, card.wire, card.owner, links);
      const device = await makeTap(host, card);
      try {
        if (link) await stitchTogether(host, device, link.name);
      } catch (error) {
        await deleteLink(host, device);
        if (link) await unhook(host, link.name);
        throw error;
      }
      return { backend: 'tc', wire: card.wire, device, mac: card.mac };
    },
    stitch: ({ device }, link) => stitchTogether(host, device, link.name),
    async detach({ device, wire }) {
      await deleteLink(host, device);
      await unhook(host, wire);
      await ifThere(host.run('ip', ['link', 'set', 'dev', wire, 'promisc', 'off']));
    },
  };
}

async function stitchTogether(host: NetworkHost, tap: string, wire: string): Promise<void> {
  for (const [from, to] of [
    [tap, wire],
    [wire, tap],
  ] as const) {
    // A filter towards a link that has gone stays behind, and works no more.
    await unhook(host, from);
    await host.run('tc', ['qdisc', 'add', 'dev', from, 'ingress']);
    await redirect(host, from, to);
  }
  // Frames for whatever address the guest takes.
  await host.run('ip', ['link', 'set', 'dev', wire, 'promisc', 'on']);
}

/** Some kernels have no `matchall`; `u32` with an empty mask matches as much. */
async function redirect(host: NetworkHost, from: string, to: string): Promise<void> {
  const filter = (...match: string[]) => [
    ...['filter', 'add', 'dev', from, 'parent', 'ffff:', 'protocol', 'all', 'prio', '1'],
    ...match,
    ...['action', 'mirred', 'egress', 'redirect', 'dev', to],
  ];
  try {
    await host.run('tc', filter('matchall'));
  } catch {
    await host.run('tc', filter('u32', 'match', 'u8', '0', '0'));
  }
}

/** Takes our hook, or a left-over one, from a link; there may be none, and the link may have gone. */
async function unhook(host: NetworkHost, name: string): Promise<void> {
  await ifThere(host.run('tc', ['qdisc', 'del', 'dev', name, 'ingress']));
}

async function ifThere(done: Promise<unknown>): Promise<void> {
  await done.catch((error: Error) => {
    if (!/Cannot find|No such|Invalid (argument|handle)/i.test(error.message)) throw error;
  });
}
