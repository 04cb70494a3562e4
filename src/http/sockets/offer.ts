/** The consoles' WebSockets as clients are told of them: where they are, what is spoken there, how many there may be. */
import type { SocketPurpose } from './tickets.ts';

export const consoleSockets = {
  serial: { path: '/console/serial', protocol: 'qemu-bmc.serial.v1' },
  screen: { path: '/console/screen', protocol: 'qemu-bmc.screen.v1' },
} as const satisfies Record<SocketPurpose, { readonly path: string; readonly protocol: string }>;

export const maxSockets = 32;
