/**
 * Who is logged in, in this tab. The token is in memory alone; after a reload the appliance gives it back for a cookie
 * that only it can read and that Redfish never accepts.
 */
import { Client } from './client.ts';
import type { Session } from './schema.ts';

const sessionsUri = '/redfish/v1/SessionService/Sessions';
/** Where the cookie is set, asked for, and cleared. */
const cookieUri = '/console/session';
const resumeUri = '/console/resume';

export interface LoggedIn {
  readonly token: string;
  /** The session's own resource. */
  readonly uri: string;
  readonly userName: string;
  readonly roleId: string;
}

export type SessionState =
  /** After a reload, until the appliance has said whether there is a session. */
  | { readonly phase: 'resuming' }
  /** `ended`: there was a session, and it is over without this tab's asking. */
  | { readonly phase: 'out'; readonly ended: boolean }
  /** Only the password can be changed. */
  | { readonly phase: 'must-change-password'; readonly who: LoggedIn; readonly accountUri: string }
  | { readonly phase: 'in'; readonly who: LoggedIn };

export class SessionKeeper {
  readonly #fetch: typeof fetch;
  readonly #listeners = new Set<() => void>();
  #state: SessionState = { phase: 'resuming' };

  constructor(fetcher: typeof fetch) {
    this.#fetch = fetcher;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly current = (): SessionState => this.#state;

  get token(): string | undefined {
    return 'who' in this.#state ? this.#state.who.token : undefined;
  }

  /** Asks for the token of before the reload. Without an answer, or without a session, the login page is shown. */
  async resume(): Promise<void> {
    try {
      const { body } = await this.#clientWith(undefined).post<{ token: string; session: string }>(resumeUri);
      const found = await this.#clientWith(body.token).get<Session>(body.session);
      this.#enterWith(body.token, found.body);
    } catch {
      // Nothing is lost: the user logs in. Whether the appliance can be reached shows there.
      if (this.#state.phase === 'resuming') this.#enter({ phase: 'out', ended: false });
    }
  }

  /** @throws {ApiError} `unauthorized` for a wrong name or password, with `retryAfterS` when guesses are slowed down */
  async login(userName: string, password: string): Promise<void> {
    const client = this.#clientWith(undefined);
    let token: string | null = null;
    const response = await client.open('POST', sessionsUri, {
      headers: { 'content-type': 'application/json', 'odata-version': '4.0' },
      body: JSON.stringify({ UserName: userName, Password: password }),
    });
    token = response.headers.get('x-auth-token');
    if (token === null) throw new Error('the appliance opened a session without a token');
    this.#enterWith(token, (await response.json()) as Session);
    await this.#remember(token);
  }

  /** Ends the session, here and on the appliance; the tab is logged out whether that answers or not. */
  async logout(): Promise<void> {
    const state = this.#state;
    if (!('who' in state)) return;
    const client = this.#clientWith(state.who.token);
    this.#enter({ phase: 'out', ended: false });
    await Promise.allSettled([client.delete(state.who.uri), client.delete(cookieUri)]);
  }

  /** The forced change of the password is done; the session goes on as any other. */
  passwordChanged(): void {
    if (this.#state.phase === 'must-change-password') this.#enter({ phase: 'in', who: this.#state.who });
  }

  /** A request with this token was refused as unknown. */
  ended(token: string): void {
    if (this.token === token) this.#enter({ phase: 'out', ended: true });
  }

  #enterWith(token: string, session: Session): void {
    const who = {
      token,
      uri: session['@odata.id'],
      userName: session.UserName,
      roleId: session.Roles?.[0] ?? '',
    };
    const change = session['@Message.ExtendedInfo']?.find(({ MessageId: id }) =>
      id.endsWith('.PasswordChangeRequired'),
    );
    const accountUri = change?.MessageArgs?.[0];
    if (accountUri === undefined) this.#enter({ phase: 'in', who });
    else this.#enter({ phase: 'must-change-password', who, accountUri });
  }

  /** Without the cookie a reload asks for the password again; that is no reason to refuse the login. */
  async #remember(token: string): Promise<void> {
    await this.#clientWith(token)
      .post(cookieUri)
      .catch(() => undefined);
  }

  #clientWith(token: string | undefined): Client {
    return new Client({ fetch: this.#fetch, token: () => token, unauthorized: () => undefined });
  }

  #enter(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** The tab's. */
export const session = new SessionKeeper((...args) => fetch(...args));

/** The tab's way to the appliance, as whoever is logged in. */
export const client = new Client({
  fetch: (...args) => fetch(...args),
  token: () => session.token,
  unauthorized: (token) => session.ended(token),
});
