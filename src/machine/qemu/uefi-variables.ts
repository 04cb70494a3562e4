/** The machine's own UEFI variables: a file that outlives power cycles. */
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { BmcError } from '../../bmc/errors.ts';
import type { QemuMachineConfig } from './config.ts';

/**
 * Makes the store from the template when it is first needed; boot mode `bios` never needs it.
 * @returns its path
 * @throws {BmcError} `wrong-state` when the firmware is not installed
 */
export function uefiVariables(config: QemuMachineConfig, stateDir: string): string {
  const path = join(stateDir, 'ovmf-vars.fd');
  if (config.bootMode !== 'uefi') return path;
  const { ovmfCode, ovmfVarsTemplate } = config.firmware;
  for (const file of [ovmfCode, ovmfVarsTemplate]) {
    if (!existsSync(file)) {
      throw new BmcError('wrong-state', `UEFI firmware ${file} is missing: install the Debian package ovmf`);
    }
  }
  if (!existsSync(path)) {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    copyFileSync(ovmfVarsTemplate, `${path}.new`);
    renameSync(`${path}.new`, path);
  }
  return path;
}
