import { describe, expect, it } from 'vitest';
import { accounts, missingGrants, planAccounts } from '../../../src/container/accounts.ts';
import { type Capability, effectiveCapabilities, type Grants } from '../../../src/container/grants.ts';

const dockerDefault: Capability[] = [
  ...(['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID'] as const),
  ...(['SETPCAP', 'NET_BIND_SERVICE', 'MKNOD'] as const),
];

const grants = (capabilities: readonly Capability[], rest: Partial<Grants> = {}): Grants => ({
  capabilities: new Set(capabilities),
  tun: 'absent',
  kvm: 'absent',
  macvtap: 'absent',
  firstFreePort: 0,
  ...rest,
});
const ordinary = { deviceGids: [], rootAlone: false };

describe('who runs what', () => {
  it('gives BMC and QEMU a user each where that is allowed, and QEMU no rights', () => {
    const plan = planAccounts(grants(dockerDefault), ordinary);
    expect(plan).toMatchObject({ separate: true, bmcUid: accounts.bmcUid });
    expect(plan.qemu).toEqual([
      'setpriv',
      `--reuid=${accounts.qemuUid}`,
      `--regid=${accounts.gid}`,
      '--clear-groups',
      '--ambient-caps=-all',
      '--inh-caps=-all',
      '--bounding-set=-all',
      '--no-new-privs',
    ]);
  });

  it('lets the supervisor pass on what the launcher needs, and the BMC keep only its own', () => {
    const plan = planAccounts(grants([...dockerDefault, 'NET_ADMIN']), ordinary);
    const passed = '-all,+net_admin,+mknod,+kill,+net_bind_service,+setuid,+setgid,+setpcap';
    expect(plan.supervisor).toContain(`--ambient-caps=${passed}`);
    const kept = '-all,+net_admin,+mknod,+kill,+net_bind_service';
    for (const set of ['inh-caps', 'ambient-caps', 'bounding-set']) {
      expect(plan.bmc).toContain(`--${set}=${kept}`);
    }
    expect(plan.bmc.join()).not.toMatch(/chown|dac_override|setuid/);
  });

  it('never names a right that was not granted', () => {
    const plan = planAccounts(grants(['SETUID', 'SETGID', 'CHOWN', 'KILL']), ordinary);
    const all = [...plan.supervisor, ...plan.bmc, ...plan.qemu].join(' ');
    expect(all).not.toMatch(/net_admin|mknod|setpcap|net_bind_service|bounding-set/);
    expect(plan.separate).toBe(true);
  });

  it.each(['SETUID', 'SETGID', 'CHOWN', 'KILL'] as const)('has all run as root without %s', (lacking) => {
    const plan = planAccounts(grants(dockerDefault.filter((name) => name !== lacking)), ordinary);
    expect(plan).toMatchObject({ separate: false, bmcUid: 0 });
    expect(plan.qemu).toEqual(expect.arrayContaining(['--no-new-privs', 'capsh', '--caps=']));
    expect([...plan.supervisor, ...plan.bmc, ...plan.qemu].join(' ')).not.toMatch(/reuid|regid/);
  });

  it('has all run as root for a file that root alone can open', () => {
    expect(planAccounts(grants(dockerDefault), { deviceGids: [], rootAlone: true }).separate).toBe(false);
  });

  it('takes away from root what it does not need, where that is allowed', () => {
    const plan = planAccounts(grants(dockerDefault), { deviceGids: [], rootAlone: true });
    expect(plan.bmc).toContain('--bounding-set=-all,+mknod,+kill,+net_bind_service');
    expect(planAccounts(grants(['NET_ADMIN']), ordinary).bmc).toEqual([]);
  });

  it('adds the groups of devices to both users', () => {
    const plan = planAccounts(grants(dockerDefault), { deviceGids: [107, 107, 36], rootAlone: false });
    for (const words of [plan.supervisor, plan.qemu]) expect(words).toContain('--groups=107,36');
  });
});

describe('what was not granted', () => {
  const lines = (given: Grants, port = 623) =>
    missingGrants(given, { ports: [{ protocol: 'UDP', port, setting: 'IPMI_PORT' }] });

  it('is nothing where everything is', () => {
    const all = grants([...dockerDefault, 'NET_ADMIN'], { tun: 'yes', kvm: 'yes', macvtap: 'yes' });
    expect(lines(all)).toEqual([]);
  });

  it('is one line each: what, its cost, its cure', () => {
    const none = lines(grants([], { firstFreePort: 1024 }));
    expect(none).toHaveLength(4);
    expect(none[0]).toMatch(/^no SETUID, SETGID, CHOWN, KILL: .* as root .*\(--cap-add SETUID /);
    expect(none[1]).toMatch(/^no NET_ADMIN: .*user-mode network instead \(--cap-add NET_ADMIN\)$/);
    expect(none[2]).toMatch(/^\/dev\/kvm absent: .* \(--device \/dev\/kvm\)$/);
    expect(none[3]).toMatch(/^no NET_BIND_SERVICE: UDP port 623 cannot/);
  });

  it('names the device rule where a node of macvtap can be made but not opened', () => {
    const without = lines(grants([...dockerDefault, 'NET_ADMIN'], { macvtap: 'forbidden', tun: 'yes' }));
    expect(without.join('\n')).toContain('--device-cgroup-rule "c $(awk');
  });

  it('does not ask for NET_BIND_SERVICE for a port that everybody may have', () => {
    expect(lines(grants([], { firstFreePort: 1024 }), 6230).join()).not.toContain('NET_BIND_SERVICE');
    expect(lines(grants([], { firstFreePort: 0 })).join()).not.toContain('NET_BIND_SERVICE');
  });
});

describe('capabilities of a process', () => {
  it('are read from its effective set', () => {
    // Docker's default, as a container shows it.
    const status =
      'Name:\tbash\nCapInh:\t0000000000000000\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n';
    expect([...effectiveCapabilities(status)].sort()).toEqual([...dockerDefault].sort());
    expect(effectiveCapabilities('CapEff:\t0000000000000000\n').size).toBe(0);
  });

  it('missing from the text are an error, not a lack', () => {
    expect(() => effectiveCapabilities('Name:\tbash\n')).toThrow('no capabilities');
  });
});
