import { useWho } from '../api/privileges.ts';
import { useResource } from '../api/queries.ts';
import { type NetworkProtocol, uris } from '../api/schema.ts';
import type { ShellLines } from '../ui/copy-button.tsx';
import { type CurlOptions, curlLine, ipmitoolLine } from './commands.ts';

export interface Command extends Omit<CurlOptions, 'origin' | 'user'> {
  /** Words for ipmitool; undefined where IPMI has no such thing. */
  readonly ipmi?: readonly string[] | undefined;
}

/** @returns what makes lines for the appliance that this page comes from, and for the user who is logged in */
export function useShellLines(): (command: Command) => ShellLines {
  const user = useWho()?.userName ?? '';
  const port = useResource<NetworkProtocol>(uris.networkProtocol).data?.IPMI?.Port;
  return ({ ipmi, ...request }) => ({
    curl: curlLine({ ...request, origin: location.origin, user }),
    ...(ipmi && port && { ipmitool: ipmitoolLine({ host: location.hostname, port, user, words: ipmi }) }),
  });
}
