/**
 * The only reader of configuration files and of the environment: defaults, over them one YAML file, over it
 * environment variables. The result is checked as a whole, frozen, and handed to whoever needs it.
 *
 * In the environment an empty variable counts as not set, except for user and password. Lists are separated by
 * commas or line ends. Relative paths count from the file they stand in, or from the working directory for
 * variables.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Value from 'typebox/value';
import { parseDocument, stringify } from 'yaml';
import type { Config, ConfigUser, Disk, HostForward, Network } from './config.ts';
import { expectation, type SchemaNode, type Settings, settingsLeaves, settingsSchema } from './schema.ts';
import { splitWords } from './words.ts';

/** The package's own directory: `configs/`, `build/` and `node_modules/` lie in it. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const demoDir = join(packageRoot, 'build/demo');

export type Environment = Readonly<Record<string, string | undefined>>;

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
  /** All settings with the values in force, secrets included: for {@link showConfig}. */
  readonly settings: Settings;
  readonly origins: Origins;
}

/** Everything that is wrong with a configuration, one line each. Never holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const [only] = problems;
    super(
      problems.length === 1
        ? `configuration: ${only}`
        : `configuration: ${problems.length} problems\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
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

/** Reads back what `JSON.stringify(config)` wrote: how the BMC's process gets its configuration. */
export function loadResolvedConfig(path: string): Config {
  return freeze(JSON.parse(readFileSync(path, 'utf8')) as Config);
}

/** The settings in force as YAML, secrets masked, each with where it comes from. */
export function showConfig({ settings, file, origins }: LoadedConfig): string {
  const lines = [`# File: ${file}`];
  showNode(settingsSchema as SchemaNode, settings, '', '', lines, origins);
  return `${lines.join('\n')}\n`;
}

export const masked = '********';

type Tree = { [key: string]: unknown };
/** By path with list indices (`ipmi.users.0.name`): the variable's name, or `file`. Absent: a default. */
type Origins = Map<string, string>;

class Problems {
  readonly origins: Origins = new Map();
  readonly #file: string;
  readonly #list: string[] = [];

  constructor(file: string) {
    const short = relative(process.cwd(), file);
    this.#file = short.startsWith('..') ? file : short;
  }

  /** @param got shown as it is: mask secrets before */
  add(path: string, expected: string, got: string): void {
    this.say(path, `expected ${expected}, got ${got}`);
  }

  say(path: string, text: string): void {
    this.#list.push(`${this.#where(path)}: ${text}`);
  }

  /** Only a file can have a key that nobody knows. */
  unknown(path: string, known: readonly string[]): void {
    this.#list.push(`${this.#file}: ${path}: not a setting; here are ${known.join(', ')}`);
  }

  throwIfAny(): void {
    if (this.#list.length > 0) throw new ConfigError(this.#list);
  }

  #where(path: string): string {
    const origin = originOf(this.origins, path);
    if (origin === undefined) return path === '' ? this.#file : path;
    return origin === 'file' ? `${this.#file}: ${path}` : `${origin} (${path})`;
  }
}

function readYaml(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read (${codeOf(error)})`]);
  }
  // Without pretty errors, whose excerpts could show a password.
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => {
        const before = text.slice(0, error.pos[0]);
        const line = before.split('\n').length;
        const column = before.length - before.lastIndexOf('\n');
        return `${file}:${line}:${column}: not valid YAML (${error.code.toLowerCase().replaceAll('_', ' ')})`;
      }),
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw new ConfigError([`${file}: not valid YAML (aliases that cannot be followed)`]);
  }
  if (value === null || value === undefined) return {};
  if (!isTree(value))
    throw new ConfigError([`${file}: expected a mapping of settings, got ${kindOf(value)}`]);
  return value;
}

function markOrigins(value: unknown, path: string, origins: Origins): void {
  if (isTree(value)) {
    for (const [key, child] of Object.entries(value)) markOrigins(child, joinPath(path, key), origins);
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      markOrigins(item, joinPath(path, String(index)), origins);
    });
    origins.set(path, 'file');
  } else origins.set(path, 'file');
}

function originOf(origins: Origins, path: string): string | undefined {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const origin = origins.get(at);
    if (origin !== undefined) return origin;
  }
  return undefined;
}

function applyEnvironment(tree: Tree, env: Environment, problems: Problems): void {
  const emptyMatters = ['IPMI_USER', 'IPMI_PASS', 'IPMI_PASS_FILE'];
  for (const { path, schema } of settingsLeaves()) {
    const variable = schema['x-env'];
    const text = variable === undefined ? undefined : env[variable];
    if (variable === undefined || text === undefined) continue;
    if (text === '' && !emptyMatters.includes(variable)) continue;
    const place = path.replaceAll('[]', '.0');
    set(tree, place, parseVariable(schema, text));
    for (const key of [...problems.origins.keys()])
      if (key.startsWith(`${place}.`)) problems.origins.delete(key);
    problems.origins.set(place, variable);
  }
  const password = env.IPMI_PASS !== undefined;
  const passwordFile = env.IPMI_PASS_FILE !== undefined;
  if (password && passwordFile) {
    problems.say('ipmi.users.0.password', 'IPMI_PASS_FILE is set, too: give one of them');
  } else if (password) unset(tree, 'ipmi.users.0.passwordFile');
  else if (passwordFile) unset(tree, 'ipmi.users.0.password');
}

/** A text that does not parse is left as it is, so that the check reports it like any wrong value. */
function parseVariable(schema: SchemaNode, text: string): unknown {
  if (schema.type === 'array') {
    const items = text
      .split(/[,\n]/)
      .map((item) => item.trim())
      .filter((item) => item !== '');
    if (schema.items?.properties) return items.map((backend) => Value.Default(settingsNetwork, { backend }));
    return items.map((item) => parseVariable(schema.items ?? {}, item));
  }
  if (schema.anyOf) {
    for (const option of schema.anyOf) {
      const value = parseVariable(option, text);
      if (typeof value !== 'string') return value;
    }
  }
  const wantsNumber = schema.type === 'integer' || schema.enum?.every((item) => typeof item === 'number');
  if (wantsNumber && /^(0|-?[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  if (schema.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

const settingsNetwork = settingsSchema.properties.machine.properties.networks.items;

const bootLetters: Readonly<Record<string, string>> = { c: 'disk', d: 'cdrom', n: 'pxe' };

/** Writes out the classic letters: `cdn`, or `c`, `d` and `n` one by one. */
function spellBoot(tree: Tree): void {
  const machine = tree.machine;
  if (!isTree(machine)) return;
  const given = machine.boot;
  const list = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list)) return;
  machine.boot = list.flatMap((item: unknown) =>
    typeof item === 'string' && /^[cdn]+$/.test(item)
      ? [...item].map((letter) => bootLetters[letter])
      : [item],
  );
}

function check(schema: SchemaNode, value: unknown, path: string, problems: Problems): void {
  if (schema.properties) {
    if (!isTree(value)) {
      problems.add(path, 'a mapping of settings', kindOf(value));
      return;
    }
    const known = Object.keys(schema.properties);
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue;
      problems.unknown(joinPath(path, key), known);
    }
    for (const [key, child] of Object.entries(schema.properties)) {
      const at = joinPath(path, key);
      if (value[key] !== undefined) check(child, value[key], at, problems);
      else if (schema.required?.includes(key)) problems.add(at, expectation(child), 'nothing');
    }
    return;
  }
  if (schema.type === 'array') {
    if (!Array.isArray(value)) {
      problems.add(path, expectation(schema), kindOf(value));
      return;
    }
    const items = schema.items;
    if (items) {
      value.forEach((item: unknown, index) => {
        check(items, item, joinPath(path, String(index)), problems);
      });
      if (!Value.Check({ ...schema, items: {} } as never, value)) {
        problems.add(path, expectation(schema), items.properties ? `${value.length}` : show(value));
      }
    }
    return;
  }
  if (Value.Check(schema as never, value)) return;
  // A secret of the wrong kind may still be the secret (a password of digits only), so it is not shown either.
  problems.add(path, expectation(schema), schema['x-secret'] ? `${kindOf(value)} (hidden)` : show(value));
}

function absolutePaths(settings: Settings, fileDir: string, cwd: string, origins: Origins): void {
  const base = (path: string) => {
    const origin = originOf(origins, path);
    return origin === undefined || origin === 'file' ? fileDir : cwd;
  };
  const fix = (holder: object | undefined, key: string, path: string) => {
    const tree = holder as Tree | undefined;
    const text = tree?.[key];
    if (tree && typeof text === 'string' && text !== 'none') tree[key] = resolve(base(path), text);
  };
  fix(settings.bmc, 'stateDir', 'bmc.stateDir');
  fix(settings.bmc, 'runDir', 'bmc.runDir');
  fix(settings.redfish, 'tlsCert', 'redfish.tlsCert');
  fix(settings.redfish, 'tlsKey', 'redfish.tlsKey');
  fix(settings.machine, 'cdrom', 'machine.cdrom');
  settings.ipmi.users.forEach((user, index) => {
    fix(user, 'passwordFile', `ipmi.users.${index}.passwordFile`);
  });
  settings.machine.networks?.forEach((network, index) => {
    fix(network, 'tftp', `machine.networks.${index}.tftp`);
  });
  settings.machine.disks?.forEach((_, index) => {
    fix(settings.machine.disks, String(index), `machine.disks.${index}`);
  });
}

/** Fills in the defaults that depend on other settings, and checks what only the whole can tell. */
function decide(settings: Settings, env: Environment, problems: Problems): Config {
  const { bmc, ipmi, redfish, machine, power, profile } = settings;
  const fake = machine.kind === 'fake';
  if (isIP(bmc.address) === 0) problems.add('bmc.address', 'one IPv4 or IPv6 address', show(bmc.address));
  bmc.stateDir ??= defaultStateDir(env);
  bmc.runDir ??= defaultRunDir(env, bmc.stateDir);
  if (Buffer.byteLength(bmc.runDir) > maxRunDirBytes) {
    problems.add('bmc.runDir', `a path of at most ${maxRunDirBytes} bytes (set RUN_DIR)`, show(bmc.runDir));
  }
  ipmi.kcsPolicy ??= profile === 'strict' ? 'no-users' : 'full';
  ipmi.v15 ??= profile !== 'strict';
  ipmi.cipherSuites ??= profile === 'strict' ? [17] : [17, 3];
  if (profile === 'strict' && ipmi.cipherSuites.some((suite) => suite !== 17)) {
    problems.add('ipmi.cipherSuites', '17 alone in profile strict', show(ipmi.cipherSuites));
  }
  if (profile === 'strict' && machine.extraArgs.trim() !== '') {
    problems.say('machine.extraArgs', 'not allowed in profile strict');
  }
  if (machine.vncPort > 0 && machine.vncPort < 5900) {
    problems.add('machine.vncPort', '0, or a port from 5900 to 65535', String(machine.vncPort));
  }

  const demo = machine.disks === undefined && !fake;
  machine.disks ??= fake ? [] : [join(demoDir, 'demo.qcow2')];
  machine.cdrom ??= demo ? join(demoDir, 'demo.iso') : 'none';
  machine.networks ??= [
    demo
      ? { backend: 'user', restrict: false, hostForward: [], tftp: demoDir, bootFile: 'boot.ipxe' }
      : { backend: 'user', restrict: false, hostForward: [] },
  ];
  const users = ipmi.users.map((user, index) => decideUser(user, index, profile, problems));
  const names = users.map((user) => user.name);
  names.forEach((name, index) => {
    if (names.indexOf(name) < index)
      problems.say(`ipmi.users.${index}.name`, `${show(name)} is taken by another user`);
  });
  const kgHex = ipmi.kg === undefined || ipmi.kg === '' ? undefined : decideKg(ipmi.kg, problems);
  checkTls(redfish, problems);

  return {
    profile,
    bmc: { address: bmc.address, stateDir: bmc.stateDir, runDir: bmc.runDir, logLevel: bmc.logLevel },
    ipmi: {
      port: ipmi.port,
      users,
      defaultPassword: users.some((user) => user.wellKnownPassword),
      ...(kgHex === undefined ? {} : { kgHex }),
      cipherSuites: ipmi.cipherSuites,
      solReplayBytes: ipmi.solReplay,
      v15: ipmi.v15,
      kcsPolicy: ipmi.kcsPolicy,
      hideUserNames: profile === 'strict',
    },
    redfish: {
      port: redfish.port,
      ...(redfish.tlsCert === undefined ? {} : { tlsCert: redfish.tlsCert }),
      ...(redfish.tlsKey === undefined ? {} : { tlsKey: redfish.tlsKey }),
    },
    machine: {
      kind: machine.kind,
      name: machine.name,
      memoryMb: machine.memory,
      cpus: machine.cpus,
      cpuModel: machine.cpuModel,
      disks: decideDisks(machine.disks, demo, problems),
      ...decideCdrom(machine.cdrom, demo, problems),
      boot: machine.boot,
      bootMode: machine.bootMode,
      networks: decideNetworks(machine.networks, demo, problems),
      vncPort: machine.vncPort,
      kvm: machine.kvm,
      extraArgs: decideExtraArgs(machine.extraArgs, problems),
      demo,
    },
    power: {
      onAtStart: power.onAtStart,
      restorePolicy: power.restorePolicy,
      shutdownGraceMs: power.shutdownGrace * 1000,
    },
  };
}

const defaultPassword = 'password';
const strictPasswordLength = 12;
/** A unix socket's path has at most 107 bytes; the longest name below the run directory takes some of them. */
const maxRunDirBytes = 75;

function defaultStateDir(env: Environment): string {
  const base = env.XDG_STATE_HOME;
  return join(base?.startsWith('/') ? base : join(env.HOME || homedir(), '.local/state'), 'qemu-bmc');
}

function defaultRunDir(env: Environment, stateDir: string): string {
  const uid = process.getuid?.() ?? 0;
  const id = createHash('sha256').update(stateDir).digest('hex').slice(0, 8);
  if (uid === 0) return `/run/qemu-bmc-${id}`;
  const base = env.XDG_RUNTIME_DIR;
  return base?.startsWith('/') ? join(base, `qemu-bmc-${id}`) : `/tmp/qemu-bmc-${uid}-${id}`;
}

function decideUser(
  user: Settings['ipmi']['users'][number],
  index: number,
  profile: string,
  problems: Problems,
): ConfigUser {
  const path = `ipmi.users.${index}`;
  let password = user.password;
  let at = `${path}.password`;
  if (user.passwordFile !== undefined) {
    if (password !== undefined) problems.say(at, 'passwordFile is given, too: give one of them');
    at = `${path}.passwordFile`;
    password = undefined;
    try {
      password = readFileSync(user.passwordFile, 'utf8').split(/\r?\n/, 1)[0] ?? '';
    } catch (error) {
      problems.add(at, 'a file that can be read', `${show(user.passwordFile)} (${codeOf(error)})`);
    }
  } else if (password === undefined) problems.say(at, 'a password or a passwordFile is needed');
  if (password !== undefined) {
    const length = Buffer.byteLength(password);
    if (length < 1 || length > 20)
      problems.add(at, 'a password of 1 to 20 bytes', `${length} bytes (hidden)`);
    else if (password.includes('\0')) problems.add(at, 'a password without NUL', 'one with it (hidden)');
    else if (profile === 'strict' && (password === defaultPassword || length < strictPasswordLength)) {
      problems.say(
        at,
        `profile strict wants a password of at least ${strictPasswordLength} characters: set IPMI_PASS or IPMI_PASS_FILE`,
      );
    }
  }
  return {
    name: user.name,
    password: password ?? '',
    wellKnownPassword: password === defaultPassword,
    limit: user.privilege,
    enabled: user.enabled,
    sol: user.sol,
  };
}

function decideKg(kg: string, problems: Problems): string | undefined {
  const hex = kg.startsWith('0x') ? kg.slice(2) : Buffer.from(kg).toString('hex');
  if (/^([0-9a-fA-F]{2}){1,20}$/.test(hex)) return hex.toLowerCase();
  problems.add(
    'ipmi.kg',
    'text of up to 20 bytes, or 0x and up to 40 hexadecimal digits in pairs',
    `${Buffer.byteLength(kg)} bytes (hidden)`,
  );
  return undefined;
}

function checkTls({ tlsCert, tlsKey }: Settings['redfish'], problems: Problems): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const [have, lack] = tlsCert === undefined ? ['tlsKey', 'TLS_CERT'] : ['tlsCert', 'TLS_KEY'];
    problems.say(`redfish.${have}`, `${lack} is needed, too`);
    return;
  }
  if (tlsCert === undefined || tlsKey === undefined) return;
  const certificate = attempt(() => new X509Certificate(readFileSync(tlsCert)));
  const key = attempt(() => createPrivateKey(readFileSync(tlsKey)));
  if (certificate instanceof Error) {
    problems.add('redfish.tlsCert', 'a certificate in PEM form', `${show(tlsCert)} (${codeOf(certificate)})`);
  }
  if (key instanceof Error) {
    problems.add('redfish.tlsKey', 'a private key in PEM form', `${show(tlsKey)} (${codeOf(key)})`);
  }
  if (certificate instanceof Error || key instanceof Error) return;
  if (!certificate.checkPrivateKey(key)) {
    problems.add('redfish.tlsKey', 'the key of the certificate', 'another one');
  }
}

function decideDisks(disks: readonly string[], demo: boolean, problems: Problems): Disk[] {
  if (disks.length === 1 && disks[0] === 'none') return [];
  return disks.flatMap((text, index): Disk[] => {
    const at = `machine.disks.${index}`;
    const [, path = text, fixed] = /^(.+):(qcow2|raw)$/s.exec(text) ?? [];
    const magic = readStart(path, true, at, demo, problems);
    if (magic === undefined) return [];
    const format = fixed ?? (magic.equals(Buffer.from('QFI\xfb', 'latin1')) ? 'qcow2' : 'raw');
    return [{ path, format: format as Disk['format'] }];
  });
}

function decideCdrom(cdrom: string, demo: boolean, problems: Problems): { cdrom?: string } {
  if (cdrom === 'none') return {};
  return readStart(cdrom, false, 'machine.cdrom', demo, problems) ? { cdrom } : {};
}

function readStart(
  path: string,
  block: boolean,
  at: string,
  demo: boolean,
  problems: Problems,
): Buffer | undefined {
  const expected = block ? 'a disk image or block device' : 'an image file';
  try {
    const stat = statSync(path);
    if (!stat.isFile() && !stat.isBlockDevice()) {
      problems.add(at, expected, `${show(path)}, which is something else`);
      return undefined;
    }
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(4);
      return start.subarray(0, readSync(file, start, 0, 4, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const hint = demo ? ': `npm run setup` makes the demo machine' : '';
    problems.add(at, expected, `${show(path)} (${codeOf(error)})${hint}`);
    return undefined;
  }
}

function decideNetworks(
  networks: NonNullable<Settings['machine']['networks']>,
  demo: boolean,
  problems: Problems,
): Network[] {
  return networks.flatMap((network, index): Network[] => {
    if (network.backend === 'none') return [];
    const { tftp, mac, bootFile, restrict, hostForward } = network;
    if (tftp !== undefined && !demo && !attemptStat(tftp)) {
      problems.add(`machine.networks.${index}.tftp`, 'a directory', show(tftp));
    }
    return [
      {
        backend: 'user',
        restrict,
        hostForward: hostForward.map((text) =>
          decideForward(text, `machine.networks.${index}.hostForward`, problems),
        ),
        ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
        ...(tftp === undefined ? {} : { tftp }),
        ...(bootFile === undefined ? {} : { bootFile }),
      },
    ];
  });
}

function decideForward(text: string, at: string, problems: Problems): HostForward {
  const [protocol, ports = ''] = text.split(':');
  const [hostPort = 0, guestPort = 0] = ports.split('-').map(Number);
  if (hostPort > 65535 || guestPort > 65535) problems.add(at, 'ports up to 65535', show(text));
  return { protocol: protocol === 'udp' ? 'udp' : 'tcp', hostPort, guestPort };
}

function attemptStat(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function decideExtraArgs(text: string, problems: Problems): string[] {
  const words = attempt(() => splitWords(text));
  if (!(words instanceof Error)) return words;
  problems.add('machine.extraArgs', 'words as in a shell', `${show(text)}: ${words.message}`);
  return [];
}

function showNode(
  schema: SchemaNode,
  value: unknown,
  path: string,
  indent: string,
  lines: string[],
  origins: Origins,
): void {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const at = joinPath(path, key);
    const item = isTree(value) ? value[key] : undefined;
    if (item === undefined) continue;
    if (child.properties) {
      lines.push(`${indent}${key}:`);
      showNode(child, item, at, `${indent}  `, lines, origins);
    } else if (child.items?.properties && Array.isArray(item) && item.length > 0) {
      lines.push(`${indent}${key}:`);
      for (const [index, entry] of item.entries()) {
        const from = lines.length;
        showNode(child.items, entry, joinPath(at, String(index)), `${indent}    `, lines, origins);
        lines[from] = `${indent}  - ${(lines[from] ?? '').trimStart()}`;
      }
    } else {
      const text = flow(child['x-secret'] ? masked : item);
      const unit = child['x-unit'] ? ` ${child['x-unit']},` : '';
      lines.push(`${indent}${key}: ${text} #${unit} ${originOf(origins, at) ?? 'default'}`);
    }
  }
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();
}

function set(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at: unknown = tree;
  for (const key of keys) at = isTree(at) || Array.isArray(at) ? (at as Tree)[key] : undefined;
  // Where the file has something else than a mapping, the check reports that.
  if (isTree(at) || Array.isArray(at)) (at as Tree)[last] = value;
}

function unset(tree: Tree, path: string): void {
  set(tree, path, undefined);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function joinPath(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return { string: 'text', number: 'a number', boolean: 'true or false', object: 'a mapping' }[
    typeof value as 'string'
  ];
}

/** A value as the user wrote it, shortened. Not for secrets. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT'
    ? 'no such file'
    : code === 'EACCES'
      ? 'permission denied'
      : (code ?? error.message);
}

function attempt<T>(run: () => T): T | Error {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) freeze(child);
  }
  return value;
}
