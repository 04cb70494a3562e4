import { resolve } from 'node:path';
import type { NicBackend, NicConfig } from '../config.ts';
import { device, type Properties } from './device.ts';

/** A network card. QEMU's own option ROM (iPXE) is left in place, so that PXE works under SeaBIOS. */
export const nic = device<NicConfig>({
  kind: 'nic',
  parts({ id, model = 'virtio-net-pci', mac, backend }) {
    if (!/^[a-z][a-z0-9_-]{0,30}$/i.test(id))
      throw new RangeError(`NIC id: letters, digits, - and _ only: ${id}`);
    if (!/^[a-z0-9][a-z0-9._-]*$/i.test(model))
      throw new RangeError(`NIC model: not a device name: ${model}`);
    return {
      netdevs: [netdev(`${id}-net`, backend)],
      devices: [{ bootClass: 'pxe', properties: { driver: model, id, netdev: `${id}-net`, mac } }],
    };
  },
});

function netdev(id: string, backend: NicBackend): Properties {
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
  }
}
