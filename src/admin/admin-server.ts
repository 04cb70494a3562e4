/**
 * A door for testers: HTTP over a unix socket in the run directory, which only its owner can open. No login beside
 * that, and no way in from the network or the guest.
 *
 *   GET    /faults          what is broken now
 *   DELETE /faults          all is well again
 *   POST   /inject/KIND     JSON as `injections` says; 204, or 4xx with {"error": "…"}
 *   GET    /metrics         as over HTTPS
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Actor, actorText } from '../bmc/actor.ts';
import { changesBetween } from '../bmc/changes.ts';
import { BmcError } from '../bmc/errors.ts';
import { clearFaults, faultsInForce, type InjectionTarget, injections } from './injections.ts';

const tester: Actor = { name: 'a tester', face: 'admin', from: 'admin socket' };
/** No body that makes sense is near this. */
const longestBody = 16_384;

export interface AdminTarget extends InjectionTarget {
  readonly metrics: { text(): Promise<string> };
}

export class AdminServer {
  readonly #target: AdminTarget;
  readonly #socketPath: string;
  #server: Server | undefined;

  constructor(target: AdminTarget, socketPath: string) {
    this.#target = target;
    this.#socketPath = socketPath;
  }

  /** @throws {Error} when the socket cannot be made */
  async start(): Promise<void> {
    rmSync(this.#socketPath, { force: true });
    const server = createServer((request, response) => {
      this.#serve(request).then(
        (answer) => reply(response, answer),
        (error: unknown) => {
          this.#target.bmc.log.error({ err: error, url: request.url }, 'admin request failed');
          reply(response, { status: 500, body: { error: 'internal error, see the log' } });
        },
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#socketPath, () => {
        server.off('error', reject);
        resolve();
      });
    });
    chmodSync(this.#socketPath, 0o600);
    server.unref();
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage): Promise<Answer> {
    const { method = '', url = '' } = request;
    if (url === '/faults' && method === 'GET') return { status: 200, body: faultsInForce(this.#target) };
    if (url === '/faults' && method === 'DELETE') {
      this.#audited('all injected faults cleared', () => clearFaults(this.#target));
      this.#target.bmc.log.warn('faults cleared');
      return { status: 204 };
    }
    if (url === '/metrics' && method === 'GET')
      return { status: 200, text: await this.#target.metrics.text() };
    const [, kind] = /^\/inject\/([a-z-]+)$/.exec(url) ?? [];
    const injection = kind !== undefined && Object.hasOwn(injections, kind) ? injections[kind] : undefined;
    if (!injection)
      return refused(404, `nothing at ${url}; there is /faults, /metrics, and /inject/ with one of ${kinds}`);
    if (method !== 'POST') return refused(405, `${url} takes POST`);
    const text = await bodyOf(request);
    if (text === undefined) return refused(413, `at most ${longestBody} bytes`);
    let body: unknown;
    try {
      body = text === '' ? {} : JSON.parse(text);
    } catch (error) {
      return refused(400, `not JSON: ${(error as Error).message}`);
    }
    // Only testers need it: a start does without.
    const { Value } = await import('typebox/value');
    const [problem] = Value.Errors(injection.body, body);
    if (problem) return refused(400, `${kind}${problem.instancePath}: ${problem.message}`);
    try {
      this.#audited(`injected: ${kind} ${JSON.stringify(body)}`, () => injection.run(body, this.#target));
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
      return refused(error.kind === 'not-found' ? 404 : 409, error.message);
    }
    this.#target.bmc.log.warn({ kind, body }, 'fault injected');
    return { status: 204 };
  }

  /** What is done to the BMC here looks like the truth to all others: who looks at the log can tell. */
  #audited(what: string, run: () => void): void {
    const before = faultsInForce(this.#target);
    run();
    const changes = changesBetween(before, faultsInForce(this.#target));
    this.#target.bmc.events.add('configuration', `${what}, by ${actorText(tester)}`, tester, changes);
  }
}

const kinds = Object.keys(injections).join(', ');

interface Answer {
  readonly status: number;
  readonly body?: object;
  /** In place of a body. */
  readonly text?: string;
}

function refused(status: number, error: string): Answer {
  return { status, body: { error } };
}

function reply(response: ServerResponse, { status, body, text }: Answer): void {
  if (text !== undefined) {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
    return;
  }
  if (!body) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

/** @returns undefined when it is too long */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > longestBody) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
