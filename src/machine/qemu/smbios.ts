/**
 * What is written on the machine's parts, as SMBIOS tells it to the guest: system (type 1), board (2), chassis (3).
 * The same texts as in the FRU, each in one place:
 *
 *     FRU       product: manufacturer name version serial part asset │ board: … part   │ chassis: serial part
 *     SMBIOS    1: manufacturer product version serial sku           │ 2: … version    │ 3: serial sku
 *               3: manufacturer         version             asset    │                 │
 */
import type { FruFields } from '../../bmc/fru.ts';
import { optionValue } from './option-value.ts';

/** @returns arguments for QEMU; texts that are empty stay so, instead of becoming QEMU's own */
export function smbiosArguments(uuid: string, labels: FruFields | undefined): string[] {
  if (!labels) return table(1, { uuid });
  const { product, board, chassis } = labels;
  return [
    ...table(1, {
      manufacturer: product.manufacturer,
      product: product.name,
      version: product.version,
      serial: product.serialNumber,
      sku: product.partNumber,
      uuid,
    }),
    ...table(2, {
      manufacturer: board.manufacturer,
      product: board.product,
      version: board.partNumber,
      serial: board.serialNumber,
    }),
    ...table(3, {
      manufacturer: product.manufacturer,
      version: product.version,
      serial: chassis.serialNumber,
      sku: chassis.partNumber,
      asset: product.assetTag,
    }),
  ];
}

function table(type: number, values: Readonly<Record<string, string>>): string[] {
  const options = Object.entries(values)
    .map(([key, value]) => `,${key}=${optionValue(printable(value), `SMBIOS ${key}`)}`)
    .join('');
  return ['-smbios', `type=${type}${options}`];
}

/** A FRU may hold any bytes; what a client has written there must not keep the machine from starting. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '').trim();
}
