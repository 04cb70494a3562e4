/**
 * Records what real clients say to our BMC, for the golden tests; see tests/golden/README.md.
 *   npx tsx scripts/record-golden.ts            all scenarios
 *   npx tsx scripts/record-golden.ts sol bootdev  those whose names contain one of the words
 * Needs ipmitool, FreeIPMI and the right to bind UDP port 623. What does not replay the same is not written.
 */
import { createSocket, type Socket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  formatRecording,
  type GoldenCommand,
  type GoldenSetup,
  goldenAddress,
  goldenPort,
  goldenUsers,
  type Recording,
  recordingPath,
  replay,
  startGoldenBmc,
  Tape,
  tickMs,
} from '../tests/support/golden.ts';
import { run } from '../tests/support/processes.ts';
import { Terminal } from '../tests/support/terminal.ts';

interface Step {
  readonly client: string;
  readonly args: readonly string[];
  /** Runs it in a terminal and does this there. */
  readonly act?: (terminal: Terminal) => Promise<void>;
}

interface Scenario {
  readonly name: string;
  readonly kg?: string;
  readonly steps: readonly Step[];
}

// FreeIPMI lives in sbin; no home, so that nothing of the user's settings gets in.
const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, HOME: '/nonexistent', LC_ALL: 'C', TERM: 'vt100' };

const admin = ['-U', 'admin', '-P', 'password'];
const reader = ['-U', 'reader', '-P', 'reader', '-L', 'USER'];

function lanplus(login: readonly string[], ...args: string[]): Step {
  return { client: 'ipmitool', args: ['-I', 'lanplus', '-H', goldenAddress, ...login, ...args] };
}

function ipmitool(...args: string[]): Step {
  return lanplus(admin, '-C', '17', ...args);
}

function freeipmi(client: string, ...args: string[]): Step {
  return freeipmiAs('password', client, ...args);
}

function freeipmiAs(password: string, client: string, ...args: string[]): Step {
  return {
    client,
    args: ['-D', 'LAN_2_0', '-h', goldenAddress, '-u', 'admin', '-p', password, ...args],
  };
}

const scenarios: readonly Scenario[] = [
  { name: 'ipmitool-mc-info-17', steps: [ipmitool('mc', 'info')] },
  { name: 'ipmitool-chassis-status-3', steps: [lanplus(admin, '-C', '3', 'chassis', 'status')] },
  { name: 'ipmitool-without-suite', steps: [lanplus(admin, 'mc', 'guid')] },
  {
    name: 'ipmitool-power',
    steps: ['on', 'status', 'reset', 'cycle', 'soft', 'status', 'on', 'off', 'status'].map((action) =>
      ipmitool('power', action),
    ),
  },
  {
    name: 'ipmitool-bootdev',
    steps: [ipmitool('chassis', 'bootdev', 'pxe'), ipmitool('chassis', 'bootparam', 'get', '5')],
  },
  { name: 'ipmitool-sol-info', steps: [ipmitool('sol', 'info', '1')] },
  {
    name: 'ipmitool-sol-session',
    steps: [ipmitool('power', 'on'), { ...ipmitool('sol', 'activate'), act: typeOnConsole }],
  },
  { name: 'ipmitool-channel-getciphers', steps: [ipmitool('channel', 'getciphers', 'ipmi', '1')] },
  { name: 'ipmitool-session-info', steps: [ipmitool('session', 'info', 'active')] },
  { name: 'ipmitool-user-list', steps: [ipmitool('user', 'list', '1')] },
  {
    name: 'ipmitool-wrong-password',
    steps: [lanplus(['-U', 'admin', '-P', 'wrong'], '-C', '17', 'mc', 'info')],
  },
  {
    name: 'ipmitool-unknown-user',
    steps: [lanplus(['-U', 'nobody', '-P', 'password'], '-C', '17', 'mc', 'info')],
  },
  {
    name: 'ipmitool-v15',
    steps: [{ client: 'ipmitool', args: ['-I', 'lan', '-H', goldenAddress, ...admin, 'mc', 'info'] }],
  },
  {
    name: 'ipmitool-two-key-login',
    kg: 'bmc-key',
    steps: [ipmitool('-k', 'bmc-key', 'mc', 'guid'), ipmitool('-k', 'other', 'mc', 'guid')],
  },
  { name: 'ipmitool-user-level', steps: [lanplus(reader, '-C', '17', 'power', 'status')] },
  { name: 'ipmitool-user-level-refused', steps: [lanplus(reader, '-C', '17', 'power', 'off')] },
  { name: 'freeipmi-bmc-info-3', steps: [freeipmi('bmc-info', '-I', '3')] },
  { name: 'freeipmi-bmc-info-17', steps: [freeipmi('bmc-info', '-I', '17')] },
  { name: 'freeipmi-wrong-password', steps: [freeipmiAs('wrong', 'bmc-info', '-I', '17')] },
  {
    name: 'freeipmi-two-key-login',
    kg: 'bmc-key',
    steps: [freeipmi('bmc-info', '-k', 'bmc-key', '-I', '17', '--get-device-id')],
  },
  {
    name: 'freeipmi-ipmipower',
    steps: ['--stat', '--on', '--stat', '--off', '--stat'].map((action) => freeipmi('ipmipower', action)),
  },
  { name: 'freeipmi-ipmi-chassis', steps: [freeipmi('ipmi-chassis', '--get-chassis-status')] },
  { name: 'freeipmi-rmcpping', steps: [{ client: 'rmcpping', args: ['-c', '2', goldenAddress] }] },
  { name: 'freeipmi-ipmiping', steps: [{ client: 'ipmiping', args: ['-c', '2', goldenAddress] }] },
];

async function typeOnConsole(terminal: Terminal): Promise<void> {
  await terminal.expect('[SOL Session operational.');
  terminal.type('\r');
  await terminal.expect('fake login: ');
  terminal.type('root\r');
  await terminal.expect('# ');
  terminal.type('~.');
  await terminal.expect('[terminated ipmitool]');
}

async function perform({ client, args, act }: Step): Promise<GoldenCommand> {
  const told = await run(client, ['-V'], { env });
  const [version = ''] = `${told.stdout}${told.stderr}`.split('\n');
  const named = { client, version, command: [client, ...args].join(' ') };
  if (!act) {
    const { code, stdout, stderr } = await run(client, args, { env, timeoutMs: 120_000 });
    if (code === null) throw new Error(`${named.command}: does not end`);
    return { ...named, exitCode: code, output: lines(stdout + stderr) };
  }
  const terminal = new Terminal(client, args, env);
  try {
    await act(terminal);
    const exitCode = await terminal.exited();
    return { ...named, exitCode, output: lines(terminal.output.replaceAll('\r', '')) };
  } finally {
    terminal.kill();
  }
}

function lines(text: string): string[] {
  return text.trimEnd().split('\n');
}

async function bind(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(goldenPort, goldenAddress, resolve);
  });
  return socket;
}

/** Plays one scenario against a new BMC; its time follows the real clock in ticks. */
async function record({ name, kg, steps }: Scenario): Promise<Recording> {
  const setup: GoldenSetup = {
    port: goldenPort,
    users: goldenUsers,
    ...(kg !== undefined && { kg }),
    seed: `qemu-bmc golden ${name}`,
  };
  const bmc = await startGoldenBmc(setup);
  const tape = new Tape();
  const socket = await bind();
  const link = {
    localPort: goldenPort,
    send: (datagram: Uint8Array, { address, port }: { address: string; port: number }) => {
      tape.add('out', `${address}:${port}`, datagram);
      socket.send(datagram, port, address);
    },
  };
  socket.on('message', (datagram, remote) => {
    tape.add('in', `${remote.address}:${remote.port}`, datagram);
    bmc.face.receive(datagram, remote, link);
  });
  let ticked = performance.now();
  const ticking = setInterval(() => {
    for (; ticked + tickMs <= performance.now(); ticked += tickMs) tape.tick(bmc.clock);
  }, tickMs);
  const commands: GoldenCommand[] = [];
  try {
    for (const step of steps) commands.push(await perform(step));
    // The last packets of a client that has ended.
    await sleep(100);
  } finally {
    clearInterval(ticking);
    socket.close();
  }
  const random = bmc.random.drawn;
  await bmc.stop();
  return { name, commands, bmc: setup, random, packets: tape.packets };
}

const words = process.argv.slice(2);
const wanted = scenarios.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
for (const scenario of wanted) {
  for (let tries = 1; ; tries++) {
    const recording = await record(scenario);
    const { packets, random } = recording;
    const again = await replay(recording);
    if (isDeepStrictEqual(again, { packets, random })) {
      const path = recordingPath(recording.name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, formatRecording(recording));
      process.stdout.write(`${recording.name}: ${packets.length} packets\n`);
      break;
    }
    process.stderr.write(`${recording.name}: replays differently\n`);
    if (tries === 3) {
      process.exitCode = 1;
      break;
    }
  }
}
