/** The BMC's process, with a machine in memory: what ends it, with which code, and what does not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { packageRoot } from '../../src/config/package-paths.ts';
import { BmcExit, preparePrivateDirectory, readStatus, runFiles } from '../../src/config/run-files.ts';
import { probeLan } from '../../src/ipmi/lan-probe.ts';
import { freeTcpPort, freeUdpPort, until } from '../support/processes.ts';

let folder: string;
let port: number;
let tcpPort: number;
let child: ChildProcess | undefined;
let output = '';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-process-'));
  port = await freeUdpPort();
  tcpPort = await freeTcpPort();
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** As pm2 starts it. @param preload a module that is loaded into it first */
function start({ first = false, preload }: { first?: boolean; preload?: string } = {}): ChildProcess {
  const { config } = loadConfig({
    file: join(packageRoot, 'configs/dev.yaml'),
    env: {
      ...{ BMC_ADDR: '127.0.0.1', IPMI_PORT: String(port), REDFISH_PORT: String(tcpPort) },
      ...{ STATE_DIR: join(folder, 'state'), RUN_DIR: join(folder, 'run'), SHUTDOWN_GRACE: '1' },
    },
  });
  preparePrivateDirectory(config.bmc.stateDir);
  preparePrivateDirectory(config.bmc.runDir);
  const files = runFiles(config.bmc.runDir);
  writeFileSync(files.config, JSON.stringify(config));
  if (first) writeFileSync(files.powerReturned, '');
  const preloads = [];
  if (preload !== undefined) {
    const file = join(folder, 'preload.mjs');
    writeFileSync(file, preload);
    preloads.push('--import', file);
  }
  const main = join(packageRoot, 'dist/main.js');
  const args = [...preloads, main, 'bmc', '--resolved', files.config];
  output = '';
  child = spawn(process.execPath, args, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return child;
}

const answers = async () => (await probeLan({ address: '127.0.0.1', port }, 300)).present;
const isUp = async () => readStatus(join(folder, 'run')) !== undefined && (await answers());
const ended = (process: ChildProcess) =>
  until('it has ended', () => process.exitCode ?? (process.signalCode ? -1 : undefined), 100_000);

function takeUdp(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => socket.bind(port, '127.0.0.1', () => resolve(socket)));
}
function takeTcp(): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(tcpPort, '127.0.0.1', () => resolve(server)));
}

describe('what V8 remembers of the build', () => {
  it('is taken by the process', async () => {
    const process = start({
      preload: `import { syncBuiltinESMExports } from 'node:module';
        import vm from 'node:vm';
        vm.Script = class extends vm.Script {
          constructor(code, options) {
            super(code, options);
            console.log(options.filename, 'refused:', this.cachedDataRejected);
          }
        };
        syncBuiltinESMExports();`,
    });
    await until('it is up', isUp, 100_000);
    expect(output).toContain(`${join(packageRoot, 'dist/server/bmc.cjs')} refused: false`);
    process.kill('SIGTERM');
    expect(await ended(process)).toBe(BmcExit.stopped);
  });
});

describe('a fault outside of any request', () => {
  it.each([
    ['thrown', `() => { throw new Error('a bug') }`],
    ['rejected', `() => void Promise.reject(new Error('a bug'))`],
  ])('%s ends it with 1, for pm2 to start it anew', async (_, fault) => {
    const process = start({ preload: `process.on('SIGUSR2', () => setTimeout(${fault}, 0));` });
    await until('it is up', isUp, 100_000);
    process.kill('SIGUSR2');
    expect(await ended(process)).toBe(1);
    expect(output).toContain('a bug');
    // What it has left behind is in nobody's way.
    const next = start();
    const before = readStatus(join(folder, 'run'))?.pid;
    await until(
      'the next one is up',
      async () => {
        return readStatus(join(folder, 'run'))?.pid !== before && (await answers());
      },
      100_000,
    );
    next.kill('SIGTERM');
    expect(await ended(next)).toBe(BmcExit.stopped);
  });
});

describe('a port that is taken', () => {
  it('is waited for by a BMC that comes back, and said so', async () => {
    const [udp, tcp] = [await takeUdp(), await takeTcp()];
    const process = start();
    await until('it says so', () => output.includes(`port ${port}`), 100_000);
    await new Promise<void>((resolve) => udp.close(() => resolve()));
    await until('it says so', () => output.includes(`TCP port ${tcpPort}`), 100_000);
    expect(process.exitCode).toBeNull();
    await new Promise((resolve) => tcp.close(resolve));
    await until('it is up', isUp, 100_000);
    process.kill('SIGTERM');
    expect(await ended(process)).toBe(BmcExit.stopped);
  });

  it('is not waited for any more when the BMC is told to stop', async () => {
    const udp = await takeUdp();
    const process = start();
    await until('it says so', () => output.includes(`port ${port}`), 100_000);
    process.kill('SIGTERM');
    expect(await ended(process)).toBe(BmcExit.stopped);
    expect(output).not.toContain('TCP port');
    udp.close();
  });

  it('ends the first start of an appliance, with the reason', async () => {
    const udp = await takeUdp();
    const process = start({ first: true });
    expect(await ended(process)).toBe(BmcExit.hopeless);
    expect(output).toContain(`UDP 127.0.0.1 port ${port}: another program has that port`);
    udp.close();
  });
});
