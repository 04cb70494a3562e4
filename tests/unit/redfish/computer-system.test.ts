/** The system: its resets, its watchdog, how far its start has come, its parts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tester } from '../../support/actors.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

const uri = '/redfish/v1/Systems/1';
const resetUri = `${uri}/Actions/ComputerSystem.Reset`;

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const get = async (path = '') => (await bench.ask('GET', `${uri}${path}`)).body;
const patch = (body: object) => bench.ask('PATCH', uri, { body });
async function reset(ResetType: string): Promise<number> {
  const { status } = await bench.ask('POST', resetUri, { body: { ResetType } });
  await bench.clock.advanceAsync(2_000, 100);
  return status;
}

describe('resets', () => {
  it('are those that ActionInfo lists', async () => {
    const system = await get();
    const action = system.Actions['#ComputerSystem.Reset'];
    const all = [
      ...['On', 'ForceOn', 'ForceOff', 'GracefulShutdown', 'GracefulRestart', 'ForceRestart', 'PowerCycle'],
      ...['Nmi', 'PushPowerButton', 'Pause', 'Resume'],
    ];
    expect([...action['ResetType@Redfish.AllowableValues']].sort()).toEqual([...all].sort());
    const info = (await bench.ask('GET', action['@Redfish.ActionInfo'])).body;
    expect([...info.Parameters[0].AllowableValues].sort()).toEqual([...all].sort());
  });

  it('to the present state are accepted and change nothing', async () => {
    expect(await reset('ForceOff')).toBe(204);
    expect(await reset('GracefulShutdown')).toBe(204);
    expect(await reset('On')).toBe(204);
    expect(await reset('On')).toBe(204);
    expect(await reset('Resume')).toBe(204);
    expect(await reset('Pause')).toBe(204);
    expect(await reset('Pause')).toBe(204);
    expect((await get()).PowerState).toBe('Paused');
    expect(bench.machine.boots.length).toBe(1);
  });

  it('that need a machine that is on are refused while it is off, which stays so', async () => {
    for (const type of ['ForceRestart', 'GracefulRestart', 'PowerCycle', 'Nmi', 'Pause', 'Resume']) {
      expect([type, await reset(type)]).toEqual([type, 409]);
    }
    const { body } = await bench.ask('POST', resetUri, { body: { ResetType: 'ForceRestart' } });
    expect(body.error.code).toMatch(/ChassisPowerStateOnRequired$/);
    expect((await get()).PowerState).toBe('Off');
  });

  it('restart a guest in an orderly way, and say when that was', async () => {
    await reset('On');
    const { LastResetTime: first } = await get();
    bench.machine.faults.shutdownMs = 1_000;
    expect(await reset('GracefulRestart')).toBe(204);
    expect(bench.machine.counts.powerButtonPresses).toBe(1);
    expect(bench.machine.boots.length).toBe(2);
    const { PowerState, LastResetTime } = await get();
    expect(PowerState).toBe('On');
    expect(Date.parse(LastResetTime)).toBeGreaterThan(Date.parse(first));
  });
});

describe('the system', () => {
  it('shows how far its start has come', async () => {
    const stage = async () => (await get()).BootProgress.LastState;
    expect(await stage()).toBe('None');
    bench.bmc.power.request('on', { name: 'bench', face: 'bmc' });
    await bench.clock.advanceAsync(2_000, 100);
    expect(await stage()).toBe('OSRunning');
    await patch({ Boot: { BootSourceOverrideTarget: 'BiosSetup' } });
    await reset('ForceRestart');
    expect(await stage()).toBe('PrimaryProcessorInitializationStarted');
    bench.machine.print('\r\nSelect boot device:\r\n');
    expect(await stage()).toBe('SetupEntered');
    bench.machine.print('Booting from Har');
    bench.machine.print('d Disk...\r\n');
    expect(await stage()).toBe('OSBootStarted');
    await reset('ForceOff');
    expect(await stage()).toBe('None');
  });

  it('whose kernel has panicked is critical, as IPMI says it, until it is reset or off; its case is not', async () => {
    const chassis = async () => (await bench.ask('GET', '/redfish/v1/Chassis/1')).body.Status;
    const manager = async () => (await bench.ask('GET', '/redfish/v1/Managers/1')).body.Status.Health;
    const osStop = () => [...(bench.bmc.sensors.discrete('osStop').states ?? [])];
    const panic = async () => {
      bench.clock.advance(5_000);
      bench.machine.panic();
      expect(osStop()).toEqual(['run-time-stop']);
      const system = await get();
      expect(system.Status).toMatchObject({ Health: 'Critical', HealthRollup: 'Critical' });
      expect(system.BootProgress).toMatchObject({ LastState: 'OEM', OemLastState: 'OSCriticalStop' });
      expect(Date.parse(system.BootProgress.LastStateTime)).toBe(bench.clock.wallTime());
      expect(await chassis()).toMatchObject({ Health: 'OK', HealthRollup: 'Critical' });
      expect(await manager()).toBe('OK');
      return system;
    };
    const isWellAgain = async (state: string) => {
      const { Status, BootProgress } = await get();
      expect(Status).toMatchObject({ Health: 'OK', HealthRollup: 'OK' });
      expect(BootProgress).toMatchObject({ LastState: state });
      expect(BootProgress).not.toHaveProperty('OemLastState');
      expect(await chassis()).toMatchObject({ Health: 'OK', HealthRollup: 'OK' });
      expect(osStop()).toEqual([]);
    };
    await reset('On');
    await isWellAgain('OSRunning');
    const stopped = await panic();
    if (!noSchemas) expect(schemaProblems(stopped)).toEqual([]);
    // What the kernel goes on to say takes nothing back, nor does a second panic make it later.
    const { LastStateTime: since } = (await get()).BootProgress;
    bench.clock.advance(1_000);
    bench.machine.print('Linux version 6.1\r\nhost login: ');
    bench.machine.panic();
    expect((await get()).BootProgress).toMatchObject({ LastState: 'OEM', LastStateTime: since });
    await reset('ForceRestart');
    await isWellAgain('OSRunning');
    await panic();
    await reset('PowerCycle');
    await isWellAgain('OSRunning');
    await panic();
    await reset('ForceOff');
    await isWellAgain('None');
  });

  it('is as critical as the sensor OS Critical Stop is shown to be', async () => {
    await reset('On');
    const health = async () => (await get()).Status.HealthRollup;
    bench.bmc.sensors.override('osStop', ['stop-while-loading']);
    expect(await health()).toBe('Critical');
    bench.bmc.sensors.override('osStop', ['graceful-shutdown']);
    expect(await health()).toBe('OK');
    bench.bmc.sensors.release('osStop');
    expect(await health()).toBe('OK');
  });

  it('takes a restore policy, which is that of IPMI', async () => {
    for (const [policy, ipmi] of [
      ['AlwaysOn', 'always-on'],
      ['LastState', 'previous'],
      ['AlwaysOff', 'always-off'],
    ]) {
      expect((await patch({ PowerRestorePolicy: policy })).body.PowerRestorePolicy).toBe(policy);
      expect(bench.bmc.power.restorePolicy).toBe(ipmi);
    }
  });

  it('shows the watchdog that the host’s software has set, and changes what it does', async () => {
    const { bmc, clock } = bench;
    await reset('On');
    const idle = { FunctionEnabled: false, TimeoutAction: 'None', WarningAction: 'None' };
    expect((await get()).HostWatchdogTimer).toMatchObject(idle);
    expect((await patch({ HostWatchdogTimer: { FunctionEnabled: true } })).status).toBe(409);
    bmc.watchdog.set(
      {
        ...{ use: 'sms-os', action: 'none', interrupt: 'diagnostic', dontLog: false },
        ...{ preTimeoutMs: 1_000, timeoutMs: 30_000 },
      },
      tester,
    );
    const change = { FunctionEnabled: true, TimeoutAction: 'PowerDown' };
    const { body } = await patch({ HostWatchdogTimer: change });
    expect(body.HostWatchdogTimer).toMatchObject({ ...change, WarningAction: 'DiagnosticInterrupt' });
    await clock.advanceAsync(31_000, 500);
    expect((await get()).PowerState).toBe('Off');
  });

  it('has the parts that Ironic’s inspection asks for, whether it is on or off', async () => {
    for (const type of ['ForceOff', 'On']) {
      await reset(type);
      const system = await get();
      expect(system.MemorySummary.TotalSystemMemoryGiB).toBe(2);
      expect(await get('/Processors/cpu0')).toMatchObject({
        ...{ ProcessorArchitecture: 'x86', InstructionSet: 'x86-64', TotalThreads: 2, TotalCores: 2 },
      });
      expect(await get('/EthernetInterfaces/nic0')).toMatchObject({
        MACAddress: '52:54:00:00:00:01',
        Status: { State: 'Enabled', Health: 'OK' },
      });
      expect((await get('/SimpleStorage/1')).Devices[0].CapacityBytes).toBe(1_073_741_824);
      expect((await get('/Storage/1/Volumes/disk0')).CapacityBytes).toBe(1_073_741_824);
      expect((await get('/Memory/dimm0')).CapacityMiB).toBe(2048);
    }
  });

  it('tells how a network card is attached, and what about it is not as was wished', async () => {
    const card = {
      ...{ id: 'nic0', mac: '52:54:00:00:00:01', mtu: 9500, queues: 1, linkUp: true },
      ...{ backend: 'tc', wire: 'eth2', note: undefined },
    };
    bench.machine.nics = [card];
    expect(await get('/EthernetInterfaces/nic0')).toMatchObject({
      ...{ Description: 'Attached by tc to eth2', MTUSize: 9500, LinkStatus: 'LinkUp' },
      Status: { State: 'Enabled', Health: 'OK' },
    });
    bench.machine.nics = [{ ...card, linkUp: false, note: 'eth2 has gone' }];
    expect(await get('/EthernetInterfaces/nic0')).toMatchObject({
      ...{ Description: 'Attached by tc to eth2: eth2 has gone', LinkStatus: 'LinkDown' },
      Status: { State: 'Enabled', Health: 'Warning' },
    });
  });

  it('tells where its consoles are', async () => {
    const { SerialConsole, GraphicalConsole } = await get();
    expect(SerialConsole.IPMI).toMatchObject({ ServiceEnabled: true, Port: 623 });
    expect(GraphicalConsole).toEqual({ ServiceEnabled: true, ConnectTypesSupported: ['OEM'] });
    bench.bmc.sol.update({ enabled: false }, tester);
    expect((await get()).SerialConsole.IPMI.ServiceEnabled).toBe(false);
  });
});
