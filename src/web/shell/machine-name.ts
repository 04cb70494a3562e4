import { useResource } from '../api/queries.ts';
import { type ComputerSystem, type NetworkProtocol, uris } from '../api/schema.ts';

/** What people call it: its asset tag, otherwise the BMC's host name, otherwise the product. Undefined until read. */
export function useMachineName(): string | undefined {
  const { data: system } = useResource<ComputerSystem>(uris.system);
  const { data: network } = useResource<NetworkProtocol>(uris.networkProtocol);
  return system && (system.AssetTag || network?.HostName || system.Name);
}
