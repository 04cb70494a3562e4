/**
 * Which wire of the host becomes which network card of the machine. Pure: choices and links in, cards out.
 *
 * A choice names one wire, by its name, MAC address or subnet, or stands for all that are found: eth2 and up by
 * number. A card keeps its place by the number of its wire: without eth3, eth4 is still the third.
 */
import { ethNumber, isInSubnet, type Link, type LinkAddress } from './links.ts';

export const wireBackends = ['macvtap', 'tc', 'bridge'] as const;
export type WireBackend = (typeof wireBackends)[number];

export interface WireSelection {
  readonly interface?: string;
  /** Of the host's interface; lower case. */
  readonly hostMac?: string;
  /** `ADDRESS/PREFIX` that an address of the host's interface lies in. */
  readonly subnet?: string;
}

export interface WireChoice<O> {
  readonly kind: 'wire';
  readonly backend: WireBackend | 'auto';
  /** Undefined: all wires from eth2 on that no other choice names. */
  readonly select: WireSelection | undefined;
  /** The card's MAC address; the wire's own unless given. */
  readonly mac?: string;
  readonly queues?: number;
  /** Instead of the wire, where it can be attached by no back end, or where none is found and none was promised. */
  readonly otherwise: O | undefined;
}

/** A card that needs no wire; what it is made of is not known here. */
export interface OtherChoice<O> {
  readonly kind: 'other';
  readonly other: O;
}

export type CardChoice<O> = WireChoice<O> | OtherChoice<O>;

/** What a wire was before we took it over: it can still be found by that. */
export interface KnownWire {
  readonly name: string;
  readonly mac: string;
  readonly addresses: readonly LinkAddress[];
}

export type PlannedCard<O> =
  | { readonly kind: 'other'; readonly place: number; readonly other: O }
  | {
      readonly kind: 'wire';
      readonly place: number;
      readonly choice: WireChoice<O>;
      /** How the wire is called, or how it was asked for. */
      readonly wire: string;
      /** Absent: there is no such wire. */
      readonly link: Link | undefined;
      /** Why the link must not be taken. */
      readonly refusal?: string;
    };

export interface CardPlan<O> {
  readonly cards: readonly PlannedCard<O>[];
  /** Numbers of ethN that are missing between eth2 and the highest one. */
  readonly gaps: readonly number[];
}

export interface PlanInput<O> {
  readonly choices: readonly CardChoice<O>[];
  readonly links: readonly Link[];
  readonly known: readonly KnownWire[];
  /** Links that are not for the machine, each with the reason. */
  readonly reserved: ReadonlyMap<string, string>;
}

/** The first wire that is the machine's: eth0 is the BMC's, eth1 is left to the host side. */
export const firstDataNumber = 2;

export function planCards<O>({ choices, links, known, reserved }: PlanInput<O>): CardPlan<O> {
  const named = new Map<WireChoice<O>, Link>();
  for (const choice of choices) {
    if (choice.kind !== 'wire' || !choice.select) continue;
    const link = findWire(choice.select, links, known);
    if (link) named.set(choice, link);
  }
  const taken = new Set([...named.values()].map(({ name }) => name));
  const found = dataLinks(links).filter(
    ({ link }) => !taken.has(link.name) && !choices.some((each) => namesWire(each, link.name)),
  );
  const cards: PlannedCard<O>[] = [];
  let place = 0;
  let gaps: number[] = [];
  for (const choice of choices) {
    if (choice.kind === 'other') {
      cards.push({ kind: 'other', place: place++, other: choice.other });
    } else if (choice.select) {
      const link = named.get(choice);
      const wire = link?.name ?? selectionText(choice.select);
      cards.push({ kind: 'wire', place: place++, choice, wire, link, ...refused(link) });
    } else {
      const last = found.at(-1)?.number ?? firstDataNumber - 1;
      for (const { link, number } of found) {
        const at = place + number - firstDataNumber;
        cards.push({ kind: 'wire', place: at, choice, wire: link.name, link, ...refused(link) });
      }
      place += last - firstDataNumber + 1;
      const there = new Set(dataLinks(links).map(({ number }) => number));
      gaps = Array.from(
        { length: Math.max(0, last - firstDataNumber) },
        (_, i) => i + firstDataNumber,
      ).filter((number) => !there.has(number));
    }
  }
  return { cards, gaps };

  function refused(link: Link | undefined): { refusal?: string } {
    const refusal = link && reserved.get(link.name);
    return refusal === undefined ? {} : { refusal };
  }
}

/** eth2 and up by number, as far as software made them: hardware is taken only when it is named. */
export function dataLinks(links: readonly Link[]): { readonly link: Link; readonly number: number }[] {
  return links
    .flatMap((link) => {
      const number = ethNumber(link.name);
      return number !== undefined && number >= firstDataNumber && link.kind !== undefined
        ? [{ link, number }]
        : [];
    })
    .sort((a, b) => a.number - b.number);
}

export function findWire(
  { interface: name, hostMac, subnet }: WireSelection,
  links: readonly Link[],
  known: readonly KnownWire[] = [],
): Link | undefined {
  const before = (link: Link) => known.filter((wire) => wire.name === link.name);
  // What stands on a wire bears its MAC address, too.
  const wires = links.filter(({ alias, parent, kind }) => !isOurs(alias) && !(parent && kind === 'macvtap'));
  return wires.find((link) => {
    if (name !== undefined) return link.name === name;
    if (hostMac !== undefined) return [link, ...before(link)].some(({ mac }) => mac === hostMac);
    const addresses = [link, ...before(link)].flatMap((each) => each.addresses);
    return subnet !== undefined && addresses.some((address) => isInSubnet(address, subnet));
  });
}

export function selectionText({ interface: name, hostMac, subnet }: WireSelection): string {
  if (name !== undefined) return name;
  return hostMac !== undefined ? `the interface with MAC ${hostMac}` : `the interface in ${subnet}`;
}

function namesWire<O>(choice: CardChoice<O>, name: string): boolean {
  return choice.kind === 'wire' && choice.select?.interface === name;
}

/** Links of ours bear this mark, followed by the directory of the appliance that made them. */
export const aliasMark = 'qemu-bmc ';

function isOurs(alias: string): boolean {
  return alias.startsWith(aliasMark);
}
