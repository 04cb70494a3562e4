/**
 * The machine's own UEFI variables: a file that outlives power cycles. Firmware that checks signatures has variables of
 * its own, which hold keys.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BmcError } from '../../bmc/errors.ts';
import type { MachineHardware } from '../../bmc/machine.ts';
import { replaceFile } from '../../lib/replace-file.ts';
import type { FirmwarePaths } from './config.ts';
import { UefiVariableStore, type VariableId } from './uefi-variable-store.ts';

type Choice = Pick<MachineHardware, 'firmware' | 'secureBoot'>;
/** EDK II's switch for the checks. */
export const secureBootEnable: VariableId = {
  vendor: 'f0a30bc7-af08-4556-99c4-001009c93a44',
  name: 'SecureBootEnable',
};
/** With firmware that checks signatures. */
export const secure: Choice = { firmware: 'uefi', secureBoot: true };

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

/** Where the variables are, made or not. */
export function variablesFile(stateDir: string, choice: Choice): string {
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
    replaceFile(path, readFileSync(firmwareFiles(paths, choice).ovmfVarsTemplate), mode);
  }
  return path;
}

/** @throws {DecodeError} when it is damaged; as `readFileSync` throws */
export function readUefiVariables(path: string): UefiVariableStore {
  return new UefiVariableStore(readFileSync(path));
}

/** What changes when the variables do; undefined while there are none. */
export function variablesVersion(path: string): string | undefined {
  const state = statSync(path, { bigint: true, throwIfNoEntry: false });
  return state && `${state.ino} ${state.mtimeNs}`;
}

/**
 * Changes the machine's variables. No QEMU may have them open: it would write over the file that was.
 * @param path from {@link uefiVariables}
 * @param change may set and delete; what it throws leaves the file as it is
 * @throws {DecodeError} when the file is damaged; {@link RangeError} when a variable does not fit; as writing throws
 */
export function changeUefiVariables(path: string, change: (variables: UefiVariableStore) => void): void {
  const store = readUefiVariables(path);
  const before = store.variables;
  change(store);
  if (store.variables !== before) replaceFile(path, store.image(), mode);
}

/** As the demo machine's disk: for QEMU's user of our group. */
const mode = 0o660;

/** From the next start on: a QEMU that runs goes on with the file it has open. @throws {Error} when it cannot be written */
export function replaceVariables(stateDir: string, choice: Choice, image: Uint8Array): void {
  const path = variablesFile(stateDir, choice);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  // The mark first: without its variables it costs a reset another QEMU, they without it would not be seen by one.
  replaceFile(`${path}.mark`, randomBytes(8));
  replaceFile(path, image, mode);
}

/** Another one after each replacement as a whole; undefined as long as there was none. */
export function variablesMark(stateDir: string, choice: Choice): string | undefined {
  const mark = `${variablesFile(stateDir, choice)}.mark`;
  return existsSync(mark) ? readFileSync(mark).toString('hex') : undefined;
}
