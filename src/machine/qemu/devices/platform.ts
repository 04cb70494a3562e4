import { device } from './device.ts';

/** The screen; its picture is served by VNC. */
export const display = device<Record<never, never>>({
  kind: 'display',
  parts: () => ({ devices: [{ properties: { driver: 'VGA', id: 'video0' } }] }),
});

/** Tells of a panic of the guest's kernel (module pvpanic). */
export const panicNotifier = device<Record<never, never>>({
  kind: 'panic-notifier',
  parts: () => ({ devices: [{ properties: { driver: 'pvpanic', id: 'pvpanic0' } }] }),
});

/** The watchdog that Linux drives by i6300esb. */
export const watchdog = device<Record<never, never>>({
  kind: 'watchdog',
  parts: () => ({ devices: [{ properties: { driver: 'i6300esb', id: 'watchdog0' } }] }),
});

export const randomness = device<Record<never, never>>({
  kind: 'randomness',
  parts: () => ({
    objects: [{ 'qom-type': 'rng-random', id: 'rng0', filename: '/dev/urandom' }],
    devices: [{ properties: { driver: 'virtio-rng-pci', id: 'rng-device0', rng: 'rng0' } }],
  }),
});
