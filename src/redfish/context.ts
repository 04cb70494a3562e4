/** What a definition may touch while it answers one request. */
import type { Actor } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import type { PasswordLogin } from '../bmc/password-login.ts';
import type { User } from '../bmc/user.ts';
import type { HttpRequest } from '../http/exchange.ts';
import type { RedfishState } from './state.ts';

export interface Context {
  readonly bmc: Bmc;
  /** What Redfish keeps of its own: sessions, tasks, subscriptions. */
  readonly state: RedfishState;
  /** Checks names and passwords. */
  readonly login: PasswordLogin;
  readonly request: HttpRequest;
  readonly actor: Actor;
  /** Who asks; undefined for what needs no login. */
  readonly user: User | undefined;
  /** The Redfish session the request came with; undefined for Basic authentication. */
  readonly sessionId: string | undefined;
}
