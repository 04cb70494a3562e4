import { describe, expect, test } from 'vitest';
import { type CardChoice, planCards, type WireChoice } from '../../../src/network/card-plan.ts';
import { ScriptedNetwork } from '../../support/scripted-network.ts';

const all: WireChoice<string> = { kind: 'wire', backend: 'auto', select: undefined, otherwise: undefined };
const named = (name: string): WireChoice<string> => ({ ...all, select: { interface: name } });

function plan(
  choices: readonly CardChoice<string>[],
  names: readonly string[],
  reserved: Readonly<Record<string, string>> = {},
) {
  const network = new ScriptedNetwork();
  for (const name of names) network.plug(name);
  const { cards, gaps } = planCards({
    choices,
    links: network.links,
    known: [],
    reserved: new Map(Object.entries(reserved)),
  });
  return {
    cards: cards.map((card) => `${card.place} ${card.kind === 'other' ? card.other : card.wire}`),
    gaps,
    planned: cards,
  };
}

describe('wires that are found', () => {
  test('become cards by number, eth10 after eth9, whatever the order they came in', () => {
    const names = [
      'eth10',
      'eth3',
      'eth9',
      'eth0',
      'eth2',
      'eth1',
      'eth11',
      'eth4',
      'eth5',
      'eth6',
      'eth7',
      'eth8',
    ];
    const { cards, gaps } = plan([all], names);
    expect(cards).toEqual(Array.from({ length: 10 }, (_, place) => `${place} eth${place + 2}`));
    expect(gaps).toEqual([]);
  });

  test('keep their places when one between them is missing', () => {
    expect(plan([all], ['eth0', 'eth4', 'eth2'])).toMatchObject({ cards: ['0 eth2', '2 eth4'], gaps: [3] });
    expect(plan([all], ['eth3'])).toMatchObject({ cards: ['1 eth3'], gaps: [2] });
  });

  test('leave out eth0, eth1, other names, and hardware that nobody named', () => {
    const network = new ScriptedNetwork();
    for (const name of ['eth0', 'eth1', 'ens3', 'veth2', 'eth2.5']) network.plug(name);
    network.plug('eth2', { kind: undefined });
    const { links } = network;
    const input = { links, known: [], reserved: new Map() };
    expect(planCards({ ...input, choices: [all] }).cards).toEqual([]);
    expect(planCards({ ...input, choices: [named('eth2')] }).cards).toMatchObject([
      { wire: 'eth2', link: {} },
    ]);
  });

  test('leave out those that another choice names, also while they are not there', () => {
    expect(plan([named('eth3'), all], ['eth2', 'eth3', 'eth4']).cards).toEqual([
      '0 eth3',
      '1 eth2',
      '3 eth4',
    ]);
    expect(plan([all, named('eth3')], ['eth2', 'eth4'])).toMatchObject({
      cards: ['0 eth2', '2 eth4', '3 eth3'],
      gaps: [3],
    });
  });
});

describe('a wire that is named', () => {
  test('by its MAC address or a subnet is found, also by what it was before it was taken over', () => {
    const network = new ScriptedNetwork();
    const address = { family: 'inet', address: '10.1.0.5', prefixLength: 24, scope: 'global' } as const;
    const eth3 = network.plug('eth3', { addresses: [address] });
    const find = (select: WireChoice<string>['select'], known = false) =>
      planCards({
        choices: [{ ...all, select }],
        links: known ? [{ ...eth3, mac: 'ae:00:00:00:00:01', addresses: [] }] : network.links,
        known: known ? [eth3] : [],
        reserved: new Map(),
      }).cards[0];
    for (const known of [false, true]) {
      expect(find({ hostMac: eth3.mac }, known)).toMatchObject({ wire: 'eth3', link: { index: eth3.index } });
      expect(find({ subnet: '10.1.0.0/24' }, known)).toMatchObject({ wire: 'eth3' });
    }
    expect(find({ subnet: '10.2.0.0/24' })).toMatchObject({ link: undefined });
  });

  test('is not mixed up with the macvtap on it, which has the same MAC address', () => {
    const network = new ScriptedNetwork();
    network.plug('a-macvtap', { kind: 'macvtap', parent: 'eth2', mac: 'aa:c1:ab:00:00:99' });
    network.plug('eth2', { mac: 'aa:c1:ab:00:00:99' });
    const choices = [{ ...all, select: { hostMac: 'aa:c1:ab:00:00:99' } }];
    const { cards } = planCards({ choices, links: network.links, known: [], reserved: new Map() });
    expect(cards).toMatchObject([{ wire: 'eth2' }]);
  });

  test('and is not there keeps its card', () => {
    expect(plan([named('eth2'), { kind: 'other', other: 'user' }], []).cards).toEqual(['0 eth2', '1 user']);
  });

  test('but is the BMC’s own is refused with the reason', () => {
    expect(plan([named('eth0')], ['eth0'], { eth0: 'carries the default route' }).planned).toMatchObject([
      { wire: 'eth0', refusal: 'carries the default route' },
    ]);
  });
});
