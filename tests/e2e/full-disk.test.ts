/**
 * A disk that is full, or has become read-only, for real: the state and the machine's image are on file systems of a few
 * megabytes, in a mount namespace of the appliance's own. What each failed call does is in `unit/reliability/failing-disk`.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { run, until } from '../support/processes.ts';
import { writeTinyWritingDisk } from '../support/qemu.ts';
import type { Terminal } from '../support/terminal.ts';
import { ask, logIn } from '../support/web-console.ts';

const isRoot = process.getuid?.() === 0;
const system = '/redfish/v1/Systems/1';
/** The log has a file system of its own: who has a file open to write keeps the state's from becoming read-only. */
const mounts = `
  mount -t tmpfs -o size=8m,mode=700 none "$1" &&
  mkdir -m 700 "$1/log" && mount -t tmpfs -o size=8m,mode=700 none "$1/log" &&
  mount -t tmpfs -o size=1m none "$2" && cp --sparse=always "$3" "$2/disk.img" &&
  shift 3 && exec "$@"`;

describe.skipIf(!isRoot)(
  `a disk that takes nothing${isRoot ? '' : ' (skipped: needs root to mount)'}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-full-'));
    const [state, vm] = [join(folder, 'state'), join(folder, 'vm')];
    let appliance: Appliance;
    let admin: Record<string, string>;
    beforeAll(async () => {
      for (const directory of [state, vm]) mkdirSync(directory, { mode: 0o700 });
      const image = writeTinyWritingDisk(join(folder, 'disk.img'), 'D');
      const words = ['unshare', '--mount', 'sh', '-c', mounts, 'sh', state, vm, image];
      appliance = await Appliance.start(
        {
          ...{ STATE_DIR: state, VM_DISK: join(vm, 'disk.img') },
          ...{ VM_MEMORY: '64', VM_CPUS: '1', ENABLE_KVM: 'false', SHUTDOWN_GRACE: '2' },
        },
        words,
      );
      admin = { 'x-auth-token': (await logIn(appliance.redfishPort)).token };
      await appliance.ipmi('power', 'on');
      await until('the guest runs', () => appliance.serialLog().includes('tiny: boot=D'));
    });
    afterAll(async () => {
      await appliance?.stop();
      appliance?.clean();
      rmSync(folder, { recursive: true, force: true });
    });

    /** A program in the appliance's own mount namespace. */
    const inside = (...words: string[]) =>
      run('nsenter', ['--mount', '--target', String(appliance.pid), ...words]);
    const fill = async (directory: string) => {
      const { stderr } = await inside('dd', 'if=/dev/zero', `of=${join(directory, 'fill')}`, 'bs=4k');
      expect(stderr).toContain('No space left on device');
    };
    const redfish = (method: string, path: string, body?: unknown) =>
      ask(appliance.redfishPort, method, path, { headers: admin, body });
    const tag = async (AssetTag: string) => (await redfish('PATCH', system, { AssetTag })).status;
    const shownTag = async () => (await redfish('GET', system)).body.AssetTag;
    const addToSel = () =>
      appliance.ipmitool('raw', ...'0x0a 0x44 0 0 0xc0 0 0 0 0 1 2 3 4 5 6 7 8 9'.split(' '));
    const records = async () =>
      (await appliance.ipmi('sel', 'list')).split('\n').filter((line) => /OEM record c0/.test(line)).length;

    /** What a BMC is for. */
    async function allElseWorks(): Promise<void> {
      expect((await logIn(appliance.redfishPort)).token).not.toBe('');
      await appliance.ipmi('sel', 'info');
      await appliance.ipmi('power', 'off');
      await until('off', async () => !(await appliance.isOn()));
      const boots = appliance.serialLog().split('tiny: boot=D').length;
      await appliance.ipmi('power', 'on');
      await until('the guest runs', () => appliance.serialLog().split('tiny: boot=D').length > boots);
      await withConsole((terminal) => terminal.typeUntil('x', 'x'));
    }

    async function withConsole(use: (terminal: Terminal) => Promise<unknown>): Promise<void> {
      const terminal = appliance.sol();
      try {
        await terminal.expect('SOL Session operational');
        await use(terminal);
      } finally {
        terminal.kill();
        await appliance.ipmi('sol', 'deactivate');
      }
    }

    it('full: writes are refused with C4h and 507, all else works, and no record that was acknowledged is lost', async () => {
      expect(await tag('before')).toBeLessThan(300);
      await fill(state);
      expect(await tag('lost')).toBe(507);
      expect(await shownTag()).toBe('before');
      const refused = await appliance.ipmitool('user', 'set', 'password', '2', 'another-one');
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/Out of space/i);
      // The last page of a file that grows has room for a while.
      let acknowledged = 0;
      await until('the SEL takes no more', async () => {
        const { code, stderr } = await addToSel();
        if (code === 0) acknowledged++;
        else expect(stderr).toContain('rsp=0xc4');
        return code !== 0;
      });
      expect(await records()).toBe(acknowledged);
      await allElseWorks();

      expect((await inside('rm', join(state, 'fill'))).code).toBe(0);
      expect((await addToSel()).code).toBe(0);
      expect(await records()).toBe(acknowledged + 1);
      expect(await tag('after')).toBeLessThan(300);
      expect(await shownTag()).toBe('after');
    });

    it('read-only: the same, and all is well when it can be written to again', async () => {
      expect(await inside('mount', '-o', 'remount,ro', state)).toMatchObject({ code: 0 });
      expect(await tag('lost')).toBe(507);
      expect((await addToSel()).stderr).toContain('rsp=0xc4');
      expect(await shownTag()).toBe('after');
      await allElseWorks();
      expect(await inside('mount', '-o', 'remount,rw', state)).toMatchObject({ code: 0 });
      expect(await tag('again')).toBeLessThan(300);
      expect((await addToSel()).code).toBe(0);
    });

    it('of the machine: it stands still, says why, and goes on where it was when there is room', async () => {
      await fill(vm);
      await withConsole(async (terminal) => {
        const writes = () => appliance.serialLog().split('w').length;
        const before = writes();
        terminal.type('w');
        await until('the machine stands still', async () => {
          return (await redfish('GET', system)).body.PowerState === 'Paused';
        });
        const events = (await inside('cat', join(state, 'events.jsonl'))).stdout;
        expect(events).toContain('the machine stands still: disk0 cannot write (No space left on device)');
        expect(writes()).toBe(before);
        expect((await inside('rm', join(vm, 'fill'))).code).toBe(0);
        const reset = `${system}/Actions/ComputerSystem.Reset`;
        expect((await redfish('POST', reset, { ResetType: 'Resume' })).status).toBe(204);
        await until('the guest has written', () => writes() > before);
        expect((await redfish('GET', system)).body.PowerState).toBe('On');
      });
    });
  },
);
