/**
 * Last step of `npm run build`: what V8 remembers of the BMC's bundle, made by a BMC that runs until it is healthy, with a
 * machine in memory, on loopback ports that nobody else has. Twice, since a first start makes what later ones find. Where no
 * port can be had, what V8 makes of the bundle alone.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Bundle } from '../src/bundle/bundle.ts';
import { loadConfig } from '../src/config/load.ts';
import { loadResolvedConfig } from '../src/config/resolved.ts';
import { preparePrivateDirectory } from '../src/config/run-files.ts';
import { printHealth } from '../src/health.ts';
import type * as Server from '../src/server.ts';

const host = '127.0.0.1';
const limitMs = 30_000;
const pauseMs = 50;
const script = fileURLToPath(new URL('./code-cache.mjs', import.meta.url));
const bundleFile = fileURLToPath(new URL('../dist/server/bmc.cjs', import.meta.url));

const [lifeOf] = process.argv.slice(2);
if (lifeOf === undefined) await make();
else await live(lifeOf);

async function make(): Promise<void> {
  let ports: readonly [number, number];
  try {
    ports = [await freeUdpPort(), await freeTcpPort()];
  } catch (error) {
    process.stderr.write(`code cache: of a BMC that has not run, for want of a port (${String(error)})\n`);
    new Bundle(bundleFile).writeCache();
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-build-'));
  try {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify({ machine: { kind: 'fake' } }));
    const { config } = loadConfig({
      file,
      env: {
        BMC_ADDR: host,
        IPMI_PORT: String(ports[0]),
        REDFISH_PORT: String(ports[1]),
        STATE_DIR: join(folder, 'state'),
        RUN_DIR: join(folder, 'run'),
        LOG_LEVEL: 'warn',
      },
    });
    for (const directory of [config.bmc.stateDir, config.bmc.runDir]) preparePrivateDirectory(directory);
    writeFileSync(file, JSON.stringify(config));
    for (let lives = 0; lives < 2; lives++) {
      execFileSync(process.execPath, [script, file], {
        env: {},
        stdio: ['ignore', 'ignore', 'inherit'],
        timeout: 2 * limitMs,
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One process of the BMC. @param file its configuration */
async function live(file: string): Promise<never> {
  const bundle = new Bundle(bundleFile);
  // Ends the process when it fails.
  void bundle.run<typeof Server>().runResolvedBmc(file);
  const config = loadResolvedConfig(file);
  const deadline = performance.now() + limitMs;
  while ((await printHealth(config)) !== 0) {
    await sleep(pauseMs);
    if (performance.now() > deadline) throw new Error(`not healthy within ${limitMs / 1000} s`);
  }
  bundle.writeCache();
  process.exit(0);
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    // Where no network is up, a port can be had, but not reached.
    const client = connect(port, host);
    await once(client, 'connect');
    client.destroy();
    return port;
  } finally {
    server.close();
  }
}
