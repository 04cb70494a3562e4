import { device } from './device.ts';

/** The id by which QMP sends a break. */
export const serialChardevId = 'serial0';

/** The first serial port. QEMU writes the log whether or not somebody is connected. */
export const serial = device<Record<never, never>>({
  kind: 'serial',
  parts: (_, run) => ({
    chardevs: [
      {
        backend: 'socket',
        options: {
          id: serialChardevId,
          path: run.serialSocket,
          server: 'on',
          wait: 'off',
          logfile: run.serialLog,
          logappend: 'on',
        },
      },
    ],
    devices: [{ properties: { driver: 'isa-serial', chardev: serialChardevId, index: 0 } }],
  }),
});
