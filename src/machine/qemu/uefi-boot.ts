/**
 * What UEFI firmware keeps of booting: its entries (`Boot0000` …), which one comes next (`BootNext`). UEFI 2.10 §3.1.
 *
 * An override that names more than a device becomes `BootNext`, which the firmware removes when it boots by it. A
 * variable of our own, hidden from operating systems, remembers what we have put there, so that the next start can
 * take back what the firmware did not use, and nothing that the guest itself has asked for.
 */
import { isUefiTarget, type MachineBootOverride, type UefiBootTarget } from '../../bmc/boot.ts';
import type { FirmwareBootEntry } from '../../bmc/inventory.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import {
  devicePathText,
  encodeDevicePath,
  firmwareFilePath,
  type PathNode,
  uriNode,
} from './uefi-device-path.ts';
import { decodeLoadOption, encodeLoadOption, loadOptionActive } from './uefi-load-option.ts';
import {
  globalVendor,
  ordinaryAttributes,
  type UefiVariableStore,
  VariableAttribute,
  type VariableId,
} from './uefi-variable-store.ts';

const bootNext: VariableId = { vendor: globalVendor, name: 'BootNext' };
const ownMark: VariableId = { vendor: '3e0e7fd5-6c0c-4b8e-9a5b-6c8f3a4e9d21', name: 'BmcBoot' };
const lastNumber = 0xffff;

/** Where OVMF has the UEFI shell: its volume of drivers, EDK II's shell. */
const shellPath = firmwareFilePath(
  '7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1',
  '7c04a583-9e3e-4f1c-ad65-e05268d0b4d1',
);

/** The number of an entry we asked for, and whether the entry is ours, too. */
interface Mark {
  readonly number: number;
  readonly isOurs: boolean;
}

function entryId(number: number): VariableId & { readonly name: string } {
  return { vendor: globalVendor, name: `Boot${number.toString(16).toUpperCase().padStart(4, '0')}` };
}

/** The firmware's entries by their numbers, without the one that an override of ours made. */
export function bootEntries(store: UefiVariableStore): readonly FirmwareBootEntry[] {
  const mark = readMark(store);
  const ours = mark?.isOurs ? entryId(mark.number).name : undefined;
  return store.variables
    .filter(({ vendor, name }) => vendor === globalVendor && /^Boot[0-9A-F]{4}$/.test(name) && name !== ours)
    .flatMap(({ name, data }) => {
      try {
        const { attributes, description, paths } = decodeLoadOption(data);
        const enabled = (attributes & loadOptionActive) !== 0;
        return [{ id: name, name: description, enabled, path: devicePathText(paths) }];
      } catch (error) {
        // A guest may write what it likes; the firmware passes such an entry over, too.
        if (error instanceof DecodeError) return [];
        throw error;
      }
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** How the entry comes about: made of a path, or found. */
const pathOf: Readonly<
  Record<UefiBootTarget, (choice: string | undefined) => readonly PathNode[] | undefined>
> = {
  // Without an address DHCP is asked for one.
  'uefi-http': (uri = '') => [uriNode(uri)],
  'uefi-shell': () => shellPath,
  'uefi-target': () => undefined,
  'uefi-boot-next': () => undefined,
};

const descriptions: Readonly<Partial<Record<UefiBootTarget, string>>> = {
  'uefi-http': 'HTTP boot by the BMC',
  'uefi-shell': 'UEFI shell by the BMC',
};

/**
 * Has the next boot follow the override, or nothing of an earlier one.
 * @returns false when what the override names is not there: then the firmware boots in its own order
 * @throws {RangeError} when the store is full
 */
export function prepareBoot(store: UefiVariableStore, override: MachineBootOverride | undefined): boolean {
  takeBack(store);
  if (!override || !isUefiTarget(override.target)) return true;
  const { target, choice } = override;
  const nodes = pathOf[target](choice);
  const isOurs = nodes !== undefined;
  const number = isOurs ? freeNumber(store) : numberOf(store, choice);
  if (number === undefined) return false;
  if (nodes) {
    const data = encodeLoadOption({
      attributes: loadOptionActive,
      description: descriptions[target] ?? target,
      paths: encodeDevicePath(nodes),
      optionalData: new Uint8Array(),
    });
    store.set({ ...entryId(number), attributes: ordinaryAttributes, data });
  }
  store.set({ ...bootNext, attributes: ordinaryAttributes, data: new ByteWriter().u16le(number).finish() });
  store.set({
    ...ownMark,
    attributes: VariableAttribute.nonVolatile | VariableAttribute.bootService,
    data: new ByteWriter().u16le(number).u8(Number(isOurs)).finish(),
  });
  return true;
}

function takeBack(store: UefiVariableStore): void {
  const mark = readMark(store);
  if (!mark) return;
  if (numberIn(store.get(bootNext)?.data) === mark.number) store.delete(bootNext);
  if (mark.isOurs) store.delete(entryId(mark.number));
  store.delete(ownMark);
}

function readMark(store: UefiVariableStore): Mark | undefined {
  const data = store.get(ownMark)?.data;
  const number = numberIn(data);
  return number === undefined ? undefined : { number, isOurs: data?.[2] === 1 };
}

function numberIn(data: Uint8Array | undefined): number | undefined {
  return data && data.length >= 2 ? new ByteReader(data, 'number of a boot entry').u16le() : undefined;
}

/** From above: firmware and operating systems number from below. */
function freeNumber(store: UefiVariableStore): number | undefined {
  for (let number = lastNumber; number >= 0; number--) if (!store.get(entryId(number))) return number;
  return undefined;
}

/** @param choice an entry's name, or its device path */
function numberOf(store: UefiVariableStore, choice: string | undefined): number | undefined {
  const entry = bootEntries(store).find(({ id, path }) => id === choice || path === choice);
  return entry && Number.parseInt(entry.id.slice('Boot'.length), 16);
}
