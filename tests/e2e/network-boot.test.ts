/**
 * Two bare machines, one with each firmware, that boot over their wires from a server which has nothing to do with us:
 * Debian's dnsmasq for DHCP and TFTP, and Python's web server. DHCP names a script, which the card's own iPXE loads by
 * TFTP; the script loads the kernel by TFTP and the rest by HTTP.
 *
 *     bios.eth2 (macvtap) ─┐
 *                          ├─ server, br0 10.8.0.1
 *     uefi.eth2 (tc) ──────┘
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoDir } from '../../src/config/package-paths.ts';
import { Appliance } from '../support/appliance.ts';
import { until } from '../support/processes.ts';
import { canMakeNamespaces, NetLab, withoutNamespaces } from '../support/wires.ts';

const firmwares = ['bios', 'uefi'] as const;
const ready = (firmware: string) => new RegExp(`demo: ready boot=pxe firmware=${firmware}`);

describe.skipIf(!canMakeNamespaces)(`boot over the wire${withoutNamespaces}`, () => {
  const lab = new NetLab();
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-boot-'));
  const machines = new Map<string, Appliance>();
  let said = '';

  beforeAll(async () => {
    await lab.space('server');
    await lab.in('server', 'ip', 'link', 'add', 'br0', 'type', 'bridge', 'stp_state', '0');
    for (const firmware of firmwares) {
      await lab.space(firmware);
      await lab.wire(`${firmware}.eth2`, `server.${firmware}`);
      await lab.in('server', 'ip', 'link', 'set', firmware, 'master', 'br0');
    }
    await lab.in('server', 'ip', 'address', 'add', '10.8.0.1/24', 'dev', 'br0');
    await lab.in('server', 'ip', 'link', 'set', 'br0', 'up');
    const script = readFileSync(join(demoDir, 'boot.ipxe'), 'utf8');
    writeFileSync(
      join(folder, 'boot.ipxe'),
      script.replace('initrd initrd', 'initrd http://10.8.0.1/initrd'),
    );
    symlinkSync(join(demoDir, 'vmlinuz'), join(folder, 'vmlinuz'));
    const web = lab.start('server', '/usr/bin/python3', '-m', 'http.server', '--directory', demoDir, '80');
    const dnsmasq = lab.start(
      'server',
      'dnsmasq',
      ...['--conf-file=/dev/null', '--keep-in-foreground', '--log-facility=-', '--log-dhcp', '--port=0'],
      ...['--user=root', '--pid-file=', `--dhcp-leasefile=${join(folder, 'leases')}`, '--no-ping'],
      ...['--interface=br0', '--bind-interfaces', '--dhcp-range=10.8.0.50,10.8.0.90,255.255.255.0,1h'],
      ...['--enable-tftp', `--tftp-root=${folder}`, '--dhcp-boot=boot.ipxe'],
    );
    for (const server of [web, dnsmasq]) {
      server.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    await until('dnsmasq serves', () => said.includes('TFTP root'), 5_000);
    await Promise.all(
      firmwares.map(async (firmware) => {
        const env = {
          ENABLE_KVM: 'false',
          // As much as UEFI needs for a machine that comes from the network whole.
          VM_MEMORY: '384',
          VM_DISK: 'none',
          VM_BOOT: 'pxe',
          VM_BOOT_MODE: firmware,
          VM_NETWORKS: firmware === 'bios' ? 'macvtap' : 'tc',
        };
        machines.set(firmware, await Appliance.start(env, lab.words(firmware)));
      }),
    );
  });

  afterAll(async () => {
    await Promise.all([...machines.values()].map((machine) => machine.stop()));
    for (const machine of machines.values()) machine.clean();
    await lab.cleanUp();
    rmSync(folder, { recursive: true, force: true });
  });

  test('BIOS and UEFI machines load by TFTP and HTTP, and start what they have loaded', async () => {
    await Promise.all(
      [...machines].map(([firmware, machine]) =>
        until(`${firmware} has booted`, () => ready(firmware).test(machine.serialLog()), 100_000, 200).catch(
          (error: unknown) => {
            throw new Error(`console: ${machine.serialLog().slice(-800)}; server: ${said.slice(-800)}`, {
              cause: error,
            });
          },
        ),
      ),
    );
    expect(new Set(said.match(/sent .*\/vmlinuz to 10\.8\.0\.\d+/g)).size).toBe(2);
    expect(new Set(said.match(/^10\.8\.0\.\d+ .*GET \/initrd\.img HTTP\S+ 200/gm)).size).toBe(2);
  });
});
