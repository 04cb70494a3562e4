/** Interfaces that the machine must not have, since the BMC would be cut off. */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { defaultRoutes4, defaultRoutes6 } from './host-network.ts';

/**
 * @param bmcAddress what the BMC listens on
 * @param bmcInterface the BMC's own interface, where one is configured
 * @returns names, each with the reason
 */
export async function reservedLinks(
  bmcAddress: string,
  bmcInterface: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const [routes4, routes6] = await Promise.all(
    ['/proc/net/route', '/proc/net/ipv6_route'].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  const reserved = new Map<string, string>();
  for (const { name } of [...defaultRoutes4(routes4 ?? ''), ...defaultRoutes6(routes6 ?? '')]) {
    reserved.set(name, `${name} carries the default route: it is left to the BMC`);
  }
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some(({ address }) => address === bmcAddress)) {
      reserved.set(name, `${name} has the BMC’s address ${bmcAddress}`);
    }
  }
  if (bmcInterface !== undefined) reserved.set(bmcInterface, `${bmcInterface} is the BMC’s own`);
  return reserved;
}
