/** Tap devices that outlive the program that has them open: what `tc` and `bridge` give QEMU. */
import type { CardRequest } from './attachment.ts';
import type { NetworkHost } from './host-commands.ts';
import { deleteLink, markOwn, ownName, withoutIpv6 } from './wire.ts';

/** @returns its name; it is switched on @throws {NetworkError} */
export async function makeTap(host: NetworkHost, card: CardRequest): Promise<string> {
  const tap = ownName('qbt', card.wire);
  // QEMU has our group, whether or not it has a user of its own.
  const group = ['group', String(process.getgid?.() ?? 0)];
  const queues = card.queues > 1 ? ['multi_queue'] : [];
  await host.run('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap', ...group, ...queues]);
  try {
    await markOwn(host, tap, card.owner);
    await withoutIpv6(host, tap);
    await host.run('ip', ['link', 'set', 'dev', tap, 'mtu', String(card.mtu), 'up']);
  } catch (error) {
    await deleteLink(host, tap);
    throw error;
  }
  return tap;
}
