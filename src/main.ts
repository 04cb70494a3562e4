#!/usr/bin/env node
/**
 * The program. The BMC's own process, started at each power return and after each fall, goes straight to its work; all else
 * is the command line's.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(import.meta.url);

/** @returns the exit code: 0, 1 for a failure, 2 for wrong usage */
export async function main(args: readonly string[]): Promise<number> {
  const [command, option, file, ...more] = args;
  if (command !== 'bmc' || option !== '--resolved' || file === undefined || more.length > 0) {
    return (await import('./command-line.ts')).commandLine(args, script);
  }
  try {
    const { runResolvedBmc } = await import('./server.ts');
    return await runResolvedBmc(file);
  } catch (error) {
    return (await import('./command-line.ts')).report(error);
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === script) {
  process.exitCode = await main(process.argv.slice(2));
}
