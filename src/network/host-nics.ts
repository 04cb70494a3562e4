/**
 * The machine's network cards on the host's wires.
 *
 *     prepare: wait ▶ plan ▶ take each wire ▶ attach by the first back end that works ▶ watch
 *     watch:   what the link table says now is compared with what each card was last seen with
 *     release: detach; the wires stay ours until `close`, so that nobody else answers on them in between
 *
 * A card's wire may be plugged (carrier or not) or gone. One that returns is stitched again where the back end can do
 * so under a running QEMU; elsewhere the card waits for the next power cycle.
 */
import type { NicPart } from '../bmc/inventory.ts';
import type { MachineNic, NicChange, NicCounters } from '../bmc/machine.ts';
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { NicBackend, NicConfig, UserBackend } from '../machine/qemu/config.ts';
import type { NicEvent, NicProvider, NicStart } from '../machine/qemu/nic-provider.ts';
import type { Attachment, Backend } from './attachment.ts';
import { bridgeBackend } from './bridge.ts';
import {
  type CardChoice,
  type CardPlan,
  dataLinks,
  type PlannedCard,
  planCards,
  type WireBackend,
  type WireChoice,
} from './card-plan.ts';
import { cardCounters } from './device-counters.ts';
import { NetworkError, type NetworkHost } from './host-commands.ts';
import type { LinkTable } from './link-table.ts';
import { waitForLinks } from './link-wait.ts';
import type { Link } from './links.ts';
import { macvtapBackend } from './macvtap.ts';
import { type CardRecord, readNicRecord, writeNicRecord } from './nic-record.ts';
import { tcBackend } from './tc-mirred.ts';
import { giveWireBack, takeWire, type WireBefore, wireBefore } from './wire.ts';

/** A card on QEMU's own user-mode network. */
export interface UserCard {
  readonly backend: UserBackend;
  readonly mac?: string;
}

export interface HostNicsOptions {
  readonly choices: readonly CardChoice<UserCard>[];
  /** Links besides eth0 that were promised. */
  readonly promised: number | undefined;
  readonly waitMs: number;
  /** For a card that no wire gives an address. */
  readonly defaultMac: (place: number) => string;
  /** The appliance's directory: marks what is ours. */
  readonly owner: string;
  readonly recordFile: string;
  /** Where device nodes may be made, in this order. */
  readonly nodeFolders: readonly string[];
  /** Links that the machine must not have, each with the reason; looked up at each power-on. */
  readonly reserved: () => Promise<ReadonlyMap<string, string>>;
  readonly host: NetworkHost;
  readonly table: LinkTable;
  readonly clock: Clock;
  readonly log: Logger;
}

const fallbackOrder: readonly WireBackend[] = ['macvtap', 'tc', 'bridge'];
/** Those that can be attached to a wire that is yet to come. */
const withoutWire: readonly WireBackend[] = ['tc', 'bridge'];
const defaultMtu = 1500;
const mostQueues = 8;

/** A card while it is being made, or exists. */
type Card = { -readonly [K in keyof CardRecord]: CardRecord[K] };

export class HostNics implements NicProvider {
  readonly #options: HostNicsOptions;
  readonly #log: Logger;
  readonly #events = new Emitter<NicEvent>();
  readonly #backends: Readonly<Record<WireBackend, Backend>>;
  readonly #unsubscribe: () => void;
  #cards: Card[] = [];
  /** Wires that we have taken. */
  #wires: WireBefore[] = [];
  /** One thing at a time: a look at the links must not meet half-made cards. */
  #queue: Promise<unknown> = Promise.resolve();
  #planned: readonly NicPart[] = [];
  #watching = false;
  #waitedInVain = false;
  /** Of each card, the last word about how it is attached, so that each power-on does not repeat it. */
  readonly #told = new Map<string, string>();
  /** Links that came too late, by index. */
  readonly #late = new Set<number>();

  constructor(options: HostNicsOptions) {
    const { host, nodeFolders, table } = options;
    this.#options = options;
    this.#log = options.log;
    this.#backends = {
      macvtap: macvtapBackend(host, nodeFolders),
      tc: tcBackend(host),
      bridge: bridgeBackend(host),
    };
    this.#unsubscribe = table.onChange(() => this.#look());
  }

  counters(id: string): NicCounters | undefined {
    const attachment = this.#cards.find((card) => card.id === id)?.attachment;
    return attachment && cardCounters(attachment.device, attachment.node === undefined ? 'tap' : 'macvtap');
  }

  get nics(): readonly MachineNic[] {
    return this.#cards.map(({ id, mac, mtu, queues, backend, wire, linkUp, note }) => ({
      id,
      mac,
      mtu,
      queues,
      backend,
      wire,
      linkUp,
      note,
    }));
  }

  get planned(): readonly NicPart[] {
    return this.#planned;
  }

  on(listener: (event: NicEvent) => void): () => void {
    return this.#events.on(listener);
  }

  plan(): Promise<void> {
    return this.#serially(async () => {
      const { choices, table } = this.#options;
      const links = choices.some(({ kind }) => kind === 'wire') ? await table.read() : [];
      const { cards } = await this.#plan(links, []);
      this.#planned = cards.map((card) => ({ id: `nic${card.place}`, mac: this.#macOf(card) }));
    });
  }

  prepare({ cpus, aborted }: NicStart): Promise<readonly NicConfig[]> {
    return this.#serially(async () => {
      this.#remember();
      await this.#detachAll();
      const configs = await this.#makeCards(cpus, aborted);
      this.#watching = true;
      // What happened in between was not looked at.
      this.#look();
      this.#log.info(
        { cards: this.#cards.map(({ id, wire, backend, mac }) => `${id} ${wire ?? '-'} ${backend} ${mac}`) },
        'network cards',
      );
      return configs;
    });
  }

  adopt(): Promise<void> {
    return this.#serially(async () => {
      this.#remember();
      if (!this.#cards.some(({ wire }) => wire !== undefined)) return;
      this.#options.table.watch();
      this.#watching = true;
      await this.#compare();
    });
  }

  release(): Promise<void> {
    return this.#serially(async () => {
      this.#watching = false;
      this.#remember();
      await this.#detachAll();
    });
  }

  close(): Promise<void> {
    return this.#serially(async () => {
      this.#watching = false;
      this.#unsubscribe();
      this.#options.table.stop();
      if (this.#cards.length === 0) await this.#giveBack(this.#wires);
    });
  }

  // --- Making cards ---

  async #makeCards(cpus: number, aborted: AbortSignal): Promise<NicConfig[]> {
    const { choices, table, promised } = this.#options;
    const wireChoices = choices.filter((choice) => choice.kind === 'wire');
    let links: readonly Link[] = [];
    let lacking: readonly string[] = [];
    if (wireChoices.length > 0) {
      table.watch();
      const waited = await waitForLinks(table, this.#wanted(wireChoices), {
        clock: this.#options.clock,
        limitMs: this.#waitedInVain ? 0 : this.#options.waitMs,
        aborted,
      });
      ({ links, lacking } = waited);
      this.#waitedInVain = lacking.length > 0;
      this.#log.info({ waitedMs: Math.round(waited.waitedMs), lacking }, 'links looked for');
    }
    const plan = await this.#plan(links, lacking);
    for (const number of plan.gaps) {
      this.#log.info(`there is no eth${number}: the cards of higher ones keep their places`);
    }
    if (promised !== undefined && lacking.length > 0) {
      const there = plan.cards.flatMap((card) => (card.kind === 'wire' && card.link ? [card.wire] : []));
      const seconds = this.#options.waitMs / 1000;
      this.#tell(
        'missing',
        `waited ${seconds} s in vain for ${lacking.join(', ')}; the machine starts with ${there.join(', ') || 'no wire'}`,
      );
    }
    this.#late.clear();
    const configs: NicConfig[] = [];
    for (const card of plan.cards) {
      if (aborted.aborted) throw new NetworkError('interrupted');
      const config =
        card.kind === 'other'
          ? this.#userCard(card.place, card.other)
          : await this.#wireCard(card, links, cpus);
      if (config) configs.push(config);
    }
    this.#save();
    return configs;
  }

  /** @param lacking wires that are still to come: then there is no card in place of wires that are not there */
  async #plan(links: readonly Link[], lacking: readonly string[]): Promise<CardPlan<UserCard>> {
    const { choices, reserved } = this.#options;
    const wireChoices = choices.filter((choice) => choice.kind === 'wire');
    const plan = planCards({
      choices,
      links,
      known: this.#wires,
      reserved: wireChoices.length > 0 ? await reserved() : new Map(),
    });
    const otherwise = wireChoices.find(({ select }) => !select)?.otherwise;
    if (plan.cards.length > 0 || lacking.length > 0 || !otherwise) return plan;
    return { ...plan, cards: [{ kind: 'other', place: 0, other: otherwise }] };
  }

  #macOf(card: PlannedCard<UserCard>): string {
    const { defaultMac } = this.#options;
    if (card.kind === 'other') return card.other.mac ?? defaultMac(card.place);
    const before = this.#wires.find(({ index }) => index === card.link?.index);
    return card.choice.mac ?? before?.mac ?? card.link?.mac ?? defaultMac(card.place);
  }

  #wanted(wireChoices: readonly WireChoice<UserCard>[]) {
    return {
      named: wireChoices.flatMap(({ select }) => (select ? [select] : [])),
      discovery: wireChoices.some(({ select }) => select === undefined),
      promised: this.#options.promised,
      known: this.#wires,
    };
  }

  #userCard(place: number, { backend, mac = this.#options.defaultMac(place) }: UserCard): NicConfig {
    const id = `nic${place}`;
    this.#cards.push({ id, mac, queues: 1, backend: 'user', linkUp: true });
    return { id, place, mac, backend };
  }

  async #wireCard(
    planned: PlannedCard<UserCard> & { kind: 'wire' },
    links: readonly Link[],
    cpus: number,
  ): Promise<NicConfig | undefined> {
    const { place, choice, wire, link, refusal } = planned;
    const card: Card = {
      id: `nic${place}`,
      mac: this.#macOf(planned),
      mtu: link?.mtu ?? defaultMtu,
      queues: Math.min(choice.queues ?? cpus, mostQueues),
      backend: 'none',
      wire,
      linkUp: false,
    };
    this.#cards.push(card);
    const failures = refusal === undefined ? [] : [refusal];
    if (refusal === undefined) await this.#attach(card, choice, link, links, failures);
    if (card.attachment) {
      if (failures.length > 0) {
        card.note = `${card.backend}, since ${failures.join('; ')}`;
        this.#tellOnce(card, 'fallback', `${card.id} (${wire}): ${card.note}`);
      }
      if (!link) {
        card.note = `${wire} is not there`;
        this.#tell('missing', `${card.id}: ${wire} is not there, as if its cable were unplugged`);
      }
      return this.#config(card, place, card.attachment);
    }
    const reason = failures.join('; ');
    if (choice.otherwise && link && refusal === undefined) {
      card.backend = 'user';
      card.linkUp = true;
      card.queues = 1;
      card.note = `user, since ${reason}`;
      delete card.mtu;
      this.#tellOnce(card, 'missing', `${card.id} is not attached to ${wire}: ${card.note}`);
      return { id: card.id, place, mac: card.mac, backend: choice.otherwise.backend };
    }
    card.note = reason;
    this.#tell('missing', `${card.id} is left out: ${reason}`);
    return undefined;
  }

  /** Tries what the choice allows, one after the other; what fails leaves no trace but its reason. */
  async #attach(
    card: Card,
    { backend: wanted }: WireChoice<UserCard>,
    link: Link | undefined,
    links: readonly Link[],
    failures: string[],
  ): Promise<void> {
    const { owner } = this.#options;
    const wire = card.wire ?? '';
    const kinds = wanted !== 'auto' ? [wanted] : link ? fallbackOrder : withoutWire;
    // Named by something that only the wire itself could tell: there is nothing to call the devices by.
    if (!link && !/^[^\s/]{1,15}$/.test(wire)) {
      failures.push(`${wire} is not there`);
      return;
    }
    if (link) {
      try {
        await this.#take(link);
      } catch (error) {
        failures.push((error as Error).message);
        await this.#giveBack(this.#wires.filter(({ index }) => index === link.index));
        return;
      }
    }
    for (const kind of kinds) {
      const request = {
        wire,
        mac: card.mac,
        mtu: card.mtu ?? defaultMtu,
        queues: card.queues,
        owner,
      };
      try {
        card.attachment = await this.#backends[kind].attach(request, link, links);
        card.backend = kind;
        card.linkUp = link?.carrier ?? false;
        if (link) card.linkIndex = link.index;
        this.#save();
        return;
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        failures.push(`${kind}: ${error.message}`);
      }
    }
    await this.#giveBack(this.#wires.filter(({ index }) => index === link?.index));
  }

  /** What the wire was is on the disk before anything of it is changed. */
  async #take(link: Link): Promise<void> {
    if (!this.#wires.some(({ index }) => index === link.index)) {
      // One that had the name before stays known: a wire may be asked for by an address that only that one had.
      this.#wires.push(await wireBefore(this.#options.host, link));
      this.#save();
    }
    await takeWire(this.#options.host, link);
  }

  #config({ id, mac, mtu, queues }: Card, place: number, attachment: Attachment): NicConfig {
    const { device, node } = attachment;
    const backend: NicBackend =
      node === undefined ? { kind: 'tap', device } : { kind: 'tap-node', path: node };
    return { id, place, mac, queues, ...(mtu !== undefined && { mtu }), backend };
  }

  // --- Watching ---

  #look(): void {
    if (!this.#watching) return;
    void this.#serially(async () => {
      if (this.#watching) await this.#compare();
    }).catch((error: unknown) => this.#log.error({ err: error }, 'links cannot be looked at'));
  }

  async #compare(): Promise<void> {
    const links = await this.#options.table.read();
    for (const card of this.#cards) {
      if (card.wire === undefined || card.backend === 'user' || card.backend === 'none') continue;
      await this.#compareCard(
        card,
        links.find(({ name }) => name === card.wire),
      );
    }
    this.#lookForLate(links);
    this.#save();
  }

  async #compareCard(card: Card, link: Link | undefined): Promise<void> {
    const { id, wire } = card;
    if (!link) {
      if (card.linkIndex === undefined) return;
      delete card.linkIndex;
      delete card.needsPowerCycle;
      card.note = `${wire} has gone`;
      this.#setLink(card, false);
      this.#tell('wire-lost', `${id}: ${wire} has gone`);
    } else if (link.index === card.linkIndex) {
      // That a link is found again does not mean that QEMU still has it.
      this.#setLink(card, link.carrier && !card.needsPowerCycle);
    } else if (link.up) {
      await this.#returned(card, link);
    }
  }

  /** A wire of the name is there, and is another than before. */
  async #returned(card: Card, link: Link): Promise<void> {
    const { id, wire, attachment } = card;
    if (!attachment) return;
    card.linkIndex = link.index;
    try {
      await this.#take(link);
      const { stitch } = this.#backends[attachment.backend];
      if (stitch) {
        await stitch(attachment, link);
        delete card.note;
        delete card.needsPowerCycle;
        this.#setLink(card, link.carrier);
        this.#tell('wire-returned', `${id}: ${wire} is there and attached`);
        return;
      }
      card.note = `${wire} is back, but ${attachment.backend} can attach it only at the next power cycle`;
    } catch (error) {
      card.note = `${wire} is back, but cannot be attached: ${(error as Error).message}`;
    }
    card.needsPowerCycle = true;
    this.#setLink(card, false);
    this.#tell('late', `${id}: ${card.note}`);
  }

  /** Wires nobody counted on any more. */
  #lookForLate(links: readonly Link[]): void {
    const { choices } = this.#options;
    if (!choices.some((choice) => choice.kind === 'wire' && choice.select === undefined)) return;
    for (const { link } of dataLinks(links)) {
      if (!link.up || this.#late.has(link.index)) continue;
      if (this.#cards.some(({ wire }) => wire === link.name)) continue;
      this.#late.add(link.index);
      this.#tell('late', `${link.name} has come after the machine’s start: a card at the next power cycle`);
    }
  }

  #setLink(card: Card, up: boolean): void {
    if (card.linkUp === up) return;
    card.linkUp = up;
    this.#log.info({ nic: card.id, wire: card.wire, up }, 'network link');
    this.#events.emit({ kind: 'link', id: card.id, up });
  }

  // --- Ending ---

  async #detachAll(): Promise<void> {
    for (const card of this.#cards) {
      if (card.attachment) await this.#detach(card.attachment);
    }
    this.#cards = [];
    this.#save();
  }

  async #detach(attachment: Attachment): Promise<void> {
    try {
      await this.#backends[attachment.backend].detach(attachment);
    } catch (error) {
      this.#log.error({ err: error, attachment }, 'not removed');
    }
  }

  async #giveBack(wires: readonly WireBefore[]): Promise<void> {
    if (wires.length === 0) return;
    try {
      const links = await this.#options.table.read();
      for (const wire of wires) await giveWireBack(this.#options.host, wire, links);
    } catch (error) {
      this.#log.error({ err: error, wires: wires.map(({ name }) => name) }, 'not put back as it was');
    }
    this.#wires = this.#wires.filter((wire) => !wires.includes(wire));
    this.#save();
  }

  // --- What is kept and told ---

  /** What an earlier life has left, unless we know better. */
  #remember(): void {
    if (this.#cards.length > 0 || this.#wires.length > 0) return;
    try {
      const { cards, wires } = readNicRecord(this.#options.recordFile);
      this.#cards = cards.map((card) => ({ ...card }));
      this.#wires = [...wires];
    } catch (error) {
      this.#log.error(
        { err: error, file: this.#options.recordFile },
        'record of network cards is unreadable',
      );
    }
  }

  #save(): void {
    try {
      writeNicRecord(this.#options.recordFile, { cards: this.#cards, wires: this.#wires });
    } catch (error) {
      this.#log.error({ err: error, file: this.#options.recordFile }, 'record of network cards not kept');
    }
  }

  #tellOnce(card: Card, change: NicChange, text: string): void {
    if (this.#told.get(card.id) === text) return;
    this.#told.set(card.id, text);
    this.#tell(change, text);
  }

  #tell(change: NicChange, text: string): void {
    this.#log.warn({ change }, text);
    this.#events.emit({ kind: 'change', change, text });
  }

  #serially<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
