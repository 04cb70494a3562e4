import { afterEach, describe, expect, it } from 'vitest';
import type { NetworkControl, NetworkSettings } from '../../../src/bmc/management-network.ts';
import { tester } from '../../support/actors.ts';
import { RedfishBench, type RedfishBenchOptions } from '../../support/redfish-bench.ts';

const manager = '/redfish/v1/Managers/1';
const network = `${manager}/EthernetInterfaces/1`;

let bench: RedfishBench;
async function start(options: RedfishBenchOptions = {}) {
  bench = new RedfishBench(options);
  await bench.start();
  return bench;
}
afterEach(() => bench.stop());

const patch = (url: string, body: unknown) => bench.ask('PATCH', url, { body });
const get = async (url: string) => (await bench.ask('GET', url)).body;

describe('the manager’s clock', () => {
  it('is that of the SEL, in the local time that IPMI knows', async () => {
    await start();
    const set = await patch(manager, {
      DateTime: '2030-01-02T03:04:05+01:00',
      DateTimeLocalOffset: '-02:30',
    });
    expect(set.body).toMatchObject({ DateTime: '2030-01-01T23:34:05-02:30', DateTimeLocalOffset: '-02:30' });
    expect(bench.bmc.sel.time).toBe(Date.UTC(2030, 0, 2, 2, 4, 5) / 1000);
    expect(bench.bmc.sel.utcOffsetMinutes).toBe(-150);
    bench.bmc.sel.setTime(Date.UTC(2031, 5, 1) / 1000, tester);
    bench.bmc.sel.setUtcOffset(undefined, tester);
    expect((await get(manager)).DateTime).toBe('2031-06-01T00:00:00+00:00');
  });

  it.each([
    'tomorrow',
    '2030-13-01T00:00:00Z',
    '2030-01-02T03:04:05',
    '1969-12-31T23:59:59Z',
    '2107-01-01T00:00:00Z',
  ])('is not set to %s', async (DateTime) => {
    await start();
    const before = bench.bmc.sel.time;
    expect((await patch(manager, { DateTime })).status).toBe(400);
    expect(bench.bmc.sel.time).toBe(before);
  });
});

describe('the manager', () => {
  it('shows the identification that its owner gave it, in the root too', async () => {
    await start();
    await patch(manager, { ServiceIdentification: 'rack 7' });
    expect((await get(manager)).ServiceIdentification).toBe('rack 7');
    expect((await get('/redfish/v1')).ServiceIdentification).toBe('rack 7');
  });

  it('tells of the consoles that are there', async () => {
    await start();
    expect(await get(manager)).toMatchObject({
      GraphicalConsole: { ServiceEnabled: true, ConnectTypesSupported: ['Oem'] },
      CommandShell: { ServiceEnabled: false },
      SerialConsole: { ServiceEnabled: true, ConnectTypesSupported: ['IPMI', 'Oem'] },
    });
    bench.bmc.sol.update({ enabled: false }, tester);
    expect((await get(manager)).SerialConsole.ConnectTypesSupported).toEqual(['Oem']);
  });

  it('asks for a start of the BMC anew, warm or cold', async () => {
    await start();
    const kinds: string[] = [];
    bench.bmc.onResetRequest(({ kind }) => kinds.push(kind));
    for (const ResetType of ['GracefulRestart', 'ForceRestart']) {
      const reply = await bench.ask('POST', `${manager}/Actions/Manager.Reset`, { body: { ResetType } });
      expect(reply.status).toBe(204);
    }
    expect(kinds).toEqual(['warm', 'cold']);
  });
});

describe('what the host may do', () => {
  const policyIn = (QemuBmc: object) => ({ body: { Oem: { QemuBmc } } });

  it('is read and changed as the system interface policy, and shows in the system', async () => {
    await start();
    const { Oem } = (await bench.ask('GET', manager)).body;
    expect(Oem.QemuBmc).toMatchObject({
      '@odata.type': '#QemuBmcManager.v1_0_0.QemuBmcManager',
      SystemInterfacePolicy: 'full',
    });
    const wish = policyIn({ SystemInterfacePolicy: 'off' });
    expect((await bench.ask('PATCH', manager, { ...wish, as: 'operator' })).status).toBe(403);
    expect(bench.bmc.hostAccess.policy).toBe('full');
    expect((await bench.ask('PATCH', manager, wish)).status).toBe(200);
    expect(bench.bmc.hostAccess.policy).toBe('off');
    const system = async () => (await bench.ask('GET', '/redfish/v1/Systems/1')).body;
    expect((await system()).IPMIHostInterface).toEqual({ ServiceEnabled: false });
    bench.bmc.resetToDefaults('preserve-network-and-users', { name: 'bench', face: 'bmc' });
    expect((await system()).IPMIHostInterface).toEqual({ ServiceEnabled: true });
  });

  it('is refused where it is no policy, or no setting', async () => {
    await start();
    const bad = [
      [{ SystemInterfacePolicy: 'some' }, 'PropertyValueNotInList'],
      [{ SystemInterfacePolicy: null }, 'PropertyValueTypeError'],
      [{ Profile: 'strict' }, 'PropertyNotWritable'],
      [{ Colour: 'red' }, 'PropertyUnknown'],
    ] as const;
    for (const [wish, told] of bad) {
      const reply = await bench.ask('PATCH', manager, policyIn(wish));
      expect([wish, reply.status]).toEqual([wish, 400]);
      expect(reply.text).toContain(`.${told}"`);
    }
    expect(bench.bmc.hostAccess.policy).toBe('full');
  });
});

describe('a reset to defaults', () => {
  const actor = { name: 'bench', face: 'bmc' } as const;
  const reset = (ResetType: string) =>
    bench.ask('POST', `${manager}/Actions/Manager.ResetToDefaults`, { body: { ResetType } });

  async function changed() {
    await start();
    const { bmc } = bench;
    bmc.power.request('on', actor);
    await bench.clock.advance(10_000);
    bmc.boot.set({ target: 'pxe', persistent: true }, actor);
    bmc.sol.update({ enabled: false }, tester);
    bmc.pef.update({ enabled: false }, tester);
    bmc.power.setRestorePolicy('always-on', actor);
    bmc.frontPanel.disable(new Set(['power']), actor);
    bmc.sensors.analog('cpuTemp').configure({ thresholds: { 'upper-critical': 60 } }, tester);
    bmc.lan.update({ community: 'secret' }, actor);
    bmc.lan.setAccess({ mode: 'disabled' }, actor);
    bmc.users.update(
      5,
      { name: 'eve', password: Buffer.from('eve'), limit: 'operator', enabled: true },
      actor,
    );
    bmc.users.update(4, { password: Buffer.from('changed') }, actor);
    await patch('/redfish/v1/SessionService', { SessionTimeout: 60 });
    await patch(manager, { ServiceIdentification: 'rack 7' });
    bmc.asset.setTag('inventory 1', tester);
    const resets: string[] = [];
    bmc.onResetRequest(({ kind }) => resets.push(kind));
    return resets;
  }

  it('of everything leaves what is configured, and the machine as it is', async () => {
    const resets = await changed();
    const { bmc } = bench;
    const events = bmc.events.list().length;
    expect((await reset('ResetAll')).status).toBe(204);
    expect(bmc.boot.override).toBeUndefined();
    expect(bmc.sol.configuration.enabled).toBe(true);
    expect(bmc.pef.settings.enabled).toBe(true);
    expect(bmc.power.restorePolicy).toBe('always-off');
    expect([...bmc.frontPanel.disabled]).toEqual([]);
    const sensor = bmc.sensors.analog('cpuTemp');
    expect(sensor.settings).toEqual(sensor.factorySettings);
    expect(bmc.lan.configuration.community).toBe('public');
    expect(bmc.lan.access.mode).toBe('always');
    expect(bmc.users.list().map(({ name }) => name)).toEqual(['admin', 'operator', 'reader']);
    expect(Buffer.from(bmc.users.get(4)?.password ?? []).toString()).toBe('reader');
    expect(bench.sessions.idleTimeoutS).toBe(1800);
    expect((await get(manager)).ServiceIdentification).toBe('');
    // What is no setting stays.
    expect(bmc.power.state).toBe('on');
    expect(bmc.asset.tag).toBe('inventory 1');
    expect(bmc.events.list().length).toBeGreaterThan(events);
    expect(resets).toEqual(['cold']);
  });

  it('can leave network and users alone', async () => {
    await changed();
    await reset('PreserveNetworkAndUsers');
    expect(bench.bmc.sol.configuration.enabled).toBe(true);
    expect(bench.bmc.lan.configuration.community).toBe('secret');
    expect(bench.bmc.lan.access.mode).toBe('disabled');
    expect(bench.bmc.users.findByName('eve')).toBeDefined();
    await reset('PreserveNetwork');
    expect(bench.bmc.lan.configuration.community).toBe('secret');
    expect(bench.bmc.users.findByName('eve')).toBeUndefined();
  });

  it('ends the sessions of users that are no longer there', async () => {
    await changed();
    const login = await bench.ask('POST', '/redfish/v1/SessionService/Sessions', {
      body: { UserName: 'eve', Password: 'eve' },
      as: undefined,
    });
    const headers = { 'x-auth-token': login.headers['x-auth-token'] ?? '' };
    expect((await bench.ask('GET', manager, { headers, as: undefined })).status).toBe(200);
    await reset('ResetAll');
    expect((await bench.ask('GET', manager, { headers, as: undefined })).status).toBe(401);
  });

  it('names what it leaves, or does nothing', async () => {
    await changed();
    expect((await bench.ask('POST', `${manager}/Actions/Manager.ResetToDefaults`)).status).toBe(400);
    expect((await reset('Everything')).status).toBe(400);
    expect(bench.bmc.boot.override).toBeDefined();
  });
});

describe('the network interface', () => {
  const settings: NetworkSettings = {
    source: 'static',
    address: '192.0.2.2',
    mask: '255.255.255.0',
    gateway: '192.0.2.1',
    vlan: { id: 0, enabled: false, priority: 0 },
    static6: [null, null, null, null],
    router6: '::',
  };
  function control() {
    const applied: NetworkSettings[] = [];
    const networkControl: NetworkControl = {
      dhcp: true,
      ipv6: true,
      settings: async () => settings,
      apply: async (wanted) => void applied.push(wanted),
      stop: async () => undefined,
    };
    return { applied, networkControl };
  }

  it('is shown as IPMI shows it', async () => {
    await start();
    expect(await get(network)).toMatchObject({
      MACAddress: '52:54:00:12:34:56',
      DHCPv4: { DHCPEnabled: false },
      IPv4Addresses: [
        { Address: '192.0.2.2', SubnetMask: '255.255.255.0', Gateway: '192.0.2.1', AddressOrigin: 'Static' },
      ],
      IPv6Addresses: [
        { Address: '2001:db8::2', PrefixLength: 64, AddressOrigin: 'Static', AddressState: 'Preferred' },
      ],
      IPv6DefaultGateway: 'fe80::1',
      VLAN: { VLANEnable: false },
    });
  });

  it('is changed where the configuration leaves it to clients, whole and a moment later', async () => {
    const { applied, networkControl } = control();
    await start({ networkControl });
    const reply = await patch(network, {
      IPv4StaticAddresses: [{ Address: '192.0.2.9', Gateway: '192.0.2.254' }],
      VLAN: { VLANEnable: true, VLANId: 7 },
      IPv6StaticAddresses: [{ Address: '2001:db8::9', PrefixLength: 64 }, {}],
    });
    expect(reply.status).toBe(200);
    expect(reply.body.IPv4Addresses[0]).toMatchObject({ Address: '192.0.2.9', Gateway: '192.0.2.254' });
    await bench.clock.advance(5000);
    expect(applied).toEqual([
      {
        ...settings,
        address: '192.0.2.9',
        gateway: '192.0.2.254',
        vlan: { id: 7, enabled: true, priority: 0 },
        static6: [{ address: '2001:db8::9', prefixLength: 64 }, null, null, null],
      },
    ]);
  });

  it.each([
    [{ IPv4StaticAddresses: [{ Address: '300.1.1.1' }] }],
    [{ IPv4StaticAddresses: [null] }],
    [{ IPv6StaticAddresses: [{ Address: '2001:db8::9' }] }],
    [{ VLAN: { VLANId: 5000 } }],
    [{ MACAddress: '52:54:00:00:00:01' }],
  ])('is not changed to %j', async (body) => {
    const { applied, networkControl } = control();
    await start({ networkControl });
    expect((await patch(network, body)).status).toBe(400);
    await bench.clock.advance(5000);
    expect(applied).toEqual([]);
  });

  it('is told value by value which of what was sent is no possible one', async () => {
    const { applied, networkControl } = control();
    await start({ networkControl });
    const reply = await patch(network, {
      IPv4StaticAddresses: [{ Address: '999.1.2.3', SubnetMask: '255.0.255.0', Gateway: '192.0.2.1' }],
      IPv6StaticAddresses: [
        { Address: '2001:db8::9', PrefixLength: 64 },
        { Address: 'zz::1', PrefixLength: 64 },
      ],
      IPv6StaticDefaultGateways: [{ Address: 'ff02::2' }],
      VLAN: { VLANEnable: true, VLANId: 0 },
    });
    expect(reply.status).toBe(400);
    const told: { RelatedProperties: string[]; MessageArgs: string[] }[] =
      reply.body.error['@Message.ExtendedInfo'];
    expect(
      told.map(({ RelatedProperties: [pointer], MessageArgs: [value] }) => [pointer, value]).sort(),
    ).toEqual([
      ['#/IPv4StaticAddresses/0/Address', '999.1.2.3'],
      ['#/IPv4StaticAddresses/0/SubnetMask', '255.0.255.0'],
      ['#/IPv6StaticAddresses/1/Address', 'zz::1'],
      ['#/IPv6StaticDefaultGateways/0/Address', 'ff02::2'],
      ['#/VLAN/VLANId', '0'],
    ]);
    await bench.clock.advance(5000);
    expect(applied).toEqual([]);
  });

  it('is not changed where it is the host’s, which no credentials help against', async () => {
    await start();
    expect((await get(manager)).Oem.QemuBmc.NetworkWritable).toBe(false);
    const reply = await patch(network, { DHCPv4: { DHCPEnabled: true }, VLAN: { VLANId: 3 } });
    expect(reply.status).toBe(400);
    expect(reply.body.error['@Message.ExtendedInfo']).toMatchObject(
      ['DHCPv4', 'VLAN'].map((name) => ({
        MessageId: expect.stringMatching(/\.PropertyNotWritable$/),
        Message: expect.stringContaining('BMC_MANAGED_INTERFACE'),
        RelatedProperties: [`#/${name}`],
      })),
    );
  });

  it('says so before it is tried where it can be changed', async () => {
    await start(control());
    expect((await get(manager)).Oem.QemuBmc.NetworkWritable).toBe(true);
  });
});

describe('the services of the manager', () => {
  it('name their ports, and IPMI over LAN is opened and closed', async () => {
    await start();
    const protocol = `${manager}/NetworkProtocol`;
    expect(await get(protocol)).toMatchObject({
      HostName: 'bench',
      FQDN: 'bench.example',
      HTTPS: { ProtocolEnabled: true, Port: 443 },
      IPMI: { ProtocolEnabled: true, Port: 623 },
      KVMIP: { ProtocolEnabled: false },
      SSH: { ProtocolEnabled: false },
    });
    const closed = await patch(protocol, { IPMI: { ProtocolEnabled: false } });
    expect(closed.body.IPMI).toEqual({ ProtocolEnabled: false, Port: 623 });
    expect(bench.bmc.lan.access.mode).toBe('disabled');
    expect(bench.bmc.lan.configuration.access.mode).toBe('disabled');
    await patch(protocol, { IPMI: { ProtocolEnabled: true } });
    expect(bench.bmc.lan.access.mode).toBe('always');
    for (const body of [{ SSH: { ProtocolEnabled: true } }, { IPMI: { Port: 1000 } }, { HostName: 'x' }]) {
      expect((await patch(protocol, body)).status, JSON.stringify(body)).toBe(400);
    }
  });
});

describe('the serial interface', () => {
  it('is Serial-over-LAN, with its rate and its switch', async () => {
    await start();
    const serial = `${manager}/SerialInterfaces/1`;
    expect(await get(serial)).toMatchObject({ BitRate: '115200', InterfaceEnabled: true });
    await patch(serial, { BitRate: '9600', InterfaceEnabled: false });
    expect(bench.bmc.sol.configuration).toMatchObject({ bitRate: '9.6', enabled: false });
    expect(bench.bmc.sol.volatileBitRate).toBe('9.6');
    bench.bmc.sol.setVolatileBitRate('38.4', tester);
    expect((await get(serial)).BitRate).toBe('38400');
    expect((await patch(serial, { BitRate: '300' })).status).toBe(400);
    expect((await patch(serial, { Parity: 'Even' })).status).toBe(400);
  });
});
