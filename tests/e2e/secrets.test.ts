/** Secrets that the appliance is given are in no argument and no environment of what it starts. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { until } from '../support/processes.ts';
import { writeTinyDisk } from '../support/qemu.ts';

/** At most 16 bytes, so that every protocol takes it. */
const configured = 'Planted-Cfg-0001';
const given = 'Planted-Usr-0002';
const community = 'PlantedCommty003';

let folder: string;
let appliance: Appliance;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-secrets-'));
  appliance = await Appliance.start({
    IPMI_PASS: configured,
    VM_DISK: writeTinyDisk(join(folder, 'disk.img'), 'D'),
    VM_MEMORY: '64',
    VM_CPUS: '1',
    VM_TPM: 'true',
    ENABLE_KVM: 'false',
    SHUTDOWN_GRACE: '2',
  });
});
afterAll(async () => {
  await appliance?.stop();
  appliance?.clean();
  rmSync(folder, { recursive: true, force: true });
});

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly words: string;
  readonly environment: string;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'latin1');
        const [, name = '', parent = ''] = /^\d+ \((.*)\) \S (\d+)/.exec(read('stat')) ?? [];
        return [
          {
            pid: Number(pid),
            parent: Number(parent),
            name,
            words: read('cmdline'),
            environment: read('environ'),
          },
        ];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

/** All that descends from the command that was started, it left out: its environment is its caller's. */
function descendants(): Process[] {
  const all = processes();
  const own = new Set([appliance.pid]);
  for (let before = 0; before < own.size; ) {
    before = own.size;
    for (const { pid, parent } of all) if (own.has(parent)) own.add(pid);
  }
  const { runDir, stateDir } = appliance;
  // pm2 lets go of its parent; what it runs is known by its folders.
  const isOurs = ({ pid, words, environment }: Process) =>
    own.has(pid) || [runDir, stateDir].some((path) => words.includes(path) || environment.includes(path));
  return all.filter((each) => isOurs(each) && each.pid !== appliance.pid && each.pid !== process.pid);
}

test('pm2, BMC, QEMU and the TPM have none in their arguments and environment', async () => {
  await until('the machine is on', () => appliance.isOn());
  await appliance.ipmi('user', 'set', 'name', '5', 'second');
  await appliance.ipmi('user', 'set', 'password', '5', given, '16');
  await appliance.ipmi('lan', 'set', '1', 'snmp', community);
  // A machine that starts anew is started by what the BMC knows now.
  await appliance.ipmi('power', 'off');
  await until('the machine is off', async () => !(await appliance.isOn()));
  await appliance.ipmi('power', 'on');
  const kinds = [/^\/\S*node\0.*main\.js/s, /pm2/i, /^qemu-system|\/qemu-system/, /swtpm/];
  const found = await until('all of it runs', () => {
    const running = descendants();
    const has = (kind: RegExp) => running.some(({ name, words }) => kind.test(words) || kind.test(name));
    return kinds.every(has) ? running : undefined;
  });
  // This search would find it: the caller gave it in the environment.
  expect(readFileSync(`/proc/${appliance.pid}/environ`, 'latin1')).toContain(configured);
  for (const secret of [configured, given, community]) {
    const telling = found.filter(
      ({ words, environment }) => words.includes(secret) || environment.includes(secret),
    );
    expect(telling.map(({ pid, name }) => `${pid} ${name}`)).toEqual([]);
  }
});
