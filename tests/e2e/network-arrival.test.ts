/** Wires that come late, in any order, with gaps, or never; and a host that allows nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type NicStatus, readStatus } from '../../src/config/run-files.ts';
import { parseLinks } from '../../src/network/links.ts';
import { Appliance } from '../support/appliance.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { run, until } from '../support/processes.ts';
import { canMakeNamespaces, NetLab, withoutNamespaces } from '../support/wires.ts';

/** Without anything to boot from: what the machine consists of is seen from outside. */
const bare = { ENABLE_KVM: 'false', VM_MEMORY: '64', VM_DISK: 'none' };

function nics(appliance: Appliance): readonly NicStatus[] {
  return readStatus(appliance.runDir)?.machine?.nics ?? [];
}

function events(appliance: Appliance): string {
  const file = join(appliance.stateDir, 'events.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** What the user reads. */
async function statusOf(appliance: Appliance): Promise<string> {
  const main = new URL('../../dist/main.js', import.meta.url).pathname;
  return (await run(process.execPath, [main, 'status'], { env: appliance.env })).stdout;
}

describe.skipIf(!canMakeNamespaces)(`wires that come and do not come${withoutNamespaces}`, () => {
  const lab = new NetLab();
  const started: Appliance[] = [];

  async function start(env: NodeJS.ProcessEnv, words: readonly string[]): Promise<Appliance> {
    const appliance = await Appliance.start(env, words);
    started.push(appliance);
    return appliance;
  }

  afterAll(async () => {
    await Promise.all(started.map((each) => each.stop()));
    for (const each of started) each.clean();
    await lab.cleanUp();
  });

  test('eleven links, late, shuffled and with a gap, become the right cards in the right places', async () => {
    await lab.space('many');
    await lab.space('far');
    const machine = { ENABLE_KVM: 'false', VM_MEMORY: '256', VM_CDROM: 'none', CLAB_INTFS: '11' };
    const appliance = await start(machine, lab.words('many'));
    // The BMC answers while the power-on waits.
    expect(nics(appliance)).toEqual([]);
    expect(await appliance.ipmi('power', 'status')).toMatch(/Chassis Power is/);
    const order = [12, 7, 1, 10, 4, 9, 2, 11, 5, 8, 6];
    for (const number of order.slice(0, -1)) await lab.wire(`many.eth${number}`, `far.w${number}`);
    // With one still to come, nothing has begun.
    expect(nics(appliance)).toEqual([]);
    await lab.wire(`many.eth${order.at(-1)}`, `far.w${order.at(-1)}`);
    await until('the machine has its cards', () => nics(appliance).length === 10, 20_000);
    const links = parseLinks(await lab.in('many', 'ip', '-j', '-d', 'address', 'show'));
    const numbers = [2, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const macs = numbers.map((number) => links.find(({ name }) => name === `eth${number}`)?.mac);
    expect(nics(appliance).map(({ id, wire, mac }) => [id, wire, mac])).toEqual(
      numbers.map((number, index) => [`nic${number - 2}`, `eth${number}`, macs[index]]),
    );
    expect(events(appliance)).not.toContain('nic-missing');
    const guest = await GuestShell.open(appliance);
    try {
      const told = await guest.run(
        'cd /sys/class/net; for i in 0 1 2 3 4 5 6 7 8 9; do echo $(cat eth$i/address) $(basename $(readlink -f eth$i/device/..)); done',
      );
      expect(told.split('\n')).toEqual(
        numbers.map((number, index) => `${macs[index]} 0000:00:${(0x10 + number - 2).toString(16)}.0`),
      );
    } finally {
      guest.kill();
    }
  });

  test('links that never come, as after a container’s restart: the machine starts, and log, SEL, sensor and status say so', async () => {
    await lab.space('lost');
    const appliance = await start({ ...bare, CLAB_INTFS: '2', NIC_WAIT: '2' }, lab.words('lost'));
    await until('the machine is on', () => appliance.isOn(), 20_000);
    expect(nics(appliance)).toEqual([]);
    expect(events(appliance)).toContain('waited 2 s in vain for 2 of 2 promised links');
    expect(await appliance.ipmi('sel', 'elist')).toMatch(/NIC Link.*Heartbeat Lost.*Asserted/i);
    // One comes too late for this power-on, and in time for the next.
    await lab.wire('lost.eth2', 'far.late');
    await until('the event', () => events(appliance).includes('eth2 has come after'), 5_000);
    await appliance.ipmi('power', 'cycle');
    await until('it is a card', () => nics(appliance)[0]?.wire === 'eth2', 20_000);
    expect(await appliance.ipmi('sdr', 'get', 'NIC Link')).toMatch(/Heartbeat\b(?! Lost)/i);
  });

  test('without the right to touch the network the card is a user-mode one, and status says why', async () => {
    await lab.space('poor');
    await lab.wire('poor.eth2', 'far.poor');
    const without = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
    const appliance = await start({ ...bare, VM_NETWORKS: 'auto' }, [...lab.words('poor'), ...without]);
    await until('the machine is on', () => appliance.isOn(), 20_000);
    expect(nics(appliance)).toMatchObject([{ backend: 'user', wire: 'eth2' }]);
    expect(await statusOf(appliance)).toMatch(/Network card\s+nic0: user, not eth2, .*not permitted/i);
    expect(events(appliance)).toContain('nic0 is not attached to eth2');
  });
});
