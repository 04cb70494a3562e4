/**
 * The only reader of configuration files and of the environment: defaults, over them one YAML file, over it
 * environment variables. The result is checked as a whole, frozen, and handed to whoever needs it. Each step is
 * a file beside this one; here is their order.
 */
import { dirname, join, resolve } from 'node:path';
import Value from 'typebox/value';
import { check } from './check.ts';
import type { Config } from './config.ts';
import { decide } from './decide.ts';
import { applyEnvironment, type Environment } from './environment.ts';
import { freeze } from './freeze.ts';
import { absolutePaths, spellBoot } from './normalize.ts';
import { markOrigins, type Origins } from './origins.ts';
import { packageRoot } from './package-paths.ts';
import { Problems } from './problems.ts';
import { type SchemaNode, type Settings, settingsSchema } from './schema.ts';
import type { Tree } from './tree.ts';
import { readYaml } from './yaml-file.ts';

export interface LoadOptions {
  /** Instead of `QEMU_BMC_CONFIG` and the shipped default. */
  readonly file?: string | undefined;
  readonly env?: Environment;
  readonly cwd?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The YAML file that was read, absolute. */
  readonly file: string;
  /** All settings with the values in force, secrets included: for `showConfig`. */
  readonly settings: Settings;
  readonly origins: Origins;
}

/** @throws {ConfigError} naming all problems */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const given = options.file ?? (env.QEMU_BMC_CONFIG || undefined);
  const file = given === undefined ? join(packageRoot, 'configs/default.yaml') : resolve(cwd, given);
  const fromFile = readYaml(file);
  const problems = new Problems(file);

  markOrigins(fromFile, '', problems.origins);
  const tree = Value.Default(settingsSchema, structuredClone(fromFile)) as Tree;
  applyEnvironment(tree, env, problems);
  spellBoot(tree);
  check(settingsSchema as SchemaNode, tree, '', problems);
  // What needs other settings to be sound is looked at only when each is sound by itself.
  problems.throwIfAny();

  const settings = tree as unknown as Settings;
  absolutePaths(settings, dirname(file), cwd, problems.origins);
  const config = decide(settings, env, problems);
  problems.throwIfAny();
  return { config: freeze(config), file, settings: freeze(settings), origins: problems.origins };
}
