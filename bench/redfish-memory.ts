/**
 * What hostile bodies cost: the product with a small heap, while many clients at once send far more than is taken. It has
 * to refuse all of it so that each client can read why, answer one that asks for a System meanwhile, and stay within its
 * memory: by what it says of itself, and, where a control group can be made, by what the kernel lets it have.
 */
import { connect, type TLSSocket } from 'node:tls';
import { ask, type BenchAppliance, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { MemoryGroup } from './memory-group.ts';
import { inRounds } from './rounds.ts';

const path = '/redfish/v1/Systems/1';
const heapMb = 64;
/** Of the whole process: what is resident, and what the kernel lets it have. */
const mostMb = 192;
const clients = 32;
const clientsPerAddress = 16;
const piece = Buffer.alloc(100_000, ' ');
const pieces = 1000;
const sizeLine = Buffer.from(`${piece.length.toString(16)}\r\n`);
const lineEnd = Buffer.from('\r\n');

/** What each client sends, and which answer it may get. */
const attacks = {
  '100 MB of JSON in 1,000 chunks': {
    head: 'transfer-encoding: chunked',
    chunked: true,
    pieces,
    status: [413, 503],
  },
  '100 MB that are announced': {
    head: `content-length: ${piece.length * pieces}`,
    chunked: false,
    pieces,
    status: [413],
  },
} as const;
type Attack = (typeof attacks)[keyof typeof attacks];

export const redfishMemory: Bench = {
  name: 'redfish-memory',
  title: `${clients} clients at once that send too much, a heap of ${heapMb} MB; ${mostMb} MB are the most that is allowed`,
  async run({ rounds }) {
    const group = MemoryGroup.make(mostMb * 1024 * 1024);
    let appliance: BenchAppliance | undefined;
    try {
      const running = await startAppliance({ NODE_OPTIONS: `--max-old-space-size=${heapMb}` }, group);
      appliance = running;
      const { target, port, token } = running;
      const contenders = Object.entries(attacks).map(([name, attack]) => ({
        name,
        async measure() {
          const attackers = Array.from({ length: clients }, (_, i) => suffer(running, attack, i));
          const all = Promise.all(attackers);
          let [slowest, asked] = [0, 0];
          let over = false;
          void all.finally(() => {
            over = true;
          });
          while (!over) {
            const begin = performance.now();
            const { status } = await ask(port, 'GET', path, undefined, token);
            if (status !== 200) throw new Error(`a System answered ${status} meanwhile`);
            slowest = Math.max(slowest, performance.now() - begin);
            asked++;
          }
          const statuses = await all;
          const isRefusal = (status: number | undefined) =>
            status !== undefined && (attack.status as readonly number[]).includes(status);
          const wrong = statuses.filter((status) => !isRefusal(status));
          if (wrong.length > 0) throw new Error(`${name}: ${wrong.map((s) => s ?? 'cut off').join(', ')}`);
          const peakMb = target.peakKb / 1024;
          if (peakMb > mostMb) throw new Error(`${peakMb.toFixed(0)} MB, more than ${mostMb}`);
          return {
            'refused and told so': statuses.length,
            'MB at the most so far': peakMb,
            'MB afterwards': target.residentKb / 1024,
            ...(group && { 'MB in its control group, at the most so far': group.mostBytes / 1024 / 1024 }),
            'a System meanwhile, times': asked,
            'a System meanwhile, slowest ms': slowest,
          };
        },
      }));
      return { figures: await inRounds(contenders, rounds) };
    } finally {
      await appliance?.stop();
      group?.remove();
    }
  },
};

/** @returns the status of the answer; undefined when the connection was cut off before it could be read */
function suffer(
  { port, token }: BenchAppliance,
  attack: Attack,
  number: number,
): Promise<number | undefined> {
  const localAddress = `127.0.1.${1 + Math.floor(number / clientsPerAddress)}`;
  const options = { port, host: '127.0.0.1', localAddress, rejectUnauthorized: false } as const;
  const { chunked } = attack;
  const bytes = chunked ? Buffer.concat([sizeLine, piece, lineEnd]) : piece;
  return new Promise((resolve) => {
    let answer = '';
    let left: number = attack.pieces;
    const socket: TLSSocket = connect(options, () => {
      const type = `content-type: application/json\r\nx-auth-token: ${token}`;
      socket.write(`PATCH ${path} HTTP/1.1\r\nhost: x\r\n${type}\r\n${attack.head}\r\n\r\n`);
      send();
    });
    const send = () => {
      while (left > 0 && socket.writable) {
        left--;
        if (!socket.write(bytes)) return;
      }
    };
    socket.on('drain', send);
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      // Like any client that has been told: it would wait for what it has still to send otherwise.
      if (answer.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(answer) ?? [];
      resolve(status === undefined ? undefined : Number(status));
    });
  });
}
