/**
 * The labs of `containerlab/`, deployed as their one-command tests do it: by containerlab itself where it is installed
 * (or what CONTAINERLAB names), else by a small stand-in beside the project that wires containers alike.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { labsFolder, readTopology } from './containerlab.ts';
import { ownLabel, ownName } from './docker.ts';
import { run } from './processes.ts';
import { installed } from './real-clients.ts';

const standIn = join(labsFolder, '../../shared/tools/mini-clab');
const deployer =
  process.env.CONTAINERLAB ||
  (installed('containerlab') ? 'containerlab' : existsSync(standIn) ? standIn : undefined);
/** The stand-in can make what containerlab does when a host is busy: wires that come late and in any order. */
const hardWay = deployer?.endsWith('mini-clab') ? '--link-delay 4 --shuffle' : '';

/** For the title of tests that need a lab: why there is none. */
export function withoutLabs(): string {
  if (deployer === undefined) return ' (skipped: containerlab is not installed)';
  if (process.getuid?.() !== 0) return ' (skipped: containerlab needs root)';
  return '';
}

export interface LabResult {
  readonly code: number | null;
  /** What was checked and held, in order. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** All that the test printed. */
  readonly output: string;
}

/**
 * Runs a lab's `test.sh` on a copy of its topology under names of our own.
 * @param images what stands for the images of the topology: `qemu-bmc:latest` → `sha256:…`
 */
export async function runLab(lab: string, images: Readonly<Record<string, string>>): Promise<LabResult> {
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-lab-'));
  const file = join(folder, `${lab}.clab.yml`);
  const program = deployer ?? 'containerlab';
  try {
    writeFileSync(file, stringify(ownTopology(lab, images)));
    const own = { CONTAINERLAB: program, DEPLOY_OPTIONS: hardWay, TOPOLOGY: file, TMPDIR: folder };
    const env = { ...process.env, ...own };
    const { code, stdout, stderr } = await run(join(labsFolder, lab, 'test.sh'), [], {
      env,
      timeoutMs: 420_000,
    });
    const lines = stdout.split('\n');
    const after = (mark: string) =>
      lines.flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length)] : []));
    return { code, passed: after('ok - '), failed: after('not ok - '), output: `${stdout}${stderr}` };
  } finally {
    // The test has done so itself, unless it was killed.
    const [word = '', ...words] = program.split(' ');
    await run(word, [...words, 'destroy', '-t', file]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function ownTopology(lab: string, images: Readonly<Record<string, string>>): object {
  const file = readTopology(lab);
  const { topology } = file;
  for (const settings of [topology.defaults, topology.kinds?.linux, ...Object.values(topology.nodes)]) {
    if (settings?.image !== undefined) settings.image = images[settings.image] ?? settings.image;
  }
  const [key = '', value = ''] = ownLabel().split('=');
  topology.defaults = { ...topology.defaults, labels: { [key]: value } };
  const name = ownName(lab);
  return { ...file, name, mgmt: { network: name, 'ipv4-subnet': 'auto' } };
}
