/**
 * The WebSockets of the browser console: who may open one, and how many there are. Everything is checked before the
 * protocol is switched, in this order, and refused in HTTP's words:
 *
 *   path ─▶ Host ─▶ Origin ─▶ a WebSocket of version 13 ─▶ subprotocol ─▶ room ─▶ ticket
 *
 * A browser tells the page's origin, which has to be ours; what is no browser has only the ticket to show.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { ConsoleHub } from '../../bmc/console.ts';
import type { ScreenHub } from '../../bmc/screen.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { hasHost, originOf } from '../same-origin.ts';
import { CloseCode, ConsoleLine } from './console-line.ts';
import { consoleSockets, maxSockets } from './offer.ts';
import { serveScreen } from './screen-console.ts';
import { serveSerial } from './serial-console.ts';
import type { SocketGrant, SocketPurpose, SocketTickets } from './tickets.ts';

export const maxSocketsOfUser = 16;
/** What viewers and terminals send fits many times. */
const maxMessageBytes = 64 * 1024;

export interface ConsoleSocketsOptions {
  readonly tickets: SocketTickets;
  readonly console: ConsoleHub;
  readonly screen: ScreenHub;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of each console that has been opened; the function is called when it is closed. */
  readonly opened: (grant: SocketGrant) => () => void;
}

export class ConsoleSockets {
  readonly #options: ConsoleSocketsOptions;
  readonly #server: WebSocketServer;
  readonly #lines = new Set<ConsoleLine>();
  #stopped = false;

  constructor(options: ConsoleSocketsOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: maxMessageBytes,
      perMessageDeflate: false,
      handleProtocols: (offered) =>
        Object.values(consoleSockets).find(({ protocol }) => offered.has(protocol))?.protocol ?? false,
    });
  }

  get count(): number {
    return this.#lines.size;
  }

  /**
   * Switches to a WebSocket, or says why not.
   * @param refuse answers with this status and ends the connection
   */
  upgrade(request: IncomingMessage, raw: Socket, head: Uint8Array, refuse: (status: number) => void): void {
    const admitted = this.#admit(request);
    if (typeof admitted === 'number') {
      refuse(admitted);
      return;
    }
    // The library answers by itself what is no proper opening of a WebSocket.
    this.#server.handleUpgrade(request, raw, Buffer.from(head), (socket) => {
      const { clock, log, console, screen, opened } = this.#options;
      const line = new ConsoleLine({ socket, raw, grant: admitted, clock, log });
      this.#lines.add(line);
      const closed = opened(admitted);
      line.onEnd(() => {
        this.#lines.delete(line);
        closed();
      });
      if (admitted.purpose === 'serial') serveSerial(line, console);
      else serveScreen(line, screen, clock);
    });
  }

  /** Ends all; nothing is opened any more. */
  stop(): void {
    this.#stopped = true;
    for (const line of this.#lines) line.close(CloseCode.goingAway, 'the BMC stops');
  }

  /** @returns the right that the ticket gives, or the status of the refusal */
  #admit({ method, url = '', headers }: IncomingMessage): SocketGrant | number {
    const [path, query = ''] = url.split('?', 2);
    const purpose = (Object.keys(consoleSockets) as SocketPurpose[]).find(
      (each) => consoleSockets[each].path === path,
    );
    if (!purpose) return 404;
    if (!hasHost(headers)) return 400;
    if (originOf(headers) === 'foreign') return 403;
    const isWebSocket = headers.upgrade?.toLowerCase() === 'websocket';
    if (method !== 'GET' || !isWebSocket || headers['sec-websocket-version'] !== '13') return 426;
    const offered = headers['sec-websocket-protocol']?.split(',').map((each) => each.trim()) ?? [];
    if (!offered.includes(consoleSockets[purpose].protocol)) return 400;
    if (this.#stopped || this.#lines.size >= maxSockets) return 503;
    const ticket = new URLSearchParams(query).get('ticket') ?? '';
    const grant = this.#options.tickets.redeem(ticket, purpose);
    if (!grant) return 401;
    const own = [...this.#lines].filter((line) => line.grant.userName === grant.userName).length;
    return own >= maxSocketsOfUser ? 503 : grant;
  }
}
