/** Where the appliance can be reached from this machine, as people type it. */
import { isIPv6 } from 'node:net';
import type { Config } from './config.ts';

/** An address to reach a server at that listens on this one: all addresses include the loopback one. */
export function reachableHost(address: string): string {
  return { '0.0.0.0': '127.0.0.1', '::': '127.0.0.1' }[address] ?? address;
}

/** `https://127.0.0.1:8443/redfish/v1/`, or that Redfish is switched off. */
export function redfishUrl({ bmc, redfish }: Config): string {
  if (redfish.port === 0) return 'switched off';
  const host = reachableHost(bmc.address);
  const port = redfish.port === 443 ? '' : `:${redfish.port}`;
  return `https://${isIPv6(host) ? `[${host}]` : host}${port}/redfish/v1/`;
}
