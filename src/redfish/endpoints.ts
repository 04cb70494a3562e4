/** What the appliance listens on and where its alerts go, for clients that look for its other faces. Decided by the configuration. */
import { hostname } from 'node:os';

export interface Endpoints {
  /** The host's name, without its domain. */
  readonly hostName: string;
  /** The host's name with its domain; undefined where nobody has said which that is. */
  readonly fqdn: string | undefined;
  /** TCP port of this service. */
  readonly httpsPort: number;
  /** TCP port of plain HTTP, which only leads to HTTPS; undefined for none. */
  readonly httpPort: number | undefined;
  /** UDP port of IPMI over LAN. */
  readonly ipmiPort: number;
  /** UDP port of others that alerts are sent to. */
  readonly trapPort: number;
  /** TCP port where the machine's screen is shown by VNC; undefined for none. */
  readonly vncPort: number | undefined;
}

/** The names of this host, as the operating system has them. */
export function hostNames(name = hostname()): Pick<Endpoints, 'hostName' | 'fqdn'> {
  const dot = name.indexOf('.');
  return dot < 0 ? { hostName: name, fqdn: undefined } : { hostName: name.slice(0, dot), fqdn: name };
}
