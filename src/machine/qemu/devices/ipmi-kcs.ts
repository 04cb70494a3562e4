import { device } from './device.ts';

const reconnectSeconds = '1';

/**
 * The system interface: QEMU does the KCS registers and hands whole messages to the BMC, to which it connects. Its
 * firmware tables (ACPI IPI0001, SMBIOS type 38) tell the guest where it is.
 */
export const ipmiKcs = device<Record<never, never>>({
  kind: 'ipmi-kcs',
  parts: (_, run) => ({
    chardevs: [
      { backend: 'socket', options: { id: 'ipmi0', path: run.ipmiSocket, reconnect: reconnectSeconds } },
    ],
    devices: [
      { properties: { driver: 'ipmi-bmc-extern', id: 'bmc0', chardev: 'ipmi0' } },
      { properties: { driver: 'isa-ipmi-kcs', id: 'kcs0', bmc: 'bmc0', irq: 5 } },
    ],
  }),
});
