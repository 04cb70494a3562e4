/**
 * From Chassis Control to the first byte on the serial port: what the appliance adds before QEMU is there, and what QEMU
 * takes from then on, beside a QEMU that is started with the same arguments by nobody but us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { freeUdpPort } from '../tests/support/processes.ts';
import { UdpConsole } from '../tests/support/udp-console.ts';
import type { Bench } from './bench.ts';
import { builtProduct } from './built.ts';
import { type Contender, inRounds } from './rounds.ts';
import { scratchFolder } from './target.ts';

const host = '127.0.0.1';
const user = 'admin';
const password = 'bench-password';
const limitMs = 120_000;
const lookMs = 2;
const qemu = '/usr/bin/qemu-system-x86_64';
const [own, bare] = ['qemu-bmc', 'bare QEMU'];

export const powerOn: Bench = {
  name: 'power-on',
  title: 'power on by IPMI, the whole appliance with pm2; software emulation, SeaBIOS, an empty disk',
  async run({ rounds }) {
    const folder = scratchFolder();
    const [stamp, runDir] = [`${folder.path}/exec`, `${folder.path}/run`];
    const serialLog = `${runDir}/serial.log`;
    // The last thing before QEMU is QEMU, for both sides: it notes when.
    mkdirSync(`${folder.path}/bin`);
    const shim = `${folder.path}/bin/qemu-system-x86_64`;
    writeFileSync(shim, `#!/bin/bash\necho "$EPOCHREALTIME" >'${stamp}'\nexec ${qemu} "$@"\n`, {
      mode: 0o755,
    });
    writeFileSync(`${folder.path}/disk.raw`, Buffer.alloc(1 << 20));
    const ipmiPort = await freeUdpPort();
    const appliance = spawn(process.execPath, [builtProduct(), 'run'], {
      env: {
        PATH: `${folder.path}/bin${delimiter}${process.env.PATH ?? ''}`,
        HOME: folder.path,
        BMC_ADDR: host,
        IPMI_PORT: String(ipmiPort),
        IPMI_USER: user,
        IPMI_PASS: password,
        REDFISH_PORT: '0',
        STATE_DIR: `${folder.path}/state`,
        RUN_DIR: runDir,
        VM_DISK: `${folder.path}/disk.raw`,
        ENABLE_KVM: 'false',
        VM_MEMORY: '128',
        POWER_ON_AT_START: 'false',
        SHUTDOWN_GRACE: '0',
        LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [appliance.stdout, appliance.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-5000);
      });
    }
    const socket = createSocket('udp4').on('error', () => undefined);
    let args: string[] = [];
    const execAt = async () => {
      await until(
        'QEMU is started',
        () => existsSync(stamp) && statSync(stamp).size > 0,
        () => output,
      );
      return 1000 * Number(readFileSync(stamp, 'latin1'));
    };
    const firstByteAt = async () => {
      await until(
        'the firmware speaks',
        () => existsSync(serialLog) && statSync(serialLog).size > 0,
        () => output,
      );
      return now();
    };
    const contenders: Contender[] = [
      {
        name: own,
        async measure() {
          rmSync(stamp, { force: true });
          // What an earlier machine said would be taken for this one's.
          if (existsSync(serialLog)) truncateSync(serialLog);
          const remote = await loggedIn(socket, ipmiPort);
          try {
            const askedAt = now();
            await command(remote, 2, [1]);
            const answeredAt = now();
            const startedAt = await execAt();
            const handedOverAt = statSync(`${runDir}/qemu.args`).mtimeMs;
            args = readFileSync(`${runDir}/qemu.args`, 'utf8').split('\0').slice(1, -1);
            const spokenAt = await firstByteAt();
            await command(remote, 2, [0]);
            await untilOff(remote);
            return {
              'command to answer ms': answeredAt - askedAt,
              'command to QEMU’s arguments written ms': handedOverAt - askedAt,
              'command to exec ms': startedAt - askedAt,
              'exec to first serial byte ms': spokenAt - startedAt,
            };
          } finally {
            await remote.closeSession();
          }
        },
      },
      {
        name: bare,
        async measure() {
          rmSync(stamp, { force: true });
          truncateSync(serialLog);
          // Nobody is there to let it run later, as the BMC does once it hears the serial port.
          const child = spawn(
            shim,
            args.filter((word) => word !== '-S'),
            { stdio: ['ignore', 'ignore', 'pipe'] },
          );
          child.stderr.setEncoding('utf8').on('data', (text: string) => {
            output += text;
          });
          try {
            const startedAt = await execAt();
            const spokenAt = await firstByteAt();
            return { 'exec to first serial byte ms': spokenAt - startedAt };
          } finally {
            await ended(child, 'SIGKILL');
          }
        },
      },
    ];
    try {
      return { figures: await inRounds(contenders, rounds), ratiosOf: own, against: [bare] };
    } finally {
      socket.close();
      await ended(appliance, 'SIGTERM');
      folder.remove();
    }
  },
};

/** Milliseconds since 1970, as the shell's. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

async function loggedIn(socket: Socket, port: number): Promise<UdpConsole> {
  socket.removeAllListeners('message');
  const remote = new UdpConsole(socket, { address: host, port, login: { user, password } });
  await remote.login();
  await command(remote, 0x3b, [4], 6);
  return remote;
}

async function command(remote: UdpConsole, cmd: number, data: number[], netFn = 0): Promise<Buffer> {
  const reply = await remote.command(netFn, cmd, data);
  if (reply.completionCode !== 0) throw new Error(`command ${netFn}/${cmd}: ${reply.completionCode}`);
  return reply.data;
}

async function untilOff(remote: UdpConsole): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (((await command(remote, 1, [])).readUInt8(0) & 1) === 1) {
    if (performance.now() > deadline) throw new Error('the machine stays on');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function until(what: string, holds: () => boolean, said: () => string): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}
