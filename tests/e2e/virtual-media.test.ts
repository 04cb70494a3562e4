/** Virtual media with real QEMU: what the firmware boots from and what a running guest sees. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { MachineMedium } from '../../src/bmc/machine.ts';
import { demoDir } from '../../src/config/package-paths.ts';
import { debianFirmware } from '../../src/machine/qemu/config.ts';
import { Appliance } from '../support/appliance.ts';
import { DemoShell } from '../support/demo-shell.ts';
import { run, until } from '../support/processes.ts';
import { type QemuFixture, qemuFixture, writeTinyDisk, writeTinyIso } from '../support/qemu.ts';

const fixtures: QemuFixture[] = [];
function fixture(...args: Parameters<typeof qemuFixture>): QemuFixture {
  const made = qemuFixture(...args);
  fixtures.push(made);
  return made;
}

afterEach(async () => {
  for (const each of fixtures.splice(0)) await each.cleanUp();
});

function cd(lab: QemuFixture, letter: string): MachineMedium {
  return { slot: 'cd', file: writeTinyIso(join(lab.dir, `virtual-${letter}.iso`), letter), readOnly: true };
}

function stick(lab: QemuFixture, letter: string): MachineMedium {
  return { slot: 'usb', file: writeTinyDisk(join(lab.dir, `virtual-${letter}.img`), letter), readOnly: true };
}

/** Which images QEMU has open. */
function openImages(lab: QemuFixture): string[] {
  return readFileSync(`/proc/${lab.process().pid}/cmdline`, 'latin1').match(/virtual-.\.(iso|img)/g) ?? [];
}

describe('the virtual CD', () => {
  test('is booted from before the configured one, which is booted from when it is empty', async () => {
    const lab = fixture();
    const { machine, until, clearOutput } = lab.machine();
    machine.setBootOverride({ target: 'cdrom', persistent: true });
    await machine.powerOn();
    await until('tiny: boot=C');
    await machine.changeMedium('cd', cd(lab, 'V'));
    clearOutput();
    await machine.reset();
    await until('tiny: boot=V');
    // Another one takes its place while the guest runs.
    await machine.changeMedium('cd', cd(lab, 'W'));
    clearOutput();
    await machine.reset();
    await until('tiny: boot=W');
    await machine.changeMedium('cd', undefined);
    await machine.changeMedium('cd', undefined);
    clearOutput();
    await machine.reset();
    await until('tiny: boot=C');
  });

  test('is in the drive at power-on, and known to a BMC that restarts', async () => {
    const lab = fixture();
    const first = lab.machine();
    const medium = cd(lab, 'V');
    first.machine.setUpBy(() => ({ labels: undefined, hardware: {}, media: [medium] }));
    first.machine.setBootOverride({ target: 'cdrom', persistent: true });
    await first.machine.powerOn();
    await first.until('tiny: boot=V');
    expect(openImages(lab)).toEqual(['virtual-V.iso']);
    await first.machine.close();

    const second = lab.machine();
    second.machine.setBootOverride({ target: 'cdrom', persistent: true });
    await second.machine.open();
    // The same again changes nothing; nothing takes it out.
    await second.machine.changeMedium('cd', medium);
    await second.machine.reset();
    await second.until('tiny: boot=V');
    await second.machine.changeMedium('cd', undefined);
    second.clearOutput();
    await second.machine.reset();
    await second.until('tiny: boot=C');
  });

  test('that cannot be opened leaves the drive empty and usable, and the guest alone', async () => {
    const lab = fixture();
    const { machine, until, clearOutput } = lab.machine();
    machine.setBootOverride({ target: 'cdrom', persistent: true });
    await machine.powerOn();
    await until('tiny: boot=C');
    const missing: MachineMedium = { slot: 'cd', file: join(lab.dir, 'missing.iso'), readOnly: true };
    await expect(machine.changeMedium('cd', missing)).rejects.toMatchObject({ kind: 'wrong-state' });
    machine.console.send(Buffer.from('alive'));
    await until('alive');
    await machine.changeMedium('cd', cd(lab, 'V'));
    clearOutput();
    await machine.reset();
    await until('tiny: boot=V');
  });
});

describe('a QEMU that hangs', () => {
  test('keeps neither a change of media nor power waiting for ever', async () => {
    const lab = fixture();
    const { machine, until } = lab.machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    const { pid } = lab.process();
    process.kill(pid, 'SIGSTOP');
    const startedAt = performance.now();
    const refused = await machine.changeMedium('cd', cd(lab, 'V')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'BmcError', kind: 'timed-out' });
    // The limit is 1.5 s of our own; QEMU never answers.
    expect(performance.now() - startedAt).toBeLessThan(5000);
    const forcedAt = performance.now();
    await machine.forceOff();
    expect(performance.now() - forcedAt).toBeLessThan(8000);
    await machine.powerOn();
    await machine.changeMedium('cd', cd(lab, 'V'));
  });
});

describe('the USB stick', () => {
  test('is plugged into a running machine, booted from when asked for, and pulled out again', async () => {
    const lab = fixture();
    const { machine, until, clearOutput } = lab.machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    await machine.changeMedium('usb', stick(lab, 'U'));
    clearOutput();
    // Unless asked for it is tried last.
    await machine.reset();
    await until('tiny: boot=D');
    machine.setBootOverride({ target: 'usb', persistent: true });
    clearOutput();
    await machine.reset();
    await until('tiny: boot=U');
    await machine.changeMedium('usb', stick(lab, 'S'));
    clearOutput();
    await machine.reset();
    await until('tiny: boot=S');
    await machine.changeMedium('usb', undefined);
    clearOutput();
    await machine.reset();
    await until('tiny: boot=D');
  });

  test('is there at power-on', async () => {
    const lab = fixture();
    const { machine, until } = lab.machine();
    const medium = stick(lab, 'U');
    machine.setUpBy(() => ({ labels: undefined, hardware: {}, media: [medium] }));
    machine.setBootOverride({ target: 'usb', persistent: true });
    await machine.powerOn();
    await until('tiny: boot=U');
    expect(openImages(lab)).toEqual(['virtual-U.img']);
  });
});

/** Serves the demo's CD: in parts (`demo.iso`), whole alone (`whole.iso`), and never (`stuck.iso`). */
class ImageServer {
  readonly #server: Server;
  /** Of the bodies of all answers. */
  sentBytes = 0;
  /** Parts are not answered any more. */
  silent = false;
  /** Answers that nobody has finished. */
  readonly open = new Set<ServerResponse>();

  static async start(): Promise<ImageServer> {
    const server = new ImageServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  private constructor() {
    const iso = join(demoDir, 'demo.iso');
    this.#server = createServer((request, response) => {
      this.open.add(response);
      response.on('close', () => this.open.delete(response));
      const { size } = statSync(iso);
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (request.url === '/demo.iso' && from !== undefined && to !== undefined) {
        if (this.silent) return;
        const [start, end] = [Number(from), Math.min(Number(to), size - 1)];
        this.sentBytes += end - start + 1;
        const headers = { 'content-range': `bytes ${start}-${end}/${size}`, etag: '"demo"' };
        response.writeHead(206, { ...headers, 'content-length': end - start + 1 });
        createReadStream(iso, { start, end }).pipe(response);
      } else if (request.url === '/whole.iso') {
        this.sentBytes += size;
        response.writeHead(200, { 'content-length': size });
        createReadStream(iso).pipe(response);
      } else if (request.url === '/stuck.iso') {
        response.writeHead(200, { 'content-length': statSync(iso).size });
        response.write('some of it');
      }
    });
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

function redfish(
  { redfishPort: port }: Appliance,
  method: string,
  path: string,
  body?: unknown,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const asked = request(
      {
        ...{ host: '127.0.0.1', port, method, path: `/redfish/v1${path}`, auth: 'admin:password' },
        rejectUnauthorized: false,
        headers: sent === undefined ? {} : { 'content-type': 'application/json' },
      },
      async (response) => {
        let text = '';
        for await (const chunk of response) text += String(chunk);
        const { statusCode: status = 0, headers } = response;
        resolve({ status, location: headers.location, body: text === '' ? {} : JSON.parse(text) });
      },
    );
    asked.on('error', reject);
    asked.end(sent);
  });
}

const cdUri = '/Systems/1/VirtualMedia/Cd';
const usbUri = '/Systems/1/VirtualMedia/Usb';
const insertMedia = `${cdUri}/Actions/VirtualMedia.InsertMedia`;
const ejectMedia = `${cdUri}/Actions/VirtualMedia.EjectMedia`;
/** Other Pythons may come first in PATH. */
const debianPython = '/usr/bin/python3';
const hasSushy = spawnSync(debianPython, ['-c', 'import sushy']).status === 0;
const noDemo = existsSync(join(demoDir, 'demo.iso')) ? undefined : 'the demo machine is not built';

describe.skipIf(noDemo)(`the appliance${noDemo ? ` [skipped: ${noDemo}]` : ''}`, () => {
  let appliance: Appliance;
  let server: ImageServer;
  beforeAll(async () => {
    server = await ImageServer.start();
    appliance = await Appliance.start({
      VM_CDROM: 'none',
      VM_MEMORY: '384',
      POWER_ON_AT_START: 'false',
      MEDIA_ALLOW: '127.0.0.1',
    });
  });
  afterAll(async () => {
    await appliance?.stop();
    appliance?.clean();
    await server?.stop();
  });

  const boots = () =>
    [...appliance.serialLog().matchAll(/demo: ready boot=(\w+) firmware=(\w+)/g)].map(([, from, by]) => [
      from,
      by,
    ]);
  const booted = (count: number) =>
    until('the guest is ready', () => boots().length >= count, 110_000, 100).catch((error) => {
      throw new Error(`the console ends in ${appliance.serialLog().slice(-800)}`, { cause: error });
    });
  const slot = async (uri = cdUri) => (await redfish(appliance, 'GET', uri)).body;
  const kept = (slot: 'cd' | 'usb') =>
    readdirSync(join(appliance.stateDir, 'media')).filter((name) => name.startsWith(slot));
  const shellDo = async <T>(work: (shell: DemoShell) => Promise<T>): Promise<T> => {
    const shell = await DemoShell.open(appliance.ipmitoolArgs());
    try {
      return await work(shell);
    } finally {
      await shell.close();
    }
  };

  test('boots the CD that a URL names when ipmitool asks for it once, by SeaBIOS', async () => {
    const reply = await redfish(appliance, 'POST', insertMedia, { Image: server.url('/demo.iso') });
    // Ready when it is answered: nothing has to come first.
    expect(reply.status).toBe(204);
    expect(await slot()).toMatchObject({
      ...{ Inserted: true },
      ...{ ImageName: 'demo.iso', ConnectedVia: 'URI', WriteProtected: true, TransferMethod: 'Stream' },
    });
    // Enough to see what it is.
    expect(server.sentBytes).toBeLessThan(1024 * 1024);
    expect(kept('cd')).toEqual([]);
    await appliance.ipmi('chassis', 'bootdev', 'cdrom');
    await appliance.ipmi('power', 'on');
    await booted(1);
    expect(boots()).toEqual([['cdrom', 'bios']]);
    expect(await appliance.ipmi('sel', 'elist')).toMatch(/Virtual Media \|.*Device.*Asserted/i);
  });

  test('shows the guest what it holds, and takes it away while the guest has it locked', async () => {
    const sum = createHash('md5')
      .update(readFileSync(join(demoDir, 'demo.iso')))
      .digest('hex');
    await shellDo(async (shell) => {
      await until(
        'the drivers are loaded',
        async () => (await shell.run('test -e /run/demo-drivers-loaded')).code === 0,
        60_000,
      );
      expect((await shell.run('md5sum /dev/sr0', 60_000)).output).toContain(sum);
      expect((await shell.run('mkdir -p /m && mount -t iso9660 -o ro /dev/sr0 /m && ls /m')).code).toBe(0);
      // A mounted CD is locked in its drive.
      expect((await redfish(appliance, 'POST', ejectMedia)).status).toBe(204);
      expect(await slot()).toMatchObject({ Image: null, Inserted: false });
      expect(kept('cd')).toEqual([]);
      await shell.run('umount /m');
      expect((await shell.run('dd if=/dev/sr0 of=/dev/null bs=2048 count=1')).code).not.toBe(0);
    });
  });

  test('takes the disc out when the guest opens the drive', async () => {
    await redfish(appliance, 'POST', insertMedia, { Image: server.url('/whole.iso') });
    await until('the image is in', async () => (await slot()).Inserted === true, 30_000);
    expect(await slot()).toMatchObject({ TransferMethod: 'Upload' });
    expect(kept('cd')).toHaveLength(1);
    await shellDo(async (shell) => {
      const read = async () => (await shell.run('dd if=/dev/sr0 of=/dev/null bs=2048 count=1')).code === 0;
      await until('the guest has taken note of the disc', read, 20_000);
      // Set so, the kernel opens the drive when the last reader leaves.
      await shell.run('echo 1 >/proc/sys/dev/cdrom/autoeject');
      await read();
      await shell.run('echo 0 >/proc/sys/dev/cdrom/autoeject');
    });
    await until('the slot is free', async () => (await slot()).Image === null, 20_000);
    expect(kept('cd')).toEqual([]);
    expect(
      (await run(process.execPath, ['dist/main.js', 'events'], { env: appliance.env })).stdout,
    ).toContain('whole.iso ejected from the virtual CD drive by the guest');
  });

  test('lets the guest read on when the BMC is killed and starts anew, and a drive be emptied that waits for its server', async () => {
    await redfish(appliance, 'POST', insertMedia, { Image: server.url('/demo.iso') });
    await until('the image is in', async () => (await slot()).Inserted === true, 30_000);
    const { bmc, qemu } = appliance.status();
    const isRead = async (shell: DemoShell) => {
      const read = async () => (await shell.run('dd if=/dev/sr0 of=/dev/null bs=2048 count=1')).code === 0;
      await until('the guest has taken note of the disc', read, 20_000);
      await shell.run('echo 3 >/proc/sys/vm/drop_caches');
    };
    await shellDo(async (shell) => {
      await isRead(shell);
      server.silent = true;
      await shell.run('(md5sum /dev/sr0 >/run/sum 2>/run/sum.err; echo $? >/run/sum.code) & true');
    });
    await until('the guest reads', () => server.open.size > 0, 20_000, 10);
    process.kill(bmc, 'SIGKILL');
    await until('another BMC is there', () => appliance.status().bmc !== bmc, 30_000);
    await until('it answers', async () => (await appliance.ipmitool('mc', 'info')).code === 0, 30_000);
    server.silent = false;
    expect(appliance.status().qemu).toBe(qemu);
    expect(await slot()).toMatchObject({ ImageName: 'demo.iso', Inserted: true, TransferMethod: 'Stream' });
    const sum = createHash('md5')
      .update(readFileSync(join(demoDir, 'demo.iso')))
      .digest('hex');
    await shellDo(async (shell) => {
      const ended = async () => (await shell.run('test -e /run/sum.code')).code === 0;
      await until('the guest has read all of it', ended, 60_000);
      expect((await shell.run('cat /run/sum.code /run/sum /run/sum.err')).output).toContain(sum);

      // Another one is not in the cache.
      expect((await redfish(appliance, 'POST', ejectMedia)).status).toBe(204);
      await redfish(appliance, 'POST', insertMedia, { Image: server.url('/demo.iso') });
      await isRead(shell);
      server.silent = true;
      await shell.run(
        '(dd if=/dev/sr0 of=/dev/null bs=2048 skip=7000 count=1; echo $? >/run/dd.code) 2>/dev/null & true',
      );
    });
    await until('the guest waits for the server', () => server.open.size > 0, 20_000);
    const startedAt = performance.now();
    expect((await redfish(appliance, 'POST', ejectMedia)).status).toBe(204);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    server.silent = false;
    await shellDo(async (shell) => {
      const ended = async () => (await shell.run('test -e /run/dd.code')).code === 0;
      await until('the guest knows that it cannot read', ended, 60_000);
      expect((await shell.run('test "$(cat /run/dd.code)" != 0')).code).toBe(0);
    });
    await until('the server is left alone', () => server.open.size === 0, 5000);
  });

  test('plugs an uploaded stick into the running guest, which writes to it, and pulls it out', async () => {
    const file = join(appliance.folder, 'stick.img');
    const content = Buffer.alloc(2 * 1024 * 1024, 'what is on the stick ');
    writeFileSync(file, content);
    const target = `${usbUri}/Actions/Oem/QemuBmcVirtualMedia.UploadMedia?writeProtected=false&filename=stick.img`;
    const url = `https://127.0.0.1:${appliance.redfishPort}/redfish/v1${target}`;
    const curl = ['-sk', '-u', 'admin:password', '-o', '/dev/null', '-w', '%{http_code}'];
    const first = content.subarray(0, 1024 * 1024);
    writeFileSync(`${file}.part`, first);
    const part = ['-H', `Content-Range: bytes 0-${first.length - 1}/${content.length}`];
    const sent = await run('curl', [...curl, ...part, '-X', 'POST', '-T', `${file}.part`, url]);
    expect(sent.stdout).toBe('202');
    const soFar = await run('curl', ['-sk', '-u', 'admin:password', url]);
    const { ReceivedBytes: at } = JSON.parse(soFar.stdout) as { ReceivedBytes: number };
    expect(at).toBe(first.length);
    const done = await run('curl', [...curl, '-X', 'POST', '-T', file, '-C', String(at), url]);
    expect(done.stdout).toBe('204');
    expect(await slot(usbUri)).toMatchObject({
      ImageName: 'stick.img',
      Inserted: true,
      WriteProtected: false,
    });
    await shellDo(async (shell) => {
      // This small guest looks for drivers when it starts, and not again.
      expect((await shell.run('modprobe usb-storage')).code).toBe(0);
      const there = async () => (await shell.run('test -b /dev/sda')).code === 0;
      await until('the guest sees the stick', there, 60_000);
      const sum = createHash('md5').update(content).digest('hex');
      expect((await shell.run('md5sum /dev/sda', 60_000)).output).toContain(sum);
      expect((await shell.run('echo written | dd of=/dev/sda conv=notrunc && sync', 60_000)).code).toBe(0);
      const [image = ''] = kept('usb');
      const begin = () => readFileSync(join(appliance.stateDir, 'media', image)).toString('latin1', 0, 8);
      await until('the image is written to', () => begin() === 'written\n', 20_000);
      const gone = await redfish(appliance, 'POST', `${usbUri}/Actions/VirtualMedia.EjectMedia`);
      expect(gone.status).toBe(204);
      await until('the guest has lost it', async () => !(await there()), 60_000);
    });
    expect(kept('usb')).toEqual([]);
  });

  test.skipIf(!hasSushy)(
    `serves OpenStack’s sushy, by way of system and manager${hasSushy ? '' : ' [skipped: package python3-sushy]'}`,
    async () => {
      const script = `
import sushy, sys
root = sushy.Sushy('https://127.0.0.1:${appliance.redfishPort}', username='admin', password='password', verify=False)
for owner in (root.get_system('/redfish/v1/Systems/1'), root.get_manager('/redfish/v1/Managers/1')):
    try:
        members = owner.virtual_media.get_members()
    except AttributeError:
        continue
    cd = [m for m in members if sushy.VIRTUAL_MEDIA_CD in m.media_types][0]
    assert not cd.inserted and cd.image is None, cd.image
    cd.insert_media('${server.url('/demo.iso')}')
    cd.refresh(force=True)
    assert cd.inserted and cd.image_name == 'demo.iso' and cd.write_protected, cd.json
    cd.eject_media()
    cd.refresh(force=True)
    assert not cd.inserted and cd.image is None, cd.json
    print('served')
`;
      const { code, stdout, stderr } = await run(debianPython, ['-W', 'ignore', '-c', script], {
        timeoutMs: 60_000,
        // Without what says which certificates to trust: that would be taken over verify=False.
        env: { PATH: process.env.PATH },
      });
      expect([code, stderr.slice(-500)]).toEqual([0, '']);
      expect(stdout).toContain('served');
    },
  );

  test('lets a silent server hold up neither power nor guest nor other requests', async () => {
    const reply = await redfish(appliance, 'POST', insertMedia, { Image: server.url('/stuck.iso') });
    expect(reply.status).toBe(202);
    expect((await redfish(appliance, 'GET', (reply.location ?? '').replace('/redfish/v1', ''))).status).toBe(
      202,
    );
    const startedAt = performance.now();
    await appliance.ipmi('power', 'off');
    await until('the machine is off', async () => !(await appliance.isOn()), 20_000);
    await appliance.ipmi('power', 'on');
    await until('the machine is on', () => appliance.isOn(), 20_000);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect((await redfish(appliance, 'POST', ejectMedia)).status).toBe(204);
    await until('the server is left alone', () => server.open.size === 0, 5000);
    expect(await slot()).toMatchObject({ Image: null, Status: { State: 'Enabled' } });
    expect(kept('cd')).toEqual([]);
  });

  test.skipIf(!existsSync(debianFirmware.ovmfCode))(
    'boots the CD by Debian’s OVMF (package ovmf), too',
    async () => {
      await redfish(appliance, 'POST', insertMedia, { Image: server.url('/demo.iso') });
      await until('the image is in', async () => (await slot()).Inserted === true, 30_000);
      const before = boots().length;
      await appliance.ipmi('chassis', 'bootdev', 'cdrom', 'options=efiboot');
      await appliance.ipmi('power', 'cycle');
      await until(
        'the guest is ready',
        () =>
          boots()
            .slice(before)
            .some(([, by]) => by === 'uefi'),
        115_000,
        100,
      );
      expect(boots().at(-1)).toEqual(['cdrom', 'uefi']);
    },
  );
});
