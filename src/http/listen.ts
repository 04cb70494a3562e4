/** Opens a server's port, or says in one line why that is not possible. */
import type { Server } from 'node:net';

/**
 * @param all all addresses of this server: with both `0.0.0.0` and `::`, the latter takes IPv6 clients alone
 * @throws {Error}
 */
export async function listenOn(
  server: Server,
  address: string,
  port: number,
  all: readonly string[],
): Promise<void> {
  const ipv6Only = address === '::' && all.includes('0.0.0.0');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, ipv6Only, exclusive: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const where = `TCP port ${port} on ${address}`;
    throw new Error(`${where} ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'is taken by another program';
    case 'EACCES':
      return 'needs root: a port of 1024 or above does not';
    case 'EADDRNOTAVAIL':
      return 'cannot be opened: that is no address of this machine';
    default:
      return `cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}
