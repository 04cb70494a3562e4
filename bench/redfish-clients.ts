/** Latency under 100 clients at once, and what each open session, stream and connection holds in memory. */
import { connect, type TLSSocket } from 'node:tls';
import { ask, openSession, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { HttpLoad, quantile } from './http-load.ts';
import { figureOf, inRounds } from './rounds.ts';

const path = '/redfish/v1/Systems/1';
const clients = 100;
/** So many sessions one user may have, less the one that there is. */
const sessions = 15;
const streams = 30;

export const redfishClients: Bench = {
  name: 'redfish-clients',
  title: `${clients} clients at once with GET ${path} over TLS`,
  async run({ rounds, seconds }) {
    const appliance = await startAppliance();
    const headers = { 'x-auth-token': appliance.token };
    const load = await HttpLoad.open({ port: appliance.port, connections: clients, path, headers });
    try {
      const measure = async () => {
        const { requests, seconds: took, latencies } = await load.run(seconds);
        return {
          'requests/s': requests / took,
          'p50 ms': quantile(latencies, 0.5),
          'p99 ms': quantile(latencies, 0.99),
          'p99.9 ms': quantile(latencies, 0.999),
        };
      };
      return { figures: await inRounds([{ name: 'qemu-bmc', measure }], rounds) };
    } finally {
      load.close();
      await appliance.stop();
    }
  },
};

export const redfishStreams: Bench = {
  name: 'redfish-streams',
  title: `memory of ${sessions} sessions and ${streams} event streams; from a change to its notice on every stream`,
  async run({ rounds }) {
    const appliance = await startAppliance();
    const { port, token, target } = appliance;
    const open: EventStream[] = [];
    try {
      // The first ones make what all of them share.
      await settle();
      const atFirst = target.residentKb;
      for (let i = 0; i < sessions; i++) await openSession(port);
      await settle();
      const withSessions = target.residentKb;
      open.push(await EventStream.open(port, token, 0));
      await settle();
      const withOne = target.residentKb;
      for (let i = 1; i < streams; i++) open.push(await EventStream.open(port, token, i));
      await settle();
      const withStreams = target.residentKb;
      let on = false;
      const measure = async () => {
        on = !on;
        const heard = open.map((stream) => stream.next(`"OriginOfCondition":{"@odata.id":"${path}"}`));
        const begin = performance.now();
        const { status } = await ask(port, 'PATCH', path, { LocationIndicatorActive: on }, token);
        if (status !== 200) throw new Error(`the change was refused: ${status}`);
        const answered = performance.now() - begin;
        const times = (await Promise.all(heard)).map((at) => at - begin).sort((a, b) => a - b);
        return {
          'answer ms': answered,
          'notice on the first stream ms': times[0] ?? Number.NaN,
          'notice on the last stream ms': times.at(-1) ?? Number.NaN,
        };
      };
      const figures = await inRounds([{ name: 'qemu-bmc', measure }], rounds);
      const once = (value: number) => figureOf([value]);
      return {
        figures: {
          'qemu-bmc': {
            ...figures['qemu-bmc'],
            'KB a session': once((withSessions - atFirst) / sessions),
            'KB for the first stream': once(withOne - withSessions),
            'KB a further stream, its TLS connection included': once((withStreams - withOne) / (streams - 1)),
            'KB in all': once(withStreams),
          },
        },
      };
    } finally {
      for (const stream of open) stream.close();
      await appliance.stop();
    }
  },
};

/** Rubbish is collected now and then, not at once. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000));
}

class EventStream {
  readonly #close: () => void;
  #text = '';
  #wake: (() => void) | undefined;

  static open(port: number, token: string, number: number): Promise<EventStream> {
    return new Promise((resolve, reject) => {
      const localAddress = `127.0.0.${2 + Math.floor(number / 16)}`;
      const options = { port, host: '127.0.0.1', localAddress, rejectUnauthorized: false } as const;
      const socket: TLSSocket = connect(options, () => {
        const stream = new EventStream(() => socket.destroy());
        socket.setEncoding('utf8').on('data', (text: string) => stream.#hear(text));
        socket.write(
          `GET /redfish/v1/EventService/SSE HTTP/1.1\r\nhost: localhost\r\nx-auth-token: ${token}\r\n\r\n`,
        );
        stream.next(': connected').then(() => resolve(stream), reject);
      });
      socket.once('error', reject);
    });
  }

  private constructor(close: () => void) {
    this.#close = close;
  }

  /** @returns when it came */
  next(text: string): Promise<number> {
    this.#text = '';
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => reject(new Error(`${text} did not come`)), 10_000);
      this.#wake = () => {
        if (!this.#text.includes(text)) return;
        clearTimeout(timeout);
        this.#wake = undefined;
        resolve(performance.now());
      };
    });
  }

  close(): void {
    this.#close();
  }

  #hear(text: string): void {
    this.#text += text;
    this.#wake?.();
  }
}
