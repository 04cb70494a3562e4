/** A host whose interfaces exist in memory only: as much of `ip` as changing addresses, routes and VLANs takes. */
import type { NetworkHost } from '../../src/network/host-commands.ts';
import { NetworkError } from '../../src/network/host-commands.ts';

interface Interface {
  link?: string;
  alias?: string;
  vlan?: { id: number; priority: number };
  readonly addresses: string[];
  readonly routes: { family: 4 | 6; gateway: string; protocol: string }[];
}

const allCapabilities = '000001ffffffffff';

export class ScriptedInterfaces implements NetworkHost {
  readonly interfaces = new Map<string, Interface>();
  /** Commands that change something, in order. */
  readonly changes: string[] = [];
  capabilities = allCapabilities;
  /** Refuses the commands that begin so. */
  refused: RegExp | undefined;

  add(name: string, addresses: readonly string[] = []): Interface {
    const made: Interface = { addresses: [...addresses], routes: [] };
    this.interfaces.set(name, made);
    return made;
  }

  async run(_program: string, args: readonly string[]): Promise<string> {
    const words = args.filter((word) => !word.startsWith('-'));
    const [object, verb] = words;
    if (verb === 'show')
      return JSON.stringify(object === 'address' ? this.#links(words) : this.#routes(args));
    const text = args.join(' ');
    this.changes.push(text);
    if (this.refused?.test(text)) throw new NetworkError(`ip ${text}: refused`);
    this.#change(`${object} ${verb}`, args, words);
    return '';
  }

  async read(file: string): Promise<string> {
    if (file !== '/proc/self/status') throw new Error(`no ${file} here`);
    return `Name:\tnode\nCapEff:\t${this.capabilities}\n`;
  }

  async write(): Promise<void> {}
  async list(): Promise<readonly string[]> {
    return [];
  }
  async tryOpen(): Promise<void> {}
  async remove(): Promise<void> {}

  #links(words: readonly string[]) {
    const wanted = words[words.indexOf('dev') + 1];
    return [...this.interfaces]
      .filter(([name]) => !words.includes('dev') || name === wanted)
      .map(([name, { link, alias, vlan, addresses }]) => ({
        ifname: name,
        address: '52:54:00:12:34:56',
        ...(link !== undefined && { link }),
        ...(alias !== undefined && { ifalias: alias }),
        ...(vlan && {
          linkinfo: {
            info_kind: 'vlan',
            info_data: { id: vlan.id, egress_qos: [{ from: 0, to: vlan.priority }] },
          },
        }),
        addr_info: addresses.map((text) => {
          const [local = '', prefix] = text.split('/');
          const family = local.includes(':') ? 'inet6' : 'inet';
          return { family, local, prefixlen: Number(prefix), scope: 'global' };
        }),
      }));
  }

  #routes(args: readonly string[]) {
    const family = args.includes('-6') ? 6 : 4;
    return this.#named(args).routes.filter((route) => route.family === family);
  }

  #named(words: readonly string[]): Interface {
    const name = words[words.indexOf('dev') + 1] ?? '';
    const found = this.interfaces.get(name);
    if (!found) throw new NetworkError(`Cannot find device "${name}"`);
    return found;
  }

  #change(what: string, args: readonly string[], words: readonly string[]): void {
    const after = (word: string) => words[words.lastIndexOf(word) + 1] ?? '';
    switch (what) {
      case 'link add': {
        const made = this.add(after('name'));
        made.link = after('link');
        made.vlan = { id: Number(after('id')), priority: 0 };
        return;
      }
      case 'link delete':
        this.#named(words);
        this.interfaces.delete(after('dev'));
        return;
      case 'link set': {
        const link = this.#named(words);
        if (words.includes('alias')) link.alias = after('alias');
        if (words.includes('egress-qos-map') && link.vlan) {
          link.vlan.priority = Number(after('egress-qos-map').split(':')[1]);
        }
        return;
      }
      case 'address add':
        this.#named(words).addresses.push(words[2] ?? '');
        return;
      case 'address delete': {
        // As the kernel does by itself: the first address of a subnet takes the others along, and all routes.
        const link = this.#named(words);
        const leaving = words[2] ?? '';
        const first = link.addresses.indexOf(leaving);
        if (first < 0) throw new NetworkError('Cannot assign requested address');
        const v4 = !leaving.includes(':');
        const stay = link.addresses.filter(
          (one, i) => one !== leaving && (i < first || !v4 || one.includes(':')),
        );
        link.addresses.splice(0, Number.POSITIVE_INFINITY, ...stay);
        if (v4)
          link.routes.splice(
            0,
            Number.POSITIVE_INFINITY,
            ...link.routes.filter(({ family }) => family === 6),
          );
        return;
      }
      case 'route add':
      case 'route delete': {
        const { routes } = this.#named(words);
        const route = { family: args.includes('-6') ? (6 as const) : (4 as const), gateway: after('via') };
        if (what === 'route add') routes.push({ ...route, protocol: 'boot' });
        else
          routes.splice(
            routes.findIndex(({ family, gateway }) => family === route.family && gateway === route.gateway),
            1,
          );
        return;
      }
      default:
        throw new Error(`not scripted: ip ${args.join(' ')}`);
    }
  }
}
