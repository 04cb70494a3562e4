/**
 * The demo machine's disk, one copy per appliance: a disk belongs to one machine, and several appliances may run the
 * demo side by side. The copy stays until another demo machine is built.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Config, Disk } from './config/config.ts';
import { demoDir } from './config/package-paths.ts';

const name = /^demo-[0-9a-f]{8}\.qcow2(\.new)?$/;

/**
 * Puts this appliance's own disk into the place of the demo's. No machine of it may run meanwhile.
 * @throws {Error} when the demo machine is not built, or cannot be copied
 */
export function withOwnDemoDisk(config: Config): Config {
  if (!config.machine.demo) return config;
  return { ...config, machine: { ...config.machine, disks: [ownDemoDisk(config.bmc.stateDir)] } };
}

function ownDemoDisk(stateDir: string): Disk {
  const manifest = JSON.parse(readFileSync(join(demoDir, 'manifest.json'), 'utf8')) as {
    outputs: Record<string, { sha256: string } | undefined>;
  };
  const sum = manifest.outputs['demo.qcow2']?.sha256;
  if (sum === undefined) throw new Error(`${join(demoDir, 'manifest.json')} tells nothing of demo.qcow2`);
  const own = `demo-${sum.slice(0, 8)}.qcow2`;
  for (const file of readdirSync(stateDir)) {
    if (name.test(file) && file !== own) rmSync(join(stateDir, file));
  }
  const path = join(stateDir, own);
  if (!existsSync(path)) {
    copyFileSync(join(demoDir, 'demo.qcow2'), `${path}.new`, constants.COPYFILE_FICLONE);
    // The machine's process may be another user's of our group; the directory keeps everybody else out.
    chmodSync(`${path}.new`, 0o660);
    renameSync(`${path}.new`, path);
  }
  return { path, format: 'qcow2' };
}
