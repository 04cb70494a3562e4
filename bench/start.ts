/** From the start of a process to the first answer that a client can check, and what the process is then. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { loadConfig } from '../src/config/load.ts';
import { preparePrivateDirectory, runFiles } from '../src/config/run-files.ts';
import { processStat } from '../src/lib/process-stat.ts';
import { freeTcpPort, freeUdpPort } from '../tests/support/processes.ts';
import { UdpConsole } from '../tests/support/udp-console.ts';
import { ask } from './appliance.ts';
import type { Bench } from './bench.ts';
import { builtBench, builtProduct } from './built.ts';
import { type Contender, inRounds } from './rounds.ts';
import { scratchFolder } from './target.ts';

const host = '127.0.0.1';
const user = 'admin';
const password = 'bench-password';
const limitMs = 60_000;
const knockMs = 4;
const idleMs = 3000;
/** Of /proc: USER_HZ. */
const tickMs = 10;
const presencePing = Buffer.from([6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 1, 0, 0]);

const [bare, own, whole] = ['bare node:http', 'qemu-bmc bmc', 'qemu-bmc run (pm2 and the BMC)'];

export const start: Bench = {
  name: 'start',
  title:
    'from the start of a process to its first answer; the machine stays off; without reading from a cold disk',
  async run({ rounds }) {
    const folder = scratchFolder();
    const [program, floor] = [builtProduct(), builtBench('floors/http')];
    const [ipmiPort, redfishPort] = [await freeUdpPort(), await freeTcpPort()];
    const disk = `${folder.path}/disk.raw`;
    writeFileSync(disk, Buffer.alloc(1 << 20));
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: folder.path,
      BMC_ADDR: host,
      IPMI_PORT: String(ipmiPort),
      IPMI_USER: user,
      IPMI_PASS: password,
      REDFISH_PORT: String(redfishPort),
      STATE_DIR: `${folder.path}/state`,
      RUN_DIR: `${folder.path}/run`,
      VM_DISK: disk,
      POWER_ON_AT_START: 'false',
      LOG_LEVEL: 'warn',
    };
    const { config } = loadConfig({ env });
    const run = runFiles(config.bmc.runDir);

    const contenders: Contender[] = [
      {
        name: bare,
        async measure() {
          const port = await freeTcpPort();
          const child = new Started([floor, String(port)], {});
          try {
            await untilTrue('an answer', () => answersHttp(port));
            return { 'first answer ms': child.ageMs, 'CPU ms until then': child.cpuMs };
          } finally {
            await child.stop();
          }
        },
      },
      {
        name: own,
        async measure() {
          // As pm2 starts it, and with the state of the start before: the first round, which makes it, does not count.
          preparePrivateDirectory(config.bmc.stateDir);
          preparePrivateDirectory(config.bmc.runDir);
          writeFileSync(run.config, JSON.stringify(config), { mode: 0o600 });
          writeFileSync(run.powerReturned, '', { mode: 0o600 });
          const child = new Started([program, 'bmc', '--resolved', run.config], env);
          try {
            await firstLogin(ipmiPort);
            const [ms, cpuMs] = [child.ageMs, child.cpuMs];
            await untilTrue('Redfish', () => answersRedfish(redfishPort));
            const redfishMs = child.ageMs;
            await new Promise((resolve) => setTimeout(resolve, idleMs));
            return {
              'first answer ms': ms,
              'CPU ms until then': cpuMs,
              'first answer of Redfish ms': redfishMs,
              'CPU ms until idle': child.cpuMs,
              'MB idle, Redfish included': child.residentMb,
            };
          } finally {
            await child.stop();
            rmSync(config.bmc.runDir, { recursive: true, force: true });
          }
        },
      },
      {
        name: whole,
        async measure() {
          const child = new Started([program, 'run'], env);
          try {
            await firstLogin(ipmiPort);
            return { 'first answer ms': child.ageMs };
          } finally {
            await child.stop();
          }
        },
      },
    ];
    try {
      return { figures: await inRounds(contenders, rounds), ratiosOf: own, against: [bare] };
    } finally {
      folder.remove();
    }
  },
};

/** A Node process since it was started. */
class Started {
  readonly #startedAt = performance.now();
  readonly #child: ChildProcess;
  readonly #pid: number;
  #output = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#pid = this.#child.pid ?? -1;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  get ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  get cpuMs(): number {
    const stat = processStat(this.#pid);
    if (!stat) throw new Error(`it has ended: ${this.#output}`);
    return stat.cpuTicks * tickMs;
  }

  get residentMb(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  async stop(): Promise<void> {
    const ended = () => this.#child.exitCode !== null || this.#child.signalCode !== null;
    if (ended()) throw new Error(`it has ended: ${this.#output}`);
    this.#child.kill('SIGTERM');
    await untilTrue('its end', () => Promise.resolve(ended()));
  }
}

async function untilTrue(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, knockMs));
  }
}

function answersHttp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host, port, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode === 200));
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

function answersRedfish(port: number): Promise<boolean> {
  return ask(port, 'GET', '/redfish/v1/').then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** Knocks until somebody is there, then logs in; the BMC's last answer proves that it knows the password, too. */
async function firstLogin(port: number): Promise<void> {
  const socket = createSocket('udp4');
  // Nobody there yet.
  socket.on('error', () => undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('nobody answers')), limitMs);
      const knock = setInterval(() => socket.send(presencePing, port, host), knockMs);
      socket.once('message', () => {
        clearTimeout(limit);
        clearInterval(knock);
        resolve();
      });
    });
    await new UdpConsole(socket, { address: host, port, login: { user, password } }).login();
  } finally {
    socket.close();
  }
}
