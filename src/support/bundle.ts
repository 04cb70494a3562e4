/**
 * `support-bundle`: what helps somebody else to find a fault, in one tar.gz. Works without a running BMC, from the files
 * that it left. Holds no secret, and nothing of the guest's: neither its disks nor what it has said on its console.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { release, tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { packageRoot } from '../config/package-paths.ts';
import { runFiles } from '../config/run-files.ts';
import { showConfig } from '../config/show-config.ts';
import { askForMetrics } from '../inject.ts';
import { statusOf } from '../status.ts';
import { Redaction, secretsIn } from './redaction.ts';

/** The file cannot be written: one line for people. */
class BundleError extends Error {
  override readonly name = 'BundleError';
}

/** Of each file so much of the end. */
const longestBytes = 8 * 1024 * 1024;
/** Of the state these are shown; of the others only that they are there. */
const shownState = [
  'identity.json',
  'power.json',
  'restart.json',
  'power-on-time.json',
  'events.jsonl',
  'sel.jsonl',
];
const shownRun = ['status.json', 'machine.json', 'qemu.args', 'qemu.err', 'qemu.pid', 'tpm.args'];

/**
 * @param output a file that is not there yet, or `-`; undefined for one in the current directory
 * @throws {BundleError} when the file is there already or cannot be written
 */
export async function writeBundle(loaded: LoadedConfig, output?: string): Promise<void> {
  const name = `qemu-bmc-support-${new Date().toISOString().replace(/[:.]/g, '').slice(0, 15)}`;
  const work = mkdtempSync(join(tmpdir(), 'qemu-bmc-support-'));
  try {
    const folder = join(work, name);
    mkdirSync(folder);
    for (const [path, text] of await contents(loaded)) {
      const file = join(folder, path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text, { mode: 0o600 });
    }
    const file = output ?? `${name}.tar.gz`;
    await pack(work, name, file);
    if (file !== '-') process.stdout.write(`${file}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @returns path in the bundle and text of each file, without secrets */
export async function contents(loaded: LoadedConfig): Promise<[path: string, text: string][]> {
  const { config } = loaded;
  const { stateDir, runDir } = config.bmc;
  const files: [string, string][] = [
    ['README.txt', about],
    ['versions.txt', await versions()],
    ['configuration.yaml', showConfig(loaded)],
    ['status.txt', (await statusOf(config)).text],
    ['metrics.txt', await askForMetrics(config).catch((error: Error) => `none: ${error.message}\n`)],
    ['state/files.txt', listing(stateDir)],
    ['run/files.txt', listing(runDir)],
    ...shown('state', stateDir, shownState),
    ...shown('run', runDir, shownRun),
    ...shown('log', join(stateDir, 'log'), names(join(stateDir, 'log'))),
  ];
  const redaction = new Redaction(knownSecrets(loaded));
  return files.map(([path, text]) => [path, redaction.text(text)]);
}

const about = `Support bundle of qemu-bmc.

versions.txt        programs and kernel
configuration.yaml  settings in force, secrets masked
status.txt          as qemu-bmc status prints it
metrics.txt         as /metrics shows it; none where the BMC does not run
state/, run/        lists of the files in STATE_DIR and RUN_DIR, and those that hold no settings of users;
                    QEMU's arguments are run/qemu.args
log/                the appliance's log; in a container it is what "docker logs" prints

Secrets are replaced by (secret). What the guest has said on its console is not in here.
`;

/** Everything here that opens a door: of the configuration, and of all that the state keeps. */
function knownSecrets({ config }: LoadedConfig): string[] {
  const { stateDir, runDir } = config.bmc;
  const files = [
    runFiles(runDir).config,
    ...names(stateDir)
      .filter((name) => name.endsWith('.json'))
      .map((name) => join(stateDir, name)),
  ];
  const kept = files.flatMap((file) => {
    try {
      return secretsIn(JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      // Absent, or damaged: nothing to be known from it, and none of the state's secrets goes into the bundle by itself.
      return [];
    }
  });
  // The password in the manual is none, and a word of many texts.
  return [...secretsIn(config), ...kept].filter((value) => value !== 'password');
}

function shown(group: string, folder: string, wanted: readonly string[]): [string, string][] {
  return wanted.flatMap((name): [string, string][] => {
    const text = endOf(join(folder, name));
    // Words ended by NUL, one on each line.
    return text === undefined ? [] : [[`${group}/${name}`, text.replaceAll('\0', '\n')]];
  });
}

/** @returns undefined for what is no file or cannot be read */
function endOf(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return undefined;
    const bytes = readFileSync(path);
    return bytes.subarray(Math.max(0, bytes.length - longestBytes)).toString('utf8');
  } catch {
    return undefined;
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function listing(folder: string): string {
  const lines = names(folder).map((name) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    if (!stat) return `${name}: gone meanwhile`;
    const kind = stat.isDirectory() ? 'd' : stat.isFile() ? '-' : 's';
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
    return `${kind}${mode} ${stat.uid}:${stat.gid} ${String(stat.size).padStart(12)} ${stat.mtime.toISOString()} ${name}`;
  });
  return lines.length === 0 ? 'nothing, or not readable\n' : `${lines.join('\n')}\n`;
}

async function versions(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(endOf('/etc/os-release') ?? '')?.[1] ?? 'unknown';
  return [
    `qemu-bmc ${version}`,
    `node     ${process.version} (${process.arch})`,
    `kernel   ${release()}, up ${Math.round(uptime())} s`,
    `system   ${system}`,
    `qemu     ${await firstLineOf('qemu-system-x86_64', '--version')}`,
    `swtpm    ${await firstLineOf('swtpm', '--version')}`,
    `time     ${new Date().toISOString()}`,
    '',
  ].join('\n');
}

function firstLineOf(program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    child.once('error', () => resolve('not found'));
    child.once('close', () => resolve(text.split('\n', 1)[0] || 'says nothing'));
  });
}

async function pack(work: string, name: string, output: string): Promise<void> {
  const target = output === '-' ? undefined : createNew(output);
  const words = [
    '--create',
    '--gzip',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--directory',
    work,
    name,
  ];
  const child = spawn('tar', words, { stdio: ['ignore', target ?? 'inherit', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(new BundleError(`tar: ${error.message}`)));
    child.once('close', resolve);
  });
  if (target !== undefined) closeSync(target);
  if (code === 0) return;
  if (output !== '-') rmSync(output, { force: true });
  throw new BundleError(`tar: ${said.trim() || `ended with ${code}`}`);
}

function createNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new BundleError(code === 'EEXIST' ? `${path}: is there already` : message);
  }
}
