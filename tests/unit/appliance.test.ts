/** The composition root, with a machine in memory: what of its start can be heard no other way. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runAppliance } from '../../src/appliance.ts';
import { loadConfig } from '../../src/config/load.ts';
import { packageRoot } from '../../src/config/package-paths.ts';
import { preparePrivateDirectory } from '../../src/config/run-files.ts';
import { type Logger, silentLogger } from '../../src/lib/log.ts';
import { freeTcpPort, freeUdpPort } from '../support/processes.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function taken(kind: string, port: number): Promise<void> {
  if (kind === 'UDP') {
    const socket = createSocket('udp4').bind(port, '127.0.0.1');
    cleanUps.push(() => socket.close());
    await once(socket, 'listening');
  } else {
    const server = createServer().listen(port, '127.0.0.1');
    cleanUps.push(() => server.close());
    await once(server, 'listening');
  }
}

describe('a BMC that has come back and waits for a port', () => {
  it.each(['UDP', 'TCP'])(
    'of %s is stopped at once, with the machine it would have taken over',
    async (kind) => {
      const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-appliance-'));
      cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
      const [udp, tcp] = [await freeUdpPort(), await freeTcpPort()];
      await taken(kind, kind === 'UDP' ? udp : tcp);
      const { config } = loadConfig({
        file: join(packageRoot, 'configs/dev.yaml'),
        env: {
          ...{ BMC_ADDR: '127.0.0.1', IPMI_PORT: String(udp), REDFISH_PORT: String(tcp) },
          ...{ STATE_DIR: join(folder, 'state'), RUN_DIR: join(folder, 'run') },
        },
      });
      preparePrivateDirectory(config.bmc.stateDir);
      preparePrivateDirectory(config.bmc.runDir);
      let stop: () => void = () => undefined;
      const unwanted = new Promise<void>((resolve) => {
        stop = resolve;
      });
      let waits: () => void = () => undefined;
      const waiting = new Promise<void>((resolve) => {
        waits = resolve;
      });
      const log = {
        ...silentLogger,
        child: () => log,
        warn: (_: unknown, text: string) => {
          if (text === 'waiting for a port') waits();
        },
      } as unknown as Logger;
      const starting = runAppliance(config, { powerReturned: false, log, unwanted });
      await waiting;
      stop();
      // If it were not heard, this would fail when its time is over.
      const appliance = await starting;
      await appliance.stop({ shutdownGraceMs: 0 });
      expect(appliance.http).toBeUndefined();
      const events = appliance.bmc.events.list().map((entry) => entry.kind);
      expect(events.slice(-2)).toEqual(['bmc-started', 'bmc-stopped']);
    },
  );
});
