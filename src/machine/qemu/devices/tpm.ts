import { device } from './device.ts';

/** The TPM's command-response buffer, which OVMF, SeaBIOS and Linux drive; behind it is a process of its own. */
export const tpm = device<Record<never, never>>({
  kind: 'tpm',
  parts: (_, run) => ({
    chardevs: [{ backend: 'socket', options: { id: 'tpm-process', path: run.tpmSocket } }],
    tpmdevs: [{ backend: 'emulator', options: { id: 'tpm-backend0', chardev: 'tpm-process' } }],
    devices: [{ properties: { driver: 'tpm-crb', id: 'tpm0', tpmdev: 'tpm-backend0' } }],
  }),
});
