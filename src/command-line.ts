/**
 * The command line. Every command loads what it needs when it runs, so that small ones are quick. Errors that the
 * user can do something about are one line; the stack shows at log level debug.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import type { Config } from './config/config.ts';
import type { LoadedConfig } from './config/load.ts';
import { packageRoot } from './config/package-paths.ts';

/**
 * @param script the program itself, for what is to start it again
 * @returns the exit code: 0, 1 for a failure, 2 for wrong usage
 */
export async function commandLine(args: readonly string[], script: string): Promise<number> {
  let exitCode = 0;
  const program = new Command('qemu-bmc')
    .description('A virtual bare-metal server: a QEMU machine behind a BMC that speaks IPMI over LAN.')
    .version(version())
    .option('-c, --config <file>', 'configuration file; otherwise QEMU_BMC_CONFIG or configs/default.yaml')
    .exitOverride()
    .showHelpAfterError('(qemu-bmc --help shows all commands)')
    .enablePositionalOptions();
  const load = () => loadWith(program.opts<{ config?: string }>().config);

  program
    .command('run')
    .description('run the whole appliance in the foreground until Ctrl-C')
    .option('--fake', 'with a machine in memory on port 6230; no QEMU, no pm2, no rights needed')
    .action(async ({ fake }: { fake?: boolean }) => {
      const { config: file } = program.opts<{ config?: string }>();
      const useFake = fake === true && file === undefined && !process.env.QEMU_BMC_CONFIG;
      const { config } = await (useFake ? loadShipped('dev.yaml') : load());
      if (fake && config.machine.kind !== 'fake') {
        throw new UsageError('--fake needs a configuration with machine.kind: fake');
      }
      if (config.machine.kind === 'fake') exitCode = await (await import('./server.ts')).runFake(config);
      else exitCode = await (await import('./run.ts')).run({ config, script });
    });

  program
    .command('bmc')
    .description('run the BMC alone, as pm2 does')
    .option('--resolved <file>', 'configuration as the command run has written it')
    .action(async ({ resolved }: { resolved?: string }) => {
      const { runBmc, runResolvedBmc } = await import('./server.ts');
      await (resolved === undefined ? runBmc((await load()).config) : runResolvedBmc(resolved));
    });

  program
    .command('container')
    .description(
      'prepare the container and print the command that its entry point becomes, words ended by NUL',
    )
    .action(async () => {
      const { config } = await load();
      const { prepareContainer, words } = await import('./container/container.ts');
      process.stdout.write(words(await prepareContainer({ config, script })));
    });

  program
    .command('health')
    .description('ask the BMC over RMCP+ and HTTPS whether it answers; exit code 0 when it does')
    .action(async () => {
      const { config } = await load();
      exitCode = await (await import('./health.ts')).printHealth(config);
    });

  const configCommand = program.command('config').description('look at the configuration');
  configCommand
    .command('show')
    .description('print the configuration in force, secrets masked, with where each value comes from')
    .action(async () => {
      const { showConfig } = await import('./config/show-config.ts');
      process.stdout.write(showConfig(await load()));
    });
  configCommand
    .command('check')
    .description('say whether the configuration is sound')
    .action(async () => {
      const { file } = await load();
      process.stdout.write(`${file}: sound\n`);
    });

  program
    .command('status')
    .description('show the running appliance: processes, machine, addresses')
    .action(async () => {
      const { config } = await load();
      exitCode = await (await import('./status.ts')).printStatus(config);
    });

  program
    .command('events')
    .description('print the event log, oldest first')
    .option('-n, --last <count>', 'only the last ones', positive)
    .action(async ({ last }: { last?: number }) => {
      const { config } = await load();
      exitCode = (await import('./status.ts')).printEvents(config, last);
    });

  program
    .command('support-bundle')
    .description('write what helps others to find a fault, without secrets, into one file')
    .option('-o, --output <file>', 'a new file, or - for standard output; otherwise named by the time')
    .action(async ({ output }: { output?: string }) => {
      const loaded = await load();
      await (await import('./support/bundle.ts')).writeBundle(loaded, output);
    });

  program
    .command('inject [kind] [values...]')
    .description(
      'break something in the running BMC, for tests: a kind and name=value pairs, `list` or `clear`',
    )
    .action(async (kind: string | undefined, values: string[]) => {
      const { inject, injectionHelp } = await import('./inject.ts');
      if (kind === undefined) {
        process.stdout.write(
          `inject list\ninject clear\ninject KIND, with KIND one of\n${injectionHelp()}\n`,
        );
        return;
      }
      const { config } = await load();
      process.stdout.write(await inject(config, kind, values));
    });

  program
    .command('decode <file>')
    .description('print the IPMI packets of a capture (pcap or pcapng)')
    .option('-p, --port <port>', 'UDP port of a BMC, besides 623; may be repeated', collectPorts, [])
    .option('--password <text>', 'password of the user who logs in, to open encrypted packets')
    .option('--kg <text>', 'K_G of two-key logins, as text or 0x and hexadecimal digits')
    .action(async (file: string, given: { port: number[]; password?: string; kg?: string }) => {
      const { printCapture } = await import('./decode.ts');
      const { port: ports, password, kg } = given;
      if (!existsSync(file)) throw new UsageError(`${file}: no such file`);
      printCapture(file, {
        ports,
        secrets: {
          ...(password === undefined ? {} : { password: Buffer.from(password) }),
          ...(kg === undefined
            ? {}
            : { kg: kg.startsWith('0x') ? Buffer.from(kg.slice(2), 'hex') : Buffer.from(kg) }),
        },
      });
    });

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error);
  }
}

class UsageError extends Error {
  override readonly name = 'UsageError';
}

async function loadWith(file: string | undefined): Promise<LoadedConfig> {
  const { loadConfig } = await import('./config/load.ts');
  return loadConfig({ file });
}

async function loadShipped(name: string): Promise<{ config: Config }> {
  const { loadConfig } = await import('./config/load.ts');
  return loadConfig({ file: join(packageRoot, 'configs', name) });
}

/**
 * Tells the user what went wrong.
 * @returns the exit code
 */
export function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const failure = error instanceof Error ? error : new Error(String(error));
  const expected = [
    'ConfigError',
    'RunError',
    'UsageError',
    'DecodeError',
    'BmcError',
    'InjectError',
    'BundleError',
  ].includes(failure.name);
  const debug = ['debug', 'trace'].includes(process.env.LOG_LEVEL ?? '');
  process.stderr.write(`qemu-bmc: ${debug && !expected ? failure.stack : failure.message}\n`);
  if (debug && failure.cause !== undefined) process.stderr.write(`cause: ${String(failure.cause)}\n`);
  return failure instanceof UsageError ? 2 : 1;
}

function positive(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw new UsageError(`expected a number above 0, got ${JSON.stringify(text)}`);
  return Number(text);
}

function collectPorts(text: string, before: number[]): number[] {
  return [...before, positive(text)];
}

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}
