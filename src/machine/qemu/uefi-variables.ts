/** The machine's own UEFI variables: a file that outlives power cycles. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { BmcError } from '../../bmc/errors.ts';
import type { FirmwarePaths } from './config.ts';

/** @throws {BmcError} `wrong-state` when the firmware is not installed */
export function requireUefi({ ovmfCode, ovmfVarsTemplate }: FirmwarePaths): void {
  for (const file of [ovmfCode, ovmfVarsTemplate]) {
    if (!existsSync(file)) {
      throw new BmcError('wrong-state', `UEFI firmware ${file} is missing: install the Debian package ovmf`);
    }
  }
}

/**
 * Made from the template when a UEFI boot first needs it; from then on it is the machine's.
 * @returns its path
 * @throws {BmcError} `wrong-state` when the firmware is not installed
 */
export function uefiVariables(firmware: FirmwarePaths, stateDir: string): string {
  requireUefi(firmware);
  const path = join(stateDir, 'ovmf-vars.fd');
  if (!existsSync(path)) {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    copyFileSync(firmware.ovmfVarsTemplate, `${path}.new`);
    // As the demo machine's disk: for QEMU's user of our group.
    chmodSync(`${path}.new`, 0o660);
    renameSync(`${path}.new`, path);
  }
  return path;
}
