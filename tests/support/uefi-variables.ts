/** The flash memory of UEFI variables as EDK II makes it, small. */

export const storeAt = 72;
export const variablesAt = storeAt + 28;
export const storeBytes = 1024;
const imageBytes = 4096;

/** @param variables as they lie in flash; behind them a mark where the firmware's write area would be */
export function variableVolume(...variables: readonly Buffer[]): Buffer {
  const image = Buffer.alloc(imageBytes, 0xff);
  image.fill(0, 0, variablesAt);
  Buffer.from('8d2bf1ff96768b4ca9852747075b4f50', 'hex').copy(image, 16);
  image.writeBigUInt64LE(BigInt(imageBytes), 32);
  image.write('_FVH', 40);
  image.writeUInt16LE(storeAt, 48);
  Buffer.from('782cf3aa7b949a43a1802e144ec37792', 'hex').copy(image, storeAt);
  image.writeUInt32LE(storeBytes, storeAt + 16);
  image[storeAt + 20] = 0x5a;
  image[storeAt + 21] = 0xfe;
  image.write('write area', storeAt + storeBytes);
  Buffer.concat(variables).copy(image, variablesAt);
  let sum = 0;
  for (let at = 0; at < storeAt; at += 2) sum += image.readUInt16LE(at);
  image.writeUInt16LE(-sum & 0xffff, 50);
  return image;
}
