/**
 * Waits for the wires that are to come. A container's own program runs before its links exist; they come in any order,
 * and a link has its name before it has its address and is up.
 */
import { type Clock, delay } from '../lib/clock.ts';
import { findWire, type KnownWire, selectionText, type WireSelection } from './card-plan.ts';
import { NetworkError } from './host-commands.ts';
import type { LinkTable } from './link-table.ts';
import { ethNumber, type Link } from './links.ts';

export interface WaitedFor {
  /** Each of these must be there. */
  readonly named: readonly WireSelection[];
  /** Wires are looked for: all that are promised, or as many as come. */
  readonly discovery: boolean;
  /** How many links besides eth0 were promised; containerlab says so in CLAB_INTFS. */
  readonly promised: number | undefined;
  readonly known: readonly KnownWire[];
}

export interface WaitResult {
  readonly links: readonly Link[];
  /** What has not come, in words; empty when all is there. */
  readonly lacking: readonly string[];
  readonly waitedMs: number;
}

/** Nobody says how many will come: so long none may have come. */
export const settleMs = 1000;
/** Between looks of which no change was told. */
const lookAgainMs = 250;

/** What is not there yet, or not up, in words. */
export function lackingLinks(links: readonly Link[], { named, promised, known }: WaitedFor): string[] {
  const lacking = named.flatMap((selection) => {
    const link = findWire(selection, links, known);
    if (link?.up) return [];
    return [link ? `${link.name} is not up` : selectionText(selection)];
  });
  if (promised === undefined) return lacking;
  const there = countedLinks(links).length;
  if (there < promised) lacking.push(`${promised - there} of ${promised} promised links`);
  return lacking;
}

/** eth1 and up, as containerlab counts them. */
function countedLinks(links: readonly Link[]): Link[] {
  return links.filter(({ name, up }) => up && Number(ethNumber(name)) >= 1);
}

/**
 * @param limitMs from now on
 * @throws {NetworkError} when aborted, or when links cannot be read
 */
export async function waitForLinks(
  table: LinkTable,
  wanted: WaitedFor,
  { clock, limitMs, aborted }: { clock: Clock; limitMs: number; aborted: AbortSignal },
): Promise<WaitResult> {
  const startedAt = clock.now();
  let changed: () => void = () => undefined;
  const unsubscribe = table.onChange(() => changed());
  const interrupt = () => changed();
  aborted.addEventListener('abort', interrupt);
  try {
    for (let seen = '', seenAt = startedAt; ; ) {
      const change = new Promise<void>((resolve) => {
        changed = resolve;
      });
      if (aborted.aborted) throw new NetworkError('waiting for links was interrupted');
      const links = await table.read();
      const now = clock.now();
      const lacking = lackingLinks(links, wanted);
      const there = signature(links);
      if (there !== seen) {
        seen = there;
        seenAt = now;
      }
      const settled = !wanted.discovery || wanted.promised !== undefined || now - seenAt >= settleMs;
      const over = now - startedAt >= limitMs;
      if ((lacking.length === 0 && settled) || over) return { links, lacking, waitedMs: now - startedAt };
      await Promise.race([change, delay(clock, Math.min(lookAgainMs, limitMs - (now - startedAt)))]);
    }
  } finally {
    unsubscribe();
    aborted.removeEventListener('abort', interrupt);
  }
}

function signature(links: readonly Link[]): string {
  return links.map(({ index, name, up, mac }) => `${index} ${name} ${up} ${mac}`).join('\n');
}
