/** In which order the firmware tries the devices, as QEMU's `bootindex` wants it: lowest first, no two alike. */
import type { BootTarget } from '../../bmc/boot.ts';
import type { BootClass } from './config.ts';

export interface BootDevice {
  /** The id given to `-device`. */
  readonly id: string;
  readonly bootClass: BootClass;
}

/** Which devices an override puts first. Targets without devices of ours leave the machine's own order. */
const classOfTarget: Readonly<Record<BootTarget, BootClass | undefined>> = {
  pxe: 'pxe',
  disk: 'disk',
  cdrom: 'cdrom',
  usb: 'usb',
  floppy: undefined,
  'bios-setup': undefined,
  diagnostic: undefined,
  'safe-mode': undefined,
  // These are said by the firmware's variables.
  'uefi-http': undefined,
  'uefi-shell': undefined,
  'uefi-target': undefined,
  'uefi-boot-next': undefined,
};

export interface BootOrder {
  /** Devices that come first, by id. */
  readonly ids: readonly string[];
  /** The order of all others. */
  readonly classes: readonly BootClass[];
}

/** @param devices in the order in which devices of one class are tried */
export function inBootOrder(devices: readonly BootDevice[], { ids, classes }: BootOrder): BootDevice[] {
  const rank = ({ id, bootClass }: BootDevice) => {
    const own = ids.indexOf(id);
    if (own >= 0) return own;
    const place = classes.indexOf(bootClass);
    return ids.length + (place < 0 ? classes.length : place);
  };
  // The sort is stable: within a class the given order stays.
  return [...devices].sort((a, b) => rank(a) - rank(b));
}

/** @returns the bootindex of every device, from 1 */
export function bootIndices(
  devices: readonly BootDevice[],
  order: BootOrder,
  target: BootTarget | undefined,
): ReadonlyMap<string, number> {
  const first = target && classOfTarget[target];
  const own = inBootOrder(devices, order);
  const sorted = [
    ...own.filter(({ bootClass }) => bootClass === first),
    ...own.filter(({ bootClass }) => bootClass !== first),
  ];
  return new Map(sorted.map(({ id }, place) => [id, place + 1]));
}

/** Indices of devices on their way from one order to another; above every real one. */
const parkedFrom = 1000;

/**
 * The steps that lead to `indices` whatever the present ones are: QEMU refuses a value that another device
 * has, so that all are parked first. The parked order is the new one already.
 */
export function bootIndexSteps(indices: ReadonlyMap<string, number>): { id: string; index: number }[] {
  const sorted = [...indices].sort(([, a], [, b]) => a - b);
  return [
    ...sorted.map(([id], place) => ({ id, index: parkedFrom + place })),
    ...sorted.map(([id, index]) => ({ id, index })),
  ];
}
