import { resolve } from 'node:path';
import type { NicBackend, NicConfig } from '../config.ts';
import { device, type Properties } from './device.ts';

export interface NicParts {
  readonly nic: NicConfig;
  /** Whether firmware may boot from it: without, it has neither a place in the boot order nor a ROM to boot with. */
  readonly bootable: boolean;
  /** Left to the firmware's own driver, where it has one: the ROM would boot in its own way. */
  readonly withoutRom?: boolean;
  /** Where the card sits on the machine's bus; wherever there is room unless given. */
  readonly slot: number | undefined;
  /** The descriptors that QEMU inherits for it. */
  readonly fds: readonly number[];
}

/** A network card. QEMU's own option ROM (iPXE) is left in place, so that PXE works under SeaBIOS. */
export const nic = device<NicParts>({
  kind: 'nic',
  parts({ nic: card, bootable, withoutRom, slot, fds }) {
    const { id, model = virtioModel, mac, mtu, queues = 1, backend } = card;
    if (!/^[a-z][a-z0-9_-]{0,30}$/i.test(id))
      throw new RangeError(`NIC id: letters, digits, - and _ only: ${id}`);
    if (!/^[a-z0-9][a-z0-9._-]*$/i.test(model))
      throw new RangeError(`NIC model: not a device name: ${model}`);
    const virtio = model === virtioModel;
    return {
      netdevs: [netdev(nicNetdevId(id), backend, queues, fds)],
      devices: [
        {
          ...(bootable && { bootClass: 'pxe' }),
          properties: {
            driver: model,
            id,
            netdev: nicNetdevId(id),
            mac,
            romfile: bootable && !(withoutRom && virtio) ? undefined : '',
            addr: slot === undefined ? undefined : `0x${slot.toString(16)}`,
            host_mtu: virtio ? mtu : undefined,
            // A vector for each queue, and two for configuration and control.
            ...(virtio && queues > 1 ? { mq: true, vectors: 2 * queues + 2 } : {}),
          },
        },
      ],
    };
  },
});

const virtioModel = 'virtio-net-pci';

/** By this name QMP sets a card's link. */
export function nicNetdevId(nicId: string): string {
  return `${nicId}-net`;
}

function netdev(id: string, backend: NicBackend, queues: number, fds: readonly number[]): Properties {
  switch (backend.kind) {
    case 'user':
      return {
        type: 'user',
        id,
        restrict: backend.restrict,
        tftp: backend.tftp === undefined ? undefined : resolve(backend.tftp),
        bootfile: backend.bootFile,
        hostfwd: backend.hostForward?.map(({ protocol, hostPort, guestPort }) => ({
          str: `${protocol}:127.0.0.1:${Number(hostPort)}-:${Number(guestPort)}`,
        })),
      };
    case 'tap':
      return {
        type: 'tap',
        id,
        ifname: backend.device,
        script: 'no',
        downscript: 'no',
        queues: queues > 1 ? queues : undefined,
      };
    case 'tap-node':
      return { type: 'tap', id, ...(fds.length === 1 ? { fd: String(fds[0]) } : { fds: fds.join(':') }) };
  }
}
