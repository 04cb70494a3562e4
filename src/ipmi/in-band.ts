/**
 * Where QEMU finds the system interface: a unix socket that we listen on and QEMU connects to, again and again until
 * it succeeds. One machine has one; the latest connection counts.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { SystemInterface, type SystemInterfaceOptions } from './in-band/system-interface.ts';

export interface InBandOptions extends SystemInterfaceOptions {
  /** In a directory that only we can look into. */
  readonly socketPath: string;
}

const mostUnreadBytes = 64 * 1024;

export class InBand {
  readonly #options: InBandOptions;
  readonly #interface: SystemInterface;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: InBandOptions) {
    this.#options = options;
    this.#interface = new SystemInterface(options);
  }

  get systemInterface(): SystemInterface {
    return this.#interface;
  }

  /** @throws {Error} when the socket cannot be made */
  async start(): Promise<void> {
    const { socketPath, bmc } = this.#options;
    // What an earlier life of ours has left; a living one would have refused us the run directory.
    rmSync(socketPath, { force: true });
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // QEMU may be another user of our group; the directory keeps everybody else out.
    chmodSync(socketPath, 0o660);
    server.on('error', (error) => bmc.log.warn({ err: error }, 'system interface socket'));
    server.unref();
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const { log } = this.#options.bmc;
    this.#sockets.add(socket);
    const link = this.#interface.connect((bytes) => {
      if (socket.destroyed) return;
      // A QEMU reads what it has asked for; one that does not is no peer.
      if (socket.writableLength > mostUnreadBytes) socket.destroy();
      else socket.write(bytes);
    });
    socket.on('data', (bytes) => link.receive(bytes));
    socket.on('error', (error) => log.debug({ err: error }, 'system interface connection'));
    socket.on('close', () => {
      this.#sockets.delete(socket);
      link.disconnect();
    });
    log.debug('system interface connected');
  }
}
