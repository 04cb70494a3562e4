/**
 * What the program runs by: settings after defaults, files and environment, checked, with every path absolute
 * and every choice made. Plain data, so that it can be handed to the BMC's own process whole.
 */
import type { PrivilegeLevel } from '../bmc/actor.ts';
import type { BootDevice, kcsPolicies, logLevels, restorePolicies, wireBackends } from './schema.ts';

export interface Config {
  readonly profile: 'lab' | 'strict';
  readonly bmc: {
    readonly address: string;
    /** Interface whose addresses clients may change; then `address` is `0.0.0.0` or `::`. */
    readonly managedInterface?: string;
    /** Absolute; may not exist yet. */
    readonly stateDir: string;
    /** Absolute; may not exist yet. Short enough for any socket in it. */
    readonly runDir: string;
    readonly logLevel: (typeof logLevels)[number];
  };
  readonly ipmi: {
    readonly port: number;
    /** Where alerts go. */
    readonly trapPort: number;
    readonly users: readonly ConfigUser[];
    /** True when nobody chose a password and the well-known one is in force. */
    readonly defaultPassword: boolean;
    /** Clients set no shorter passwords. */
    readonly minPasswordBytes: number;
    /** Up to 20 bytes in hexadecimal digits; absent for one-key logins. */
    readonly kgHex?: string;
    /** Preferred first. */
    readonly cipherSuites: readonly number[];
    /** How many at once. */
    readonly maxSessions: number;
    readonly solReplayBytes: number;
    /** Offer IPMI 1.5 sessions. */
    readonly v15: boolean;
    /** What the guest may do on the system interface. */
    readonly kcsPolicy: (typeof kcsPolicies)[number];
    /** Answer an unknown user name as if it were known. */
    readonly hideUserNames: boolean;
  };
  readonly redfish: {
    /** TCP port of HTTPS; 0: Redfish is switched off. */
    readonly port: number;
    /** Of plain HTTP, which only leads to HTTPS; 0 for none. */
    readonly httpPort: number;
    /** Take odd values that real clients send. */
    readonly compatibility: boolean;
    /** Networks (CIDR) that events may be sent to although they are refused otherwise. */
    readonly eventDestinations: readonly string[];
    readonly tlsCert?: string;
    readonly tlsKey?: string;
  };
  /** Where images for virtual media may come from, and how large they may be. */
  readonly media: {
    readonly allow: readonly string[];
    readonly deny: readonly string[];
    readonly maxBytes: number;
    /** Of one image that is read where it is. */
    readonly cacheBytes: number;
    /** Folder of images that are there anyway. */
    readonly library?: string;
  };
  readonly machine: {
    readonly kind: 'qemu' | 'fake';
    readonly name: string;
    readonly memoryMb: number;
    readonly cpus: number;
    /** `auto`: `host` with KVM, `max` without. */
    readonly cpuModel: string;
    readonly disks: readonly Disk[];
    /** Absolute path; absent for an empty drive. */
    readonly cdrom?: string;
    readonly boot: readonly BootDevice[];
    readonly bootMode: 'bios' | 'uefi';
    readonly tpm: boolean;
    readonly networks: readonly Network[];
    /** Interfaces besides eth0 that the container is to get. */
    readonly promisedLinks?: number;
    readonly nicWaitMs: number;
    /** 0: none. */
    readonly vncPort: number;
    readonly kvm: 'auto' | boolean;
    readonly extraArgs: readonly string[];
    /** True when the machine is the demo that comes with the program. */
    readonly demo: boolean;
  };
  readonly power: {
    readonly onAtStart: boolean;
    readonly restorePolicy: (typeof restorePolicies)[number];
    readonly shutdownGraceMs: number;
    /** Whether the machine's power may be limited, where this host has the means. */
    readonly limit: 'auto' | 'off';
  };
}

export interface ConfigUser {
  readonly name: string;
  readonly password: string;
  /** The password is the one in the manual. */
  readonly wellKnownPassword: boolean;
  readonly limit: PrivilegeLevel;
  readonly enabled: boolean;
  readonly sol: boolean;
}

export interface Disk {
  /** Absolute. */
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
}

export type Network = UserNetwork | WireNetwork;

/** A card on an interface of the host. */
export interface WireNetwork {
  readonly backend: (typeof wireBackends)[number];
  /** Which interface; absent: one card for each of eth2, eth3, … that is found. */
  readonly select?: {
    readonly interface?: string;
    /** Lower case. */
    readonly hostMac?: string;
    /** `ADDRESS/PREFIX`. */
    readonly subnet?: string;
  };
  readonly mac?: string;
  readonly queues?: number;
  /** What `auto` comes down to where nothing else works. */
  readonly otherwise?: UserNetwork;
}

/** A card on QEMU's own network. */
export interface UserNetwork {
  readonly backend: 'user';
  readonly mac?: string;
  readonly restrict: boolean;
  /** Absolute. */
  readonly tftp?: string;
  readonly bootFile?: string;
  readonly hostForward: readonly HostForward[];
}

export interface HostForward {
  readonly protocol: 'tcp' | 'udp';
  readonly hostPort: number;
  readonly guestPort: number;
}
