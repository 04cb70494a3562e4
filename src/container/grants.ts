/**
 * What this container may do: capabilities, devices, writable places. Only looks, and changes nothing; what follows
 * from it is decided in `accounts.ts`. Linux.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bit numbers of linux/capability.h, of those that matter here. */
const capabilityBits = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  MKNOD: 27,
} as const;
export type Capability = keyof typeof capabilityBits;

/** Whether a device can be used: `yes`, `absent`, or why not. */
export type DeviceGrant = 'yes' | 'absent' | 'forbidden';

export interface Grants {
  readonly capabilities: ReadonlySet<Capability>;
  readonly tun: DeviceGrant;
  readonly kvm: DeviceGrant;
  /** Opening a device node of macvtap that we make ourselves; `absent` where the kernel has no macvtap. */
  readonly macvtap: DeviceGrant;
  /** Ports below this one need NET_BIND_SERVICE. */
  readonly firstFreePort: number;
}

/** @param scratch directories to make a device node in for a moment; those that are not there are passed over */
export function lookAtGrants(scratch: readonly string[]): Grants {
  return {
    capabilities: effectiveCapabilities(readFileSync('/proc/self/status', 'latin1')),
    tun: device('/dev/net/tun'),
    kvm: device('/dev/kvm'),
    macvtap: macvtap(scratch),
    firstFreePort: firstFreePort(),
  };
}

/** @param status text of /proc/PID/status */
export function effectiveCapabilities(status: string): Set<Capability> {
  const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (digits === undefined) throw new Error('/proc/self/status tells no capabilities');
  const bits = BigInt(`0x${digits}`);
  return new Set(
    Object.entries(capabilityBits).flatMap(([name, bit]) =>
      (bits >> BigInt(bit)) & 1n ? [name as Capability] : [],
    ),
  );
}

function device(path: string): DeviceGrant {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isCharacterDevice()) return 'absent';
  return opens(path);
}

/** A container's device rules show only when a node is opened: ENODEV and the like come from the driver behind it. */
function opens(path: string): DeviceGrant {
  try {
    closeSync(openSync(path, 'r+'));
    return 'yes';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EPERM' || code === 'EACCES' ? 'forbidden' : 'yes';
  }
}

function macvtap(scratch: readonly string[]): DeviceGrant {
  const major = /^\s*(\d+) macvtap$/m.exec(readFileSync('/proc/devices', 'latin1'))?.[1];
  if (major === undefined) return 'absent';
  // A file system mounted with `nodev` makes nodes and opens none: another one may.
  return scratch.some((folder) => opensNodeIn(folder, major)) ? 'yes' : 'forbidden';
}

function opensNodeIn(folder: string, major: string): boolean {
  const node = join(folder, `macvtap-${process.pid}`);
  try {
    execFileSync('mknod', ['-m', '600', node, 'c', major, '0'], { stdio: 'ignore' });
    return opens(node) === 'yes';
  } catch {
    return false;
  } finally {
    rmSync(node, { force: true });
  }
}

/** Docker lets everybody have all ports; other engines leave the kernel's 1024. */
function firstFreePort(): number {
  const path = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  try {
    accessSync(path, constants.R_OK);
    return Number(readFileSync(path, 'latin1'));
  } catch {
    return 1024;
  }
}
