/**
 * Looks at an image that is to become the machine's firmware: what it is, whether this machine could start with it, which
 * version it says it is. An image that is not refused here can still be a bad one; one that is refused would not start.
 *
 * UEFI (EDK II's OVMF) is a firmware volume (PI specification, volume 3, §3.2.1) that ends in the reset vector; the whole
 * flash memory begins with another one that holds the variables. A BIOS (SeaBIOS) is bare code that ends in it.
 */
import { BmcError } from '../../bmc/errors.ts';

export type ImageFacts =
  | { readonly kind: 'bios'; readonly version: string | undefined; readonly image: Uint8Array }
  /** EDK II says its version to the guest alone, and only if its builder wished so. */
  | { readonly kind: 'uefi'; readonly version: undefined; readonly image: Uint8Array }
  | { readonly kind: 'variables'; readonly version: undefined; readonly image: Uint8Array };

/** Sizes of this machine's flash memory, in bytes. */
export interface FlashLayout {
  readonly code: number;
  readonly variables: number;
}

const biosSizes = [128, 256, 512, 1024].map((kib) => kib * 1024);
const volume = { guidAt: 16, lengthAt: 32, signatureAt: 40, headerLengthAt: 48, leastBytes: 72 } as const;
const signature = Buffer.from('_FVH');
/** EFI_SYSTEM_NV_DATA_FV_GUID: a volume of variables. */
const variablesGuid = Buffer.from('8d2bf1ff96768b4ca9852747075b4f50', 'hex');
/** EFI_AUTHENTICATED_VARIABLE_GUID: begins the store within. */
const storeGuid = Buffer.from('782cf3aa7b949a43a1802e144ec37792', 'hex');
const resetVectorBytes = 16;

/**
 * @param layout undefined where this host has no UEFI firmware
 * @throws {BmcError} `bad-argument` with the reason
 */
export function examineFirmware(bytes: Uint8Array, layout: FlashLayout | undefined): ImageFacts {
  const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsVolume(image)) return examineUefi(image, layout);
  const start = image.subarray(0, 2).toString('hex');
  if (start === '4d5a' || start === '55aa') {
    throw refusal('an EFI program or an option ROM, not firmware that a machine starts with');
  }
  return examineBios(image);
}

function examineUefi(image: Buffer, layout: FlashLayout | undefined): ImageFacts {
  if (!layout) throw refusal('UEFI firmware, which this host cannot start: install the Debian package ovmf');
  const length = checkVolume(image, 'the image');
  if (!image.subarray(volume.guidAt, volume.guidAt + 16).equals(variablesGuid)) {
    return { kind: 'uefi', version: undefined, image: checkCode(image, layout) };
  }
  if (!image.subarray(0, length).includes(storeGuid)) {
    throw refusal('its variables are not authenticated ones, which this firmware wants');
  }
  if (image.length === layout.variables) return { kind: 'variables', version: undefined, image };
  if (image.length === layout.variables + layout.code) {
    // The whole flash memory: the variables in it are whoever's it came from, the machine keeps its own.
    const code = image.subarray(layout.variables);
    if (!startsVolume(code)) throw refusal('no firmware volume behind its variables');
    checkVolume(code, 'its code');
    return { kind: 'uefi', version: undefined, image: checkCode(code, layout) };
  }
  throw refusal(
    `UEFI variables of ${image.length} bytes; this machine's flash memory holds ${layout.variables} bytes of them`,
  );
}

function checkCode(image: Buffer, layout: FlashLayout): Buffer {
  if (image.length !== layout.code) {
    throw refusal(
      `UEFI code of ${image.length} bytes; built for the flash memory of this machine, it has ${layout.code} (OVMF: the build for 4 MiB)`,
    );
  }
  checkResetVector(image);
  if (image.subarray(-20, -16).toString('latin1') !== 'VTF\0') {
    throw refusal('it does not end in the volume top file of UEFI firmware for x86');
  }
  return image;
}

function examineBios(image: Buffer): ImageFacts {
  if (!biosSizes.includes(image.length)) {
    throw refusal(
      `${image.length} bytes; a BIOS has ${biosSizes.map((size) => size / 1024).join(', ')} KiB, and UEFI firmware begins with a firmware volume`,
    );
  }
  checkResetVector(image);
  // At F000:FFF0 a far jump, at F000:FFF5 the date, at F000:FFFE the model.
  const end = image.subarray(-resetVectorBytes);
  if (end[0] !== 0xea || !/^\d\d\/\d\d\/\d\d$/.test(end.subarray(5, 13).toString('latin1'))) {
    throw refusal('no jump and no date at the reset vector, as a BIOS has them');
  }
  return { kind: 'bios', version: biosVersionIn(image), image };
}

function checkResetVector(image: Buffer): void {
  const vector = image.subarray(-resetVectorBytes);
  const [first] = vector;
  if (vector.every((byte) => byte === first)) throw refusal('nothing is at its reset vector');
}

function startsVolume(image: Buffer): boolean {
  const { signatureAt, leastBytes } = volume;
  return image.length >= leastBytes && image.subarray(signatureAt, signatureAt + 4).equals(signature);
}

/** @returns the length of the volume that the image begins with */
function checkVolume(image: Buffer, what: string): number {
  const length = Number(image.readBigUInt64LE(volume.lengthAt));
  const headerLength = image.readUInt16LE(volume.headerLengthAt);
  if (length > image.length) throw refusal(`${what} ends before its firmware volume of ${length} bytes does`);
  if (headerLength < volume.leastBytes || headerLength > length || headerLength % 2 !== 0) {
    throw refusal(`${what} has a firmware volume with a damaged header`);
  }
  let sum = 0;
  for (let at = 0; at < headerLength; at += 2) sum = (sum + image.readUInt16LE(at)) & 0xffff;
  if (sum !== 0) throw refusal(`${what} has a firmware volume with a wrong checksum`);
  return length;
}

/** SeaBIOS: `rel-1.16.3-0-ga6ed6b701f0a`, Debian's `1.16.2-debian-1.16.2-1`. */
function biosVersionIn(image: Buffer): string | undefined {
  const text = image.toString('latin1');
  const title = text.includes('SeaBIOS') ? 'SeaBIOS' : 'BIOS';
  const [, version] = /\0((?:rel-)?\d+\.\d+\.\d+[-\w.+~]*)\0/.exec(text) ?? [];
  if (version === undefined) return undefined;
  // As the package manager calls the same build.
  const [, debian = version.replace(/^rel-/, '')] = /-debian-(.+)$/.exec(version) ?? [];
  return `${title} ${debian}`;
}

function refusal(text: string): BmcError {
  return new BmcError('bad-argument', `the firmware image is refused: ${text}`);
}
