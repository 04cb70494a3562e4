/** A host's network that exists in memory only: links as a test wants them, and every command written down. */
import { Emitter } from '../../src/lib/emitter.ts';
import { NetworkError, type NetworkHost } from '../../src/network/host-commands.ts';
import type { LinkTable } from '../../src/network/link-table.ts';
import type { Link } from '../../src/network/links.ts';

export class ScriptedNetwork {
  links: Link[] = [];
  /** All commands that were run, the oldest first. */
  readonly commands: string[] = [];
  readonly written: string[] = [];
  /** Refuses what it gives a reason for. */
  refuses: (command: string) => string | undefined = () => undefined;
  /** `undefined`: the device may be opened. */
  nodeError: NodeJS.ErrnoException | undefined;
  watching = false;
  readonly #changed = new Emitter<void>();
  #nextIndex = 2;

  /** Adds a wire, or takes one of that name away first. */
  plug(name: string, facts: Partial<Link> = {}): Link {
    this.links = this.links.filter((each) => each.name !== name);
    const index = this.#nextIndex++;
    const link: Link = {
      index,
      name,
      kind: 'veth',
      mac: `aa:c1:ab:00:00:${index.toString(16).padStart(2, '0')}`,
      mtu: 9500,
      up: true,
      carrier: true,
      alias: '',
      parent: undefined,
      addresses: [],
      ...facts,
    };
    this.links.push(link);
    this.#changed.emit();
    return link;
  }

  change(name: string, facts: Partial<Link>): void {
    this.links = this.links.map((link) => (link.name === name ? { ...link, ...facts } : link));
    this.#changed.emit();
  }

  unplug(name: string): void {
    this.links = this.links.filter((link) => link.name !== name && link.parent !== name);
    this.#changed.emit();
  }

  readonly table: LinkTable = {
    watch: () => {
      this.watching = true;
    },
    stop: () => {
      this.watching = false;
    },
    read: () => Promise.resolve(this.links),
    onChange: (listener) => this.#changed.on(listener),
  };

  readonly host: NetworkHost = {
    run: (program, args) => {
      const command = [program, ...args].join(' ');
      const reason = this.refuses(command);
      if (reason !== undefined) return Promise.reject(new NetworkError(`${command}: ${reason}`));
      this.commands.push(command);
      return Promise.resolve('');
    },
    list: (folder) => Promise.resolve(folder.endsWith('/macvtap') ? ['tap7'] : []),
    read: (file) => Promise.resolve(file.endsWith('/dev') ? '246:7\n' : '0\n'),
    write: (file, text) => {
      this.written.push(`${file} ${text}`);
      return Promise.resolve();
    },
    tryOpen: () => (this.nodeError ? Promise.reject(this.nodeError) : Promise.resolve()),
    remove: () => Promise.resolve(),
  };
}
