/** In-band IPMI: the demo guest's own kernel driver and ipmitool against the BMC, through QEMU. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bmc } from '../../src/bmc/bmc.ts';
import { memoryStore } from '../../src/bmc/store.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { InBand } from '../../src/ipmi/in-band.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { RunDir } from '../../src/machine/qemu/run-dir.ts';
import { tester } from '../support/actors.ts';
import { bmcOptions, lanContext } from '../support/in-band-bench.ts';
import { eventually, type QemuFixture, qemuFixture } from '../support/qemu.ts';

const demoDisk = resolve('build/demo/demo.qcow2');

/** What of FreeIPMI's bmc-config the demo guest does not have: the guest's libraries are of the same Debian. */
const bmcConfig = ['/usr/sbin/ipmi-config', '/usr/lib/x86_64-linux-gnu/libipmidetect.so.0'];
const noBmcConfig = bmcConfig.every((file) => existsSync(file))
  ? ''
  : ' (skipped: no FreeIPMI on this machine, Debian package freeipmi-tools)';

function cdWith(files: readonly string[], folder: string): string {
  const content = join(folder, 'cd');
  mkdirSync(content);
  for (const file of files) copyFileSync(file, join(content, basename(file)));
  const image = join(folder, 'tools.iso');
  execFileSync('xorriso', ['-as', 'mkisofs', '-quiet', '-R', '-o', image, content], { stdio: 'ignore' });
  return image;
}

describe.skipIf(!existsSync(demoDisk))('with the demo guest', () => {
  let fixture: QemuFixture;
  let bmc: Bmc;
  let state: IpmiState;
  let inBand: InBand;
  let console: {
    output(): string;
    clearOutput(): void;
    until(text: string, timeoutMs?: number): Promise<void>;
  };
  let send: (text: string) => void;
  let lines = 0;

  /** Runs a line in the guest's shell. @returns what it printed */
  async function shell(line: string): Promise<string> {
    const mark = `${++lines}-of-it`;
    console.clearOutput();
    // The marks are put together by the shell, so that the echo of the line does not hold them.
    send(`echo begin-''${mark}; ${line}; echo end-''${mark}\r`);
    await console.until(`end-${mark}`, 60_000);
    const output = console.output();
    const start = output.indexOf(`begin-${mark}`) + `begin-${mark}`.length;
    return output
      .slice(start, output.indexOf(`end-${mark}`))
      .replaceAll('\r', '')
      .trim();
  }

  beforeAll(async () => {
    fixture = qemuFixture({ memoryMb: 512, systemInterface: true });
    const disk = join(fixture.dir, 'demo.qcow2');
    copyFileSync(demoDisk, disk);
    const options = bmcOptions(systemClock);
    const { uuid } = options.identity;
    const disks = [{ path: disk, format: 'qcow2' }] as const;
    const cdrom = noBmcConfig === '' ? { cdrom: cdWith(bmcConfig, fixture.dir) } : {};
    const watched = fixture.machine({ config: { uuid, disks, ...cdrom } });
    let text = '';
    console = {
      output: () => text,
      clearOutput: () => {
        text = '';
      },
      until: (wanted, timeoutMs = 100_000) =>
        eventually(
          () => text.includes(wanted),
          `"${wanted}"`,
          timeoutMs,
          () => text.slice(-500),
        ),
    };
    bmc = new Bmc({ ...options, machine: watched.machine, store: memoryStore() });
    state = new IpmiState(bmc);
    inBand = new InBand({
      bmc,
      state,
      commands: ipmiCommands,
      lan: lanContext(bmc, state),
      socketPath: new RunDir(fixture.runDir).ipmiSocket,
    });
    await inBand.start();
    await bmc.start({ powerReturned: true, powerOn: true });
    watched.machine.console.receive((bytes) => {
      text += Buffer.from(bytes).toString('latin1');
    });
    send = (line) => void watched.machine.console.send(Buffer.from(line));
    await console.until('login:');
    send('root\r');
    await console.until('# ');
    await shell('until test -e /run/demo-drivers-loaded; do sleep 1; done; stty -echo cols 300');
  }, 200_000);

  afterAll(async () => {
    await bmc?.stop({ shutdownGraceMs: 0 });
    await inBand?.stop();
    await fixture?.cleanUp();
  });

  test('the kernel finds the interface by the firmware tables', async () => {
    const log = await shell('dmesg | grep -i ipmi');
    expect(log).toMatch(/probing via SMBIOS/);
    expect(log).toMatch(/probing via ACPI/);
    expect(log).toContain('kcs interface initialized');
    expect(await shell('ls /dev/ipmi0')).toContain('/dev/ipmi0');
  });

  test('ipmitool tells of the BMC', async () => {
    const info = await shell('ipmitool mc info');
    expect(info).toMatch(/Device ID\s+: 32/);
    expect(info).toMatch(/Firmware Revision\s+: 1.23/);
    // One identity, in the words of firmware, kernel and client.
    const uuid = '12345678-9abc-4def-8123-456789abcdef';
    expect(await shell('cat /sys/class/dmi/id/product_uuid')).toBe(uuid);
    expect(await shell('cat /sys/devices/platform/ipmi_bmc.*/guid')).toBe(uuid);
    expect(await shell('ipmitool mc guid')).toContain(`System GUID   : ${uuid}\n`);
    expect(await shell('ipmitool mc selftest')).toContain('Selftest: passed');
    expect(await shell('ipmitool chassis status')).toMatch(/System Power\s+: on/);
    expect(await shell('ipmitool chassis restart_cause')).toContain('power-up due to always-restore');
  });

  test('bytes that mean something on the wire pass both ways', async () => {
    // Boot initiator info: 9 free bytes.
    await shell('ipmitool raw 0x00 0x08 0x06 0x0a 0xa0 0xa1 0xaa 0xb0 0xb1 0xba 0xa2 0xff');
    expect(await shell('ipmitool raw 0x00 0x09 0x06 0x00 0x00')).toContain(
      '01 06 0a a0 a1 aa b0 b1 ba a2 ff',
    );
  });

  test('what is set in-band is the state that every face sees', async () => {
    await shell('ipmitool chassis bootdev pxe options=efiboot,persistent');
    expect(bmc.boot.override).toEqual({ target: 'pxe', persistent: true, firmware: 'uefi' });
    await shell('ipmitool chassis identify force');
    expect(bmc.identify.state).toBe('on');
    bmc.identify.off(tester);
    expect(await shell('ipmitool mc setsysinfo system_name a-longer-name-than-one-block')).not.toContain(
      'fail',
    );
    expect(bmc.hostInfo.get('system-name').text).toBe('a-longer-name-than-one-block');
    expect(await shell('ipmitool mc getsysinfo system_name')).toContain('a-longer-name-than-one-block');
  });

  test('users and the event log are the same as from outside', async () => {
    expect(await shell('ipmitool user list 1')).toMatch(/admin .*ADMINISTRATOR/);
    await shell('ipmitool user set name 5 inside; ipmitool user set password 5 from-inside');
    await shell(
      'ipmitool channel setaccess 1 5 privilege=3 ipmi=on link=off callin=on; ipmitool user enable 5',
    );
    expect(bmc.users.get(5)).toMatchObject({ name: 'inside', enabled: true, limit: 'operator' });
    expect(await shell('ipmitool lan print 1')).toMatch(/IP Address\s+:/);
    const entries = bmc.sel.entries.length;
    expect(entries).toBeGreaterThan(0);
    expect((await shell('ipmitool sel list')).split('\n')).toHaveLength(entries);
    expect(await shell('ipmitool sel info')).toMatch(new RegExp(`Entries\\s+: ${entries}`));
  });

  test.skipIf(noBmcConfig !== '')(
    `bmc-config manages users, LAN and power from inside${noBmcConfig}`,
    async () => {
      await shell('mkdir -p /tools; for cd in /dev/sr*; do mount -t iso9660 -o ro $cd /tools && break; done');
      const config = (words: string) =>
        shell(`LD_LIBRARY_PATH=/tools /tools/ipmi-config --category=core -D OPENIPMI ${words}; echo code $?`);
      const before = await config('--checkout --section=User2');
      expect(before).toMatch(/Username\s+admin/);
      const pairs = [
        ...['User6:Username=deep', 'User6:Password=from-bmc-config', 'User6:Enable_User=Yes'],
        ...['User6:Lan_Enable_IPMI_Msgs=Yes', 'User6:Lan_Privilege_Limit=Operator'],
      ];
      const committed = await config(`--commit ${pairs.map((pair) => `-e ${pair}`).join(' ')}`);
      expect(committed).toMatch(/code 0$/);
      expect(bmc.users.get(6)).toMatchObject({ name: 'deep', enabled: true, limit: 'operator' });
      expect(Buffer.from(bmc.users.get(6)?.password ?? []).toString()).toBe('from-bmc-config');
      expect(await config('--diff -e User6:Username=deep')).toMatch(/^code 0$/);
      expect(await config('--checkout --section=Lan_Conf')).toMatch(/IP_Address\s+\d+\.\d+\.\d+\.\d+/);
      const policy = await config('--commit -e Misc:Power_Restore_Policy=On_State_AC_Apply');
      expect(policy).toMatch(/code 0$/);
      expect(bmc.power.restorePolicy).toBe('always-on');
    },
  );

  test('events reach the host by its event message buffer', async () => {
    // The kernel's driver has asked for them; it fetches each as soon as attention is raised.
    expect(state.hostMessages.enables.eventMessageBuffer).toBe(true);
    bmc.eventReceiver.receive({
      kind: 'system',
      generatorId: 0x20,
      messageRevision: 4,
      sensorType: 0x07,
      sensorNumber: 3,
      asserted: true,
      eventType: 0x6f,
      data: [0x00, 0xff, 0xff],
    });
    expect(state.hostMessages.flags.event).toBe(true);
    await eventually(() => !state.hostMessages.flags.event, 'the host fetches the event', 10_000);
  });

  test('bridged to the satellite by the kernel driver', async () => {
    const info = await shell('ipmitool -t 0x82 mc info');
    expect(info).toMatch(/Device ID\s+: 33/);
  });

  test('many commands in a row are all answered', async () => {
    const before = inBand.systemInterface.counters.messages;
    const output = await shell('i=0; while [ $i -lt 20 ]; do ipmitool raw 6 4 || echo bad; i=$((i+1)); done');
    expect(output).not.toContain('bad');
    expect(inBand.systemInterface.counters.messages - before).toBeGreaterThanOrEqual(20);
    expect(inBand.systemInterface.counters.badFrames).toBe(0);
  }, 120_000);

  test('the guest finds its BMC again after a restart of the BMC', async () => {
    await inBand.stop();
    // The driver tries for a while by itself before it tells.
    expect(await shell('ipmitool raw 6 1 && echo answered')).not.toContain('answered');
    await inBand.start();
    await eventually(() => inBand.systemInterface.connected, 'QEMU connects', 10_000);
    expect(await shell('ipmitool mc info')).toMatch(/Device ID\s+: 32/);
  });

  test('the kernel’s own watchdog driver winds it through /dev/watchdog, and stops it when closed in order', async () => {
    const drivers = await shell('modprobe -r i6300esb; modprobe ipmi_watchdog; ls /dev/watchdog*');
    expect(drivers).toContain('/dev/watchdog');
    await shell('exec 3>/dev/watchdog; echo x >&3');
    await eventually(() => bmc.watchdog.running, 'the watchdog runs', 10_000);
    expect(bmc.watchdog.settings).toMatchObject({ use: 'sms-os', action: 'reset' });
    await shell('printf V >&3; exec 3>&-');
    await eventually(() => !bmc.watchdog.running, 'the watchdog stands', 10_000);
  });

  test('the watchdog that the guest starts resets the machine when nobody winds it', async () => {
    const set = await shell('ipmitool raw 6 0x24 4 1 0 0 30 0; ipmitool mc watchdog get');
    expect(set).toMatch(/Watchdog Timer Use:\s+SMS\/OS/);
    console.clearOutput();
    await shell('ipmitool mc watchdog reset');
    expect(bmc.watchdog.running).toBe(true);
    console.clearOutput();
    await console.until('login:', 100_000);
    expect(bmc.power.lastRestart.cause).toBe('watchdog');
    expect(bmc.watchdog.running).toBe(false);
    expect([...bmc.watchdog.expired]).toEqual(['sms-os']);
  }, 160_000);
});
