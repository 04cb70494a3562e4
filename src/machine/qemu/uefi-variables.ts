/**
 * The machine's own UEFI variables: a file that outlives power cycles. Firmware that checks signatures has variables of
 * its own, which hold keys.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BmcError } from '../../bmc/errors.ts';
import type { MachineHardware, SecureBootState } from '../../bmc/machine.ts';
import type { FirmwarePaths } from './config.ts';

type Choice = Pick<MachineHardware, 'firmware' | 'secureBoot'>;
const secure: Choice = { firmware: 'uefi', secureBoot: true };

export function isSecure({ firmware, secureBoot }: Choice): boolean {
  return firmware === 'uefi' && secureBoot;
}

/** Which of the firmware's files a machine is made with. */
export function firmwareFiles(
  paths: FirmwarePaths,
  choice: Choice,
): { readonly ovmfCode: string; readonly ovmfVarsTemplate: string } {
  return isSecure(choice) ? paths.secure : paths;
}

function missingFile(paths: FirmwarePaths, choice: Choice): string | undefined {
  const { ovmfCode, ovmfVarsTemplate } = firmwareFiles(paths, choice);
  return [ovmfCode, ovmfVarsTemplate].find((file) => !existsSync(file));
}

/** Whether this host has firmware that checks signatures. */
export function hasSecureFirmware(paths: FirmwarePaths): boolean {
  return missingFile(paths, secure) === undefined;
}

/** @throws {BmcError} `wrong-state` when the firmware is not installed */
export function requireUefi(paths: FirmwarePaths, choice: Choice): void {
  const missing = missingFile(paths, choice);
  if (missing === undefined) return;
  throw new BmcError('wrong-state', `UEFI firmware ${missing} is missing: install the Debian package ovmf`);
}

function variablesFile(stateDir: string, choice: Choice): string {
  return join(stateDir, isSecure(choice) ? 'ovmf-vars-secure.fd' : 'ovmf-vars.fd');
}

/**
 * Made from the template when a UEFI boot first needs it; from then on it is the machine's.
 * @returns its path
 * @throws {BmcError} `wrong-state` when the firmware is not installed
 */
export function uefiVariables(paths: FirmwarePaths, stateDir: string, choice: Choice): string {
  requireUefi(paths, choice);
  const path = variablesFile(stateDir, choice);
  if (!existsSync(path)) {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    copyFileSync(firmwareFiles(paths, choice).ovmfVarsTemplate, `${path}.new`);
    // As the demo machine's disk: for QEMU's user of our group.
    chmodSync(`${path}.new`, 0o660);
    renameSync(`${path}.new`, path);
  }
  return path;
}

/** The next start with secure boot makes them anew, keys included. */
export function forgetSecureVariables(stateDir: string): void {
  rmSync(variablesFile(stateDir, secure), { force: true });
}

/** What the firmware's variables say about secure boot now. @throws {Error} when they cannot be read */
export function secureBootState(stateDir: string): SecureBootState {
  const variables = readVariables(readFileSync(variablesFile(stateDir, secure)));
  const setupMode = !variables.has('PK');
  // EDK II: checks unless the owner of the platform has switched that off.
  return { setupMode, enabled: !setupMode && variables.get('SecureBootEnable')?.[0] === 1 };
}

/** EDK II's AUTHENTICATED_VARIABLE_HEADER: start (2), state (1), …, name bytes (4), data bytes (4), GUID (16). */
const headerBytes = 60;
const nameBytesAt = 36;
const startId = 0x55aa;
/** In force: neither being written nor deleted. */
const added = 0x3f;
/** A store begins with its GUID, its size (4), format (1), state (1), reserved (6). */
const storeGuid = Buffer.from('782cf3aa7b949a43a1802e144ec37792', 'hex');
const storeHeaderBytes = 28;

/** @param image the flash memory with a store of authenticated variables @returns what is in force, by name */
export function readVariables(image: Buffer): ReadonlyMap<string, Buffer> {
  const store = image.indexOf(storeGuid);
  if (store < 0) throw new Error('UEFI variables: no store of authenticated variables');
  const end = Math.min(image.length, store + image.readUInt32LE(store + storeGuid.length));
  const found = new Map<string, Buffer>();
  let at = store + storeHeaderBytes;
  while (at + headerBytes <= end && image.readUInt16LE(at) === startId) {
    const nameBytes = image.readUInt32LE(at + nameBytesAt);
    const dataBytes = image.readUInt32LE(at + nameBytesAt + 4);
    const dataAt = at + headerBytes + nameBytes;
    if (dataAt + dataBytes > end) break;
    if (image[at + 2] === added) {
      const name = image.toString('utf16le', at + headerBytes, dataAt - 2);
      found.set(name, image.subarray(dataAt, dataAt + dataBytes));
    }
    at = (dataAt + dataBytes + 3) & ~3;
  }
  return found;
}
