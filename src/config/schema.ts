/**
 * The settings: one schema from which come the type, the defaults, the validation, the JSON schema for editors
 * and the reference page. Each leaf may carry `x-env` (the environment variable that overrides it), `x-unit`,
 * `x-secret` (never shown) and `x-path` (a file's path, relative to the file it stands in).
 *
 * This file says what may be written; `load.ts` reads it and makes of it the `Config` that the program runs by.
 */
import Type, { type Static } from 'typebox';

/** Those that attach a card to an interface of the host. */
export const wireBackends = ['auto', 'macvtap', 'tc', 'bridge'] as const;
export const networkBackends = [...wireBackends, 'user', 'none'] as const;
export const bootOrder = ['disk', 'cdrom', 'pxe'] as const;
export type BootDevice = (typeof bootOrder)[number];
export const logLevels = ['error', 'warn', 'info', 'debug', 'trace'] as const;
/** How far the host's own software is trusted on the system interface. */
export const kcsPolicies = ['full', 'no-users', 'read-only', 'off'] as const;
export const restorePolicies = ['always-off', 'previous', 'always-on'] as const;
/** Cipher suites that may be offered. IPMI 2.0 §22.15.2, Table 22-20; those without authentication are not among them. */
export const cipherSuiteIds = [1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17] as const;

const network = '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$';
const networkExpected = 'an address, or one with a prefix length such as 192.0.2.0/24 or 2001:db8::/64';
const strict = { additionalProperties: false } as const;
const port = { minimum: 1, maximum: 65535 } as const;
const mac = '^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$';
/** Visible text without control characters, so that it can stand in a command line or a table. */
const label = '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$';

const User = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 16,
      pattern: '^[\\x21-\\x39\\x3b-\\x7e]+$',
      description: 'Name to log in with.',
      'x-env': 'IPMI_USER',
      'x-expected': '1 to 16 visible ASCII characters, no colon',
    }),
    password: Type.Optional(
      Type.String({
        description: 'Password of 1 to 20 bytes. IPMI needs it in clear, so keep the file private.',
        'x-env': 'IPMI_PASS',
        'x-secret': true,
      }),
    ),
    passwordFile: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'File whose first line is the password; instead of `password`.',
        'x-env': 'IPMI_PASS_FILE',
        'x-path': true,
      }),
    ),
    privilege: Type.Enum(['callback', 'user', 'operator', 'administrator'], {
      default: 'administrator',
      description: 'The highest privilege level this user can work at.',
    }),
    sol: Type.Boolean({ default: true, description: 'May open Serial-over-LAN.' }),
    enabled: Type.Boolean({ default: true, description: 'May log in.' }),
  },
  strict,
);

const Network = Type.Object(
  {
    backend: Type.Enum([...networkBackends], {
      description:
        'How the card is attached. `macvtap`, `tc`, `bridge`: to an interface of the host (a container’s, as a rule), which `interface`, `hostMac` or `subnet` names; without these, one card for each of eth2, eth3, … that is found. `auto`: the first of these that works, or else `user`. `user`: NAT inside QEMU, needs no rights. `none`: no card, for a machine without a network.',
      'x-expected': `one of ${networkBackends.join(', ')}`,
    }),
    interface: Type.Optional(
      Type.String({
        pattern: '^[^\\s/:,]{1,15}$',
        description: 'Name of the host’s interface, such as `eth2`.',
        'x-expected': 'the name of a network interface, at most 15 characters',
      }),
    ),
    hostMac: Type.Optional(
      Type.String({
        pattern: mac,
        description: 'The host’s interface that has this MAC address, instead of its name.',
        'x-expected': 'a unicast MAC address such as 52:54:00:12:34:56',
      }),
    ),
    subnet: Type.Optional(
      Type.String({
        description: 'The host’s interface that has an address in this subnet, instead of its name.',
        'x-expected': 'an address and a prefix length such as 10.1.0.0/24 or 2001:db8::/64',
      }),
    ),
    queues: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 8,
        description:
          'Pairs of queues of a card on the host’s interface. Default: as many as processors, at most 8.',
      }),
    ),
    mac: Type.Optional(
      Type.String({
        pattern: mac,
        description:
          'MAC address of the card. Default: that of the host’s interface; without one, made from the machine’s UUID.',
        'x-expected': 'a unicast MAC address such as 52:54:00:12:34:56',
      }),
    ),
    restrict: Type.Boolean({
      default: false,
      description:
        '`user` only, also as what `auto` comes down to: cut the guest off from the host and the outside.',
    }),
    tftp: Type.Optional(
      Type.String({
        minLength: 1,
        description: '`user` only: directory served by TFTP, for network boot.',
        'x-path': true,
      }),
    ),
    bootFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 127,
        description: '`user` only: file offered for network boot, relative to `tftp`.',
      }),
    ),
    hostForward: Type.Array(
      Type.String({
        pattern: '^(tcp|udp):[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$',
        'x-expected': 'PROTOCOL:HOST_PORT-GUEST_PORT, such as tcp:2222-22',
      }),
      {
        default: [],
        description: '`user` only: ports of the host that lead to the guest, such as `tcp:2222-22`.',
      },
    ),
  },
  strict,
);

export const settingsSchema = Type.Object(
  {
    profile: Type.Enum(['lab', 'strict'], {
      default: 'lab',
      description:
        '`lab` starts with a well-known password when none is given and says so loudly. `strict` wants a password of at least 12 characters, offers cipher suite 17 alone, refuses `QEMU_EXTRA_ARGS` and does not tell unknown user names from known ones.',
      'x-env': 'PROFILE',
    }),
    bmc: Type.Object(
      {
        address: Type.String({
          default: '127.0.0.1',
          description:
            'The one address, IPv4 or IPv6, that all services of the BMC listen on; `0.0.0.0` means all IPv4 addresses, `::` all of both kinds.',
          'x-env': 'BMC_ADDR',
          'x-expected': 'one IPv4 or IPv6 address',
        }),
        managedInterface: Type.Optional(
          Type.String({
            pattern: '^[^\\s/:.]{1,10}$',
            description:
              'Network interface that belongs to the BMC, such as `eth0`: IPMI clients may set its IPv4 address (also by DHCP), gateway, VLAN, IPv6 addresses and router, and what they set is put in force again at start. Needs the capability CAP_NET_ADMIN, and `0.0.0.0` or `::` as address, since that may change. Default: none; then such settings can be read, not changed.',
            'x-env': 'BMC_MANAGED_INTERFACE',
            'x-expected': 'the name of a network interface, of at most 10 characters and without a dot',
          }),
        ),
        stateDir: Type.Optional(
          Type.String({
            minLength: 1,
            description:
              'Directory for what must survive a restart: identity, event log, boot override, firmware variables. Made with mode 0700. Default: `$XDG_STATE_HOME/qemu-bmc` or `~/.local/state/qemu-bmc`.',
            'x-env': 'STATE_DIR',
            'x-path': true,
          }),
        ),
        runDir: Type.Optional(
          Type.String({
            minLength: 1,
            description:
              'Directory for sockets and the supervisor’s files, emptied at the end. Short, since socket paths are limited. Default: `/run/qemu-bmc-ID` for root, `$XDG_RUNTIME_DIR/qemu-bmc-ID` or `/tmp/qemu-bmc-UID-ID` otherwise, where ID is made from the state directory’s path.',
            'x-env': 'RUN_DIR',
            'x-path': true,
          }),
        ),
        logLevel: Type.Enum([...logLevels], {
          default: 'info',
          description: 'Least important level that is logged.',
          'x-env': 'LOG_LEVEL',
        }),
      },
      { ...strict, default: {} },
    ),
    ipmi: Type.Object(
      {
        port: Type.Integer({
          ...port,
          default: 623,
          description: 'UDP port of IPMI over LAN.',
          'x-env': 'IPMI_PORT',
        }),
        trapPort: Type.Integer({
          ...port,
          default: 162,
          description: 'UDP port that alerts are sent to, as platform event traps.',
          'x-env': 'IPMI_TRAP_PORT',
        }),
        users: Type.Array(User, {
          default: [{ name: 'admin', password: 'password' }],
          minItems: 1,
          maxItems: 15,
          description: 'Who may log in. The environment variables set the first user.',
        }),
        kg: Type.Optional(
          Type.String({
            description:
              'The BMC key K_G of two-key logins: text of up to 20 bytes, or `0x` and up to 40 hexadecimal digits. Without it logins need the password alone.',
            'x-env': 'IPMI_KG',
            'x-secret': true,
          }),
        ),
        cipherSuites: Type.Optional(
          Type.Array(Type.Enum([...cipherSuiteIds]), {
            minItems: 1,
            uniqueItems: true,
            description:
              'Cipher suites on offer, preferred first. Default: 17, 3; in profile `strict` 17 alone. Suites 1, 2, 6, 7, 11, 12, 15 and 16 lack encryption or use weak ciphers.',
            'x-env': 'IPMI_CIPHER_SUITES',
          }),
        ),
        v15: Type.Optional(
          Type.Boolean({
            description:
              'Offer IPMI 1.5 sessions, authenticated by MD5 and not encrypted. FreeIPMI, fence_ipmilan and `ipmitool -I lan` use them unless told otherwise. Default: true; in profile `strict` false.',
            'x-env': 'IPMI_V15',
          }),
        ),
        kcsPolicy: Type.Optional(
          Type.Enum([...kcsPolicies], {
            description:
              'What the guest may do by in-band IPMI, which has no login: `full` everything, `no-users` nothing about users, passwords and channel access, `read-only` no changes at all, `off` no such interface. What clients choose over Redfish later holds until this says something else. Default: full; in profile `strict` no-users.',
            'x-env': 'KCS_POLICY',
          }),
        ),
        maxSessions: Type.Integer({
          minimum: 1,
          maximum: 16384,
          default: 64,
          description:
            'How many sessions there may be at once. Those beyond 254 have no session handle: their ID alone names them.',
          'x-env': 'IPMI_MAX_SESSIONS',
        }),
        solReplay: Type.Integer({
          minimum: 0,
          maximum: 262144,
          default: 0,
          description: 'How much of the console’s history a Serial-over-LAN session shows when it opens.',
          'x-env': 'SOL_REPLAY',
          'x-unit': 'bytes',
        }),
      },
      { ...strict, default: {} },
    ),
    redfish: Type.Object(
      {
        port: Type.Integer({
          minimum: 0,
          maximum: 65535,
          default: 443,
          description: 'TCP port of Redfish, over HTTPS; 0 switches Redfish off.',
          'x-env': 'REDFISH_PORT',
        }),
        httpPort: Type.Integer({
          minimum: 0,
          maximum: 65535,
          default: 0,
          description:
            'TCP port of plain HTTP, which sends readers (GET, HEAD) to HTTPS and refuses all else; 0 for none.',
          'x-env': 'REDFISH_HTTP_PORT',
        }),
        eventDestinations: Type.Array(
          Type.String({
            pattern: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$',
            'x-expected': 'a network such as 10.0.0.0/8 or fd00::/8, or an address',
          }),
          {
            default: [],
            maxItems: 32,
            description:
              'Networks that events may be sent to although they are refused otherwise: loopback and link-local addresses, and those of this host.',
            'x-env': 'REDFISH_EVENT_DESTINATIONS',
          },
        ),
        tlsCert: Type.Optional(
          Type.String({
            minLength: 1,
            description:
              'Certificate of Redfish in PEM form, followed by those between it and its root. Without it the server makes one of its own, once.',
            'x-env': 'TLS_CERT',
            'x-path': true,
          }),
        ),
        tlsKey: Type.Optional(
          Type.String({
            minLength: 1,
            description: 'Private key of the certificate in PEM form, not encrypted.',
            'x-env': 'TLS_KEY',
            'x-path': true,
          }),
        ),
        compatibility: Type.Optional(
          Type.Boolean({
            description:
              'Take what widespread clients send although Redfish does not know it: `Enabled` for `Continuous`, `On` for `Lit`, the manager’s ResetType `Reset`, JSON without its Content-Type. Default: true; in profile `strict` false.',
            'x-env': 'REDFISH_COMPATIBILITY',
          }),
        ),
        media: Type.Object(
          {
            allow: Type.Array(Type.String({ pattern: network, 'x-expected': networkExpected }), {
              default: [],
              description:
                'Networks that images for virtual media may be fetched from although they are refused otherwise: loopback, link-local and multicast addresses and those of the BMC itself always are.',
              'x-env': 'MEDIA_ALLOW',
            }),
            deny: Type.Array(Type.String({ pattern: network, 'x-expected': networkExpected }), {
              default: [],
              description:
                'Networks that no images are fetched from. `0.0.0.0/0` and `::/0` leave those of `allow` alone.',
              'x-env': 'MEDIA_DENY',
            }),
            maxSize: Type.Integer({
              minimum: 1,
              maximum: 1048576,
              default: 16384,
              description:
                'Largest image for virtual media, fetched or uploaded. They are kept in the state directory.',
              'x-env': 'MEDIA_MAX_SIZE',
              'x-unit': 'MB',
            }),
            cacheSize: Type.Integer({
              minimum: 16,
              maximum: 1048576,
              default: 512,
              description:
                'How much is kept, in the state directory, of an image that is read from its server as the machine asks for it; of each slot.',
              'x-env': 'MEDIA_CACHE_SIZE',
              'x-unit': 'MB',
            }),
            library: Type.Optional(
              Type.String({
                minLength: 1,
                description:
                  'Folder whose images can be inserted as `file:NAME`, without being copied. Default: none.',
                'x-env': 'MEDIA_LIBRARY',
                'x-path': true,
              }),
            ),
          },
          { ...strict, default: {} },
        ),
      },
      { ...strict, default: {} },
    ),
    machine: Type.Object(
      {
        kind: Type.Enum(['qemu', 'fake'], {
          default: 'qemu',
          description:
            '`qemu`: a real machine. `fake`: one that exists in memory only, to develop with; it needs neither QEMU nor rights.',
        }),
        name: Type.String({
          pattern: label,
          default: 'demo',
          description: 'Name of the machine.',
          'x-env': 'VM_NAME',
          'x-expected':
            '1 to 63 letters, digits, blanks, dots, underscores or hyphens, a letter or digit first',
        }),
        memory: Type.Integer({
          minimum: 64,
          maximum: 16777216,
          default: 512,
          description: 'Memory of the machine.',
          'x-env': 'VM_MEMORY',
          'x-unit': 'MB',
        }),
        cpus: Type.Integer({
          minimum: 1,
          maximum: 255,
          default: 1,
          description: 'Number of processors.',
          'x-env': 'VM_CPUS',
        }),
        cpuModel: Type.String({
          default: 'auto',
          pattern: '^[A-Za-z0-9][A-Za-z0-9._+=-]*(,[A-Za-z0-9._+=-]+)*$',
          description:
            'QEMU’s name of the processor model, with features if wanted (`Skylake-Server,-avx512f`). `auto`: `host` with KVM, `max` without.',
          'x-env': 'VM_CPU_MODEL',
          'x-expected': 'auto, or a processor model of QEMU such as max or Skylake-Server',
        }),
        disks: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), {
            maxItems: 16,
            description:
              'Disk images or block devices, the first is `disk` to the boot order. The format (qcow2 or raw) is told by the file’s first bytes; append `:qcow2` or `:raw` to fix it. `none` alone means no disk. Default: the demo machine’s disk.',
            'x-env': 'VM_DISK',
            'x-path': true,
          }),
        ),
        cdrom: Type.Optional(
          Type.String({
            minLength: 1,
            description:
              'ISO image in a CD drive of its own, beside the one for virtual media. `none` means no such drive. Default: the demo machine’s image when its disk is used.',
            'x-env': 'VM_CDROM',
            'x-path': true,
          }),
        ),
        boot: Type.Array(Type.Enum([...bootOrder]), {
          default: ['disk', 'cdrom', 'pxe'],
          minItems: 1,
          uniqueItems: true,
          description:
            'Boot order when no override is in force. The classic letters are understood, too: `c` disk, `d` cdrom, `n` pxe, also together as in `cdn`.',
          'x-env': 'VM_BOOT',
        }),
        bootMode: Type.Enum(['bios', 'uefi'], {
          default: 'bios',
          description: 'Firmware.',
          'x-env': 'VM_BOOT_MODE',
        }),
        tpm: Type.Boolean({
          default: false,
          description:
            'A TPM 2.0, emulated by swtpm. What it keeps is in the state directory, and stays there while the machine is without it.',
          'x-env': 'VM_TPM',
        }),
        networks: Type.Optional(
          Type.Array(Network, {
            maxItems: 16,
            description:
              'Network cards, in order. The variable takes a list of `BACKEND` or `BACKEND:WHICH`, where WHICH is the name, MAC address or subnet of the host’s interface: `auto`, `user,user`, `macvtap:eth2,tc:eth3`, `auto:aa:c1:ab:00:00:02`, `bridge:10.1.0.0/24`. Default: `auto` where CLAB_INTFS is set, else one card with backend `user`.',
            'x-env': 'VM_NETWORKS',
          }),
        ),
        promisedLinks: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 1024,
            description:
              'How many interfaces besides eth0 the container is to get, eth1 included: the machine’s power-on waits for them. containerlab sets the variable. Without it, power-on waits until no more have come for a second.',
            'x-env': 'CLAB_INTFS',
          }),
        ),
        nicWait: Type.Integer({
          minimum: 0,
          maximum: 3600,
          default: 60,
          description:
            'How long power-on waits for interfaces that are named or promised. Then the machine starts without those that lack, and the event log says so.',
          'x-env': 'NIC_WAIT',
          'x-unit': 'seconds',
        }),
        vncPort: Type.Integer({
          minimum: 0,
          maximum: 65535,
          default: 0,
          description:
            'TCP port for VNC on the BMC’s address, without a password. 0: a unix socket in the run directory only.',
          'x-env': 'VNC_PORT',
          'x-expected': '0, or a port from 5900 to 65535',
        }),
        kvm: Type.Union([Type.Literal('auto'), Type.Boolean()], {
          default: 'auto',
          description:
            'Hardware acceleration. `auto` tries it out with a small guest and falls back to emulation; `true` makes it an error when it does not work.',
          'x-env': 'ENABLE_KVM',
          'x-expected': 'auto, true or false',
        }),
        extraArgs: Type.String({
          default: '',
          description:
            'For experts: more words for QEMU’s command line, split as a shell splits them. Not in profile `strict`.',
          'x-env': 'QEMU_EXTRA_ARGS',
        }),
      },
      { ...strict, default: {} },
    ),
    power: Type.Object(
      {
        onAtStart: Type.Boolean({
          default: true,
          description: 'Power the machine on when the appliance starts, whatever the restore policy says.',
          'x-env': 'POWER_ON_AT_START',
        }),
        restorePolicy: Type.Enum([...restorePolicies], {
          default: 'always-off',
          description: 'What the machine does when power returns, or after it crashed.',
          'x-env': 'POWER_RESTORE_POLICY',
        }),
        limit: Type.Enum(['auto', 'off'], {
          default: 'auto',
          description:
            'Whether clients can limit the machine’s power (DCMI), which holds down the processor time of QEMU. `auto`: where this host has a control group for processors that the BMC may divide (`cpu.max`, or `cpu.cfs_quota_us` of version 1), as it has for root; otherwise, and with `off`, limits are refused.',
          'x-env': 'POWER_LIMIT',
        }),
        shutdownGrace: Type.Integer({
          minimum: 0,
          maximum: 3600,
          default: 30,
          description:
            'How long the guest may take to shut down when the appliance stops, before it is switched off.',
          'x-env': 'SHUTDOWN_GRACE',
          'x-unit': 'seconds',
        }),
      },
      { ...strict, default: {} },
    ),
  },
  { ...strict, title: 'qemu-bmc configuration' },
);

/** What a file may say, after defaults. */
export type Settings = Static<typeof settingsSchema>;

/** The part of a JSON schema that this program uses to walk the settings. */
export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly enum?: readonly (string | number)[];
  readonly anyOf?: readonly SchemaNode[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly 'x-env'?: string;
  readonly 'x-unit'?: string;
  readonly 'x-secret'?: boolean;
  readonly 'x-path'?: boolean;
  readonly 'x-expected'?: string;
}

export interface Leaf {
  /** Dotted, list items as `[]`: `ipmi.users[].name`. */
  readonly path: string;
  readonly schema: SchemaNode;
  readonly optional: boolean;
}

/** All settings that hold a value themselves, in the order in which they are declared. */
export function settingsLeaves(): Leaf[] {
  const leaves: Leaf[] = [];
  walk(settingsSchema as SchemaNode, '', false);
  return leaves;

  function walk(schema: SchemaNode, path: string, optional: boolean): void {
    if (schema.properties) {
      for (const [key, child] of Object.entries(schema.properties)) {
        const absent = !(schema.required ?? []).includes(key);
        walk(child, path ? `${path}.${key}` : key, absent);
      }
      return;
    }
    const lists = schema.items?.properties !== undefined;
    if (!lists || schema['x-env'] !== undefined) leaves.push({ path, schema, optional });
    if (lists && schema.items) walk(schema.items, `${path}[]`, false);
  }
}

/** What a value must be, in words: `an integer from 1 to 65535`. */
export function expectation(schema: SchemaNode): string {
  if (schema['x-expected']) return schema['x-expected'];
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (schema.anyOf) return schema.anyOf.map(expectation).join(' or ');
  switch (schema.type) {
    case 'integer':
      return `an integer from ${schema.minimum ?? '-∞'} to ${schema.maximum ?? '∞'}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text that is not empty';
    case 'array': {
      const from = schema.minItems ?? 0;
      const count = schema.maxItems === undefined ? '' : ` of ${from} to ${schema.maxItems}`;
      const item = schema.items?.enum ? `, each ${expectation(schema.items)}, none twice` : '';
      return `${from > 0 && !count ? 'a list that is not empty' : `a list${count}`}${item}`;
    }
    default:
      return 'a mapping of settings';
  }
}
