/**
 * How the BMC's process gets its configuration: as whoever started it has resolved it. By itself, since it is on the way of
 * each start and needs neither YAML nor the schema.
 */
import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import { freeze } from './freeze.ts';

/** Reads back what `JSON.stringify(config)` wrote: how the BMC's process gets its configuration. */
export function loadResolvedConfig(path: string): Config {
  return freeze(JSON.parse(readFileSync(path, 'utf8')) as Config);
}
