/**
 * What an appliance needs before pm2 starts: the files in its run directory and the command that pm2 is. Shared by
 * `run`, which starts that command and looks after it, and by `container`, whose entry point becomes it.
 */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, isIPv6 } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from './config/config.ts';
import { launcherScript, packageRoot } from './config/package-paths.ts';
import { BmcExit, preparePrivateDirectory, runFiles } from './config/run-files.ts';
import { withOwnDemoDisk } from './demo-disk.ts';
import { runMarker } from './processes.ts';
import { ecosystem, pm2Environment } from './supervise/pm2.ts';

/** A reason not to run that the user can do something about; shown without a stack. */
export class RunError extends Error {
  override readonly name = 'RunError';
}

/** The BMC's name among pm2's programs. */
export const bmcProgram = 'bmc';

export interface RunCommand {
  /** Program first. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface PrepareOptions {
  /** The program itself: a Node script that knows the command `bmc`. */
  readonly script: string;
  /** Words in front of the BMC's command, such as those that take rights from it. */
  readonly bmcPrefix?: readonly string[];
  /** More for the environment of pm2 and its programs. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Makes the demo machine's disk, if it is the one to run, and all files in the run directory, which is there and ours.
 * @returns how to start pm2
 */
export function prepareRun(config: Config, options: PrepareOptions): RunCommand {
  const { runDir } = config.bmc;
  const files = runFiles(runDir);
  const { env } = process;
  preparePrivateDirectory(files.pm2Home);
  writeFileSync(files.config, JSON.stringify(withOwnDemoDisk(config)), { mode: 0o600 });
  writeFileSync(files.powerReturned, '', { mode: 0o600 });
  const node = [process.execPath, ...process.execArgv, options.script, 'bmc', '--resolved', files.config];
  const [program = '', ...args] = [...(options.bmcPrefix ?? []), ...node];
  const programs = ecosystem({
    runDir,
    pm2Home: files.pm2Home,
    launcher: launcherScript,
    // With an interpreter of pm2's choice, pm2 would load its own code into the BMC's process.
    bmc: { interpreter: 'none', script: program, args, cwd: packageRoot },
    bmcName: bmcProgram,
    stopGraceMs: config.power.shutdownGraceMs,
  });
  for (const app of programs.apps) {
    if (app.name === bmcProgram) app.stop_exit_codes = Object.values(BmcExit);
  }
  writeFileSync(files.ecosystem, JSON.stringify(programs, null, 2), { mode: 0o600 });

  const packageFile = createRequire(import.meta.url).resolve('pm2/package.json');
  const runtime = join(dirname(packageFile), 'bin/pm2-runtime');
  return {
    command: [process.execPath, runtime, 'start', files.ecosystem, '--raw', '--no-auto-exit'],
    env: {
      PATH: env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: env.HOME ?? '/',
      LANG: env.LANG ?? 'C.UTF-8',
      [runMarker]: runDir,
      ...pm2Environment(files.pm2Home),
      ...options.env,
    },
  };
}

interface Port {
  readonly protocol: 'UDP' | 'TCP';
  readonly port: number;
  readonly setting: string;
  /** One that is usually free, as an example. */
  readonly other: number;
}

/**
 * Says what is wrong with the ports while there is a simple thing to say; all of them at once.
 * @throws {RunError}
 */
export async function checkPorts({ bmc: { address }, ipmi, redfish }: Config): Promise<void> {
  const wanted: readonly Port[] = [
    { protocol: 'UDP', port: ipmi.port, setting: 'IPMI_PORT', other: 6230 },
    { protocol: 'TCP', port: redfish.port, setting: 'REDFISH_PORT', other: 8443 },
    { protocol: 'TCP', port: redfish.httpPort, setting: 'REDFISH_HTTP_PORT', other: 8080 },
  ];
  const problems: string[] = [];
  for (const each of wanted) {
    const error = each.port === 0 ? undefined : await failureOf(each, address);
    if (error?.code === 'EADDRNOTAVAIL') {
      throw new RunError(`${address} is no address of this machine: set BMC_ADDR`);
    }
    if (error) problems.push(portProblem(each, address, error));
  }
  if (problems.length > 0) throw new RunError(problems.join('; '));
}

function portProblem(
  { protocol, port, setting, other }: Port,
  address: string,
  error: NodeJS.ErrnoException,
): string {
  const where = `${protocol} port ${port} on ${address}`;
  const example = `(${setting}=${other} npm start)`;
  if (error.code === 'EADDRINUSE') {
    return `${where} is taken by another program: stop it, or set ${setting} ${example}`;
  }
  if (error.code === 'EACCES') return `${where} needs root: set ${setting} to 1024 or above ${example}`;
  return `${where}: ${error.message}`;
}

/** Opens a port for a moment. @returns why that failed, if it did */
function failureOf({ protocol, port }: Port, address: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    if (protocol === 'UDP') {
      const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
      socket.once('error', (error) => socket.close(() => resolve(error)));
      socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
    } else {
      const server = createServer();
      server.once('error', resolve);
      server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
    }
  });
}
